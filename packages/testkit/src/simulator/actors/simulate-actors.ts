/** Simulates actor trees, derived from one seed: ends, failures and hangs at every boundary, then calm. */
import { ActorSimulation, type ActorSimulationReport } from './actor-simulation.ts'

export interface SimulateActorsOptions {
  /** A whole number; the same one gives the same simulation. */
  readonly seed: number
  /** Things that are done before the calm. @default 60 */
  readonly steps?: number
  /** Runs the garbage collector and looks for what has ended and is retained. @default every 25th seed */
  readonly checksRetention?: boolean
}

/** Defaults for `simulateActors`. */
export const simulateActorsDefaults = { steps: 60 } as const satisfies Omit<SimulateActorsOptions, 'seed'>

export type { ActorSimulationReport } from './actor-simulation.ts'

/**
 * Runs one simulation of actor trees to its end. Rejects with a `SimulationFailure` that names the seed when an invariant does not hold.
 * @example
 * await simulateActors({ seed: 7 })
 */
export function simulateActors({
  seed,
  steps = simulateActorsDefaults.steps,
  checksRetention = seed % 25 === 0,
}: SimulateActorsOptions): Promise<ActorSimulationReport> {
  return new ActorSimulation(seed).run(steps, checksRetention)
}
