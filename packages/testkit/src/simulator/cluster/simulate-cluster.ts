/** Simulates several BeamClaws over one store and one network under faults, all derived from one seed: a storm, then calm. */
import type { ClusterEvent } from './cluster-event.ts'
import { ClusterSimulation } from './cluster-simulation.ts'
import type { ClusterSimulationReport } from './cluster-simulation-report.ts'

/** Options of `simulateCluster`: the seed, the size, and which events take part. */
export interface SimulateClusterOptions {
  /** A whole number; the same one gives the same simulation. */
  readonly seed: number
  /** @default 3 to 5, by the seed */
  readonly nodes?: number
  /** Things that happen before the calm. @default 120 */
  readonly steps?: number
  /** @default 4 */
  readonly sessions?: number
  /** Events that are left out. @default [] */
  readonly without?: readonly ClusterEvent[]
}

/** Defaults for `SimulateClusterOptions`. */
export const simulateClusterDefaults = { steps: 120, sessions: 4, without: [] } as const satisfies Omit<SimulateClusterOptions, 'seed'>

/**
 * Runs one simulation of a cluster to its end. Rejects with a `SimulationFailure` that names the seed when an invariant does not hold.
 *
 * @example
 * const { trace, lives } = await simulateCluster({ seed: 42, nodes: 3 })
 */
export async function simulateCluster({
  seed,
  nodes,
  steps = simulateClusterDefaults.steps,
  sessions = simulateClusterDefaults.sessions,
  without = simulateClusterDefaults.without,
}: SimulateClusterOptions): Promise<ClusterSimulationReport> {
  const simulation = new ClusterSimulation({ seed, nodes, sessions, without })
  await simulation.storm(steps)
  await simulation.calm()
  await simulation.checkWhatIsKnown()
  await simulation.checkLeftovers()
  return simulation.report()
}
