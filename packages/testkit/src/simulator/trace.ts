/** The trace of a simulation, one event a line: the same seed gives the same lines. */
import type { VirtualClock } from './virtual-clock.ts'

/** The invariants: I… of sessions and nodes, numbered as in the fault plan, and A… of actor trees. */
export const invariants = {
  I1: 'each accepted message ends in exactly one run',
  I2: 'a journal has no gaps, one writer at a time, and can be read again',
  I3: 'a tool call that may not be repeated begins at most once, and not before its intent is durable',
  I4: 'each run that starts ends exactly once',
  I7: 'a subscriber is told of each record once, in order, and of nothing that is not durable',
  I8: 'nothing is left behind: timers, subscriptions, calls, entries',
  I9: 'the nodes of a cluster agree where a session is, and it is in memory there alone',
  I10: 'each caller is told within its deadline what became of its call',
  A1: 'dead stays dead: one exit notice, one exit event, no hook after it',
  A2: 'no child outlives its supervisor',
  A3: 'every start, stop and call settles by its deadline',
  A4: 'a grace is neither cut short nor exceeded',
  A5: 'what user code throws reaches its owner and nothing else',
  A6: 'nothing that has ended is retained',
  A7: 'restarts are made, counted and delayed as promised',
  A8: 'hooks run one at a time, each in its phase',
  A9: 'timers get their turn every 8 ms',
  A11: 'a task begins at most once, never after it was cancelled, and within the limits of its supervisor',
  A10: 'a call cycle is reported only where messages in hand wait for each other',
} as const

/** The name of an invariant that a simulation checks. */
export type Invariant = keyof typeof invariants

/** Lines of the trace that a failure shows. */
const shownLines = 30

/**
 * An invariant of a simulation did not hold. `seed` repeats the run; the message ends with its last events.
 *
 * @example
 * await simulate({ seed }).catch((error) => { if (error instanceof SimulationFailure) console.error(error.seed, error.invariant) })
 */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure'
  readonly seed: number
  readonly invariant: Invariant
  /** Every line up to the failure. */
  readonly trace: readonly string[]

  constructor(seed: number, invariant: Invariant, what: string, trace: readonly string[]) {
    super(`seed ${seed}: ${invariant}, ${invariants[invariant]}: ${what}\n${trace.slice(-shownLines).join('\n')}`)
    this.seed = seed
    this.invariant = invariant
    this.trace = trace
  }
}

export class Trace {
  readonly lines: string[] = []
  readonly #seed: number
  readonly #clock: VirtualClock
  #failure: SimulationFailure | undefined

  constructor(seed: number, clock: VirtualClock) {
    this.#seed = seed
    this.#clock = clock
  }

  add(line: string): void {
    this.lines.push(`${String(this.#clock.elapsed).padStart(7)} ${line}`)
  }

  /** Notes that an invariant was broken. May be called from anywhere: the simulation throws it at its next step. */
  fail(invariant: Invariant, what: string): void {
    this.add(`BROKEN ${invariant}: ${what}`)
    this.#failure ??= new SimulationFailure(this.#seed, invariant, what, [...this.lines])
  }

  /** Throws what `fail` noted first. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
