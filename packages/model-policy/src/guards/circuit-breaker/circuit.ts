/** One circuit: closed while calls succeed, open after too many failures, half-open for one probe. Pure: the time is a parameter. */

/** `closed`: calls pass. `open`: no call passes. `halfOpen`: one call passes, and its result decides. */
export type CircuitState = 'closed' | 'open' | 'halfOpen'

/** When a circuit opens, and for how long. */
export interface CircuitSettings {
  /** Failures within `withinMs` that open the circuit. */
  readonly failureThreshold: number
  /** Milliseconds of the sliding window. */
  readonly withinMs: number
  /** Milliseconds until a probe may pass. */
  readonly openMs: number
}

/** A call that was admitted; belongs to its circuit. */
export interface CircuitTicket {
  readonly generation: number
}

/**
 * Phases: `closed → open → halfOpen → closed | open`. Times are monotonic milliseconds and never go back.
 *
 * - I1: `closed` has had fewer than `failureThreshold` failures within `withinMs`.
 * - I2: `halfOpen` admits one probe at a time.
 * - I3: a ticket from before the last change of state changes nothing, except that of the probe which closed the circuit: it may still fail.
 */
export class Circuit {
  readonly #settings: CircuitSettings
  readonly #onChange: (from: CircuitState, to: CircuitState) => void
  // Time of each failure, oldest first: at most `failureThreshold`, which open the circuit.
  readonly #failures: number[] = []
  #state: CircuitState = 'closed'
  #openUntil = 0
  #probe: CircuitTicket | undefined
  // Incremented at each change of state; older calls have an outdated generation.
  #generation = 0

  constructor(settings: CircuitSettings, onChange: (from: CircuitState, to: CircuitState) => void = () => {}) {
    this.#settings = settings
    this.#onChange = onChange
  }

  /** Returns the state at `now`; an open circuit is half-open once its time is over. */
  state(now: number): CircuitState {
    return this.#state === 'open' && now >= this.#openUntil ? 'halfOpen' : this.#state
  }

  /** Returns the number of failures within the window. */
  failures(now: number): number {
    this.#forgetOld(now)
    return this.#failures.length
  }

  /** Returns true when the state equals that of a new circuit. */
  isIdle(now: number): boolean {
    return this.#state === 'closed' && this.failures(now) === 0
  }

  /** Returns the milliseconds until a call may pass: 0 when it may now, `undefined` when the probe under way decides. */
  waitMs(now: number): number | undefined {
    const state = this.state(now)
    if (state === 'open') return this.#openUntil - now
    return state === 'halfOpen' && this.#probe !== undefined ? undefined : 0
  }

  /** Admits a call, or returns `undefined`. */
  admit(now: number): CircuitTicket | undefined {
    if (this.waitMs(now) !== 0) return undefined
    if (this.#state === 'open') this.#enter('halfOpen')
    const ticket = { generation: this.#generation }
    if (this.#state === 'halfOpen') this.#probe = ticket
    return ticket
  }

  /** Called when the service answers: a probe closes the circuit. */
  answers(ticket: CircuitTicket): void {
    if (ticket === this.#probe) this.#enter('closed')
  }

  /** Called when the service failed. */
  failed(ticket: CircuitTicket, now: number): void {
    if (ticket === this.#probe) return this.#open(now)
    if (this.#state !== 'closed' || this.#isOutdated(ticket)) return
    this.#forgetOld(now)
    this.#failures.push(now)
    if (this.#failures.length >= this.#settings.failureThreshold) this.#open(now)
  }

  /** Called when a call is no evidence about the service: the next one may be the probe. */
  released(ticket: CircuitTicket): void {
    if (ticket === this.#probe) this.#probe = undefined
  }

  #open(now: number): void {
    this.#openUntil = now + this.#settings.openMs
    this.#enter('open')
  }

  #enter(state: CircuitState): void {
    const from = this.#state
    this.#state = state
    this.#probe = undefined
    this.#generation++
    this.#failures.length = 0
    this.#onChange(from, state)
  }

  /** Returns true for an outdated ticket. A probe that closed the circuit has the generation before it, and its failures still count. */
  #isOutdated({ generation }: CircuitTicket): boolean {
    return generation < this.#generation - 1
  }

  #forgetOld(now: number): void {
    let old = 0
    while ((this.#failures[old] ?? now) <= now - this.#settings.withinMs) old++
    this.#failures.splice(0, old)
  }
}
