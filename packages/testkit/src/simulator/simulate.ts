/** Simulates a BeamClaw under faults, all derived from one seed: messages, aborts, crashes, a failing store and a failing model, then calm. */
import type { SimulatedEvent } from './simulated-event.ts'
import { Simulation } from './simulation.ts'
import type { SimulationReport } from './simulation-report.ts'

/** Options of `simulate`: the seed, the length, and which events take part. */
export interface SimulateOptions {
  /** A whole number; the same one gives the same simulation. */
  readonly seed: number
  /** Things that happen before the calm. @default 80 */
  readonly steps?: number
  /** @default 3 */
  readonly sessions?: number
  /** Events that are left out. @default [] */
  readonly without?: readonly SimulatedEvent[]
}

/** Defaults for `SimulateOptions`. */
export const simulateDefaults = { steps: 80, sessions: 3, without: [] } as const satisfies Omit<SimulateOptions, 'seed'>

/**
 * Runs one simulation to its end. Rejects with a `SimulationFailure` that names the seed when an invariant does not hold.
 *
 * @example
 * const { trace, crashes } = await simulate({ seed: 42 })
 */
export async function simulate({
  seed,
  steps = simulateDefaults.steps,
  sessions = simulateDefaults.sessions,
  without = simulateDefaults.without,
}: SimulateOptions): Promise<SimulationReport> {
  const simulation = new Simulation(seed, sessions, without)
  await simulation.storm(steps)
  await simulation.calm()
  await simulation.checkWhatIsKnown()
  await simulation.checkLeftovers()
  return simulation.report()
}
