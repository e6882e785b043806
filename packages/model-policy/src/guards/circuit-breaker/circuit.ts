/** One circuit: closed while calls go well, open after too many failures, half open for one probe. Pure: the time is a parameter. */

/** `closed`: calls pass. `open`: none does. `halfOpen`: one passes, and its fate decides. */
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

/** A call that was let through; belongs to its circuit. */
export interface CircuitTicket {
  readonly generation: number
}

/** The state of one circuit; times are monotonic milliseconds and never go back. */
export class Circuit {
  readonly #settings: CircuitSettings
  readonly #onChange: (from: CircuitState, to: CircuitState) => void
  // When each failure came, oldest first: never more than `failureThreshold`, which open the circuit.
  readonly #failures: number[] = []
  #state: CircuitState = 'closed'
  #openUntil = 0
  #probe: CircuitTicket | undefined
  // Grows with each change of state: what an older call reports belongs to the past.
  #generation = 0

  constructor(settings: CircuitSettings, onChange: (from: CircuitState, to: CircuitState) => void = () => {}) {
    this.#settings = settings
    this.#onChange = onChange
  }

  /** The state at `now` (monotonic milliseconds); an open circuit whose time is over is half open. */
  state(now: number): CircuitState {
    return this.#state === 'open' && now >= this.#openUntil ? 'halfOpen' : this.#state
  }

  /** Failures that still count. */
  failures(now: number): number {
    this.#forgetOld(now)
    return this.#failures.length
  }

  /** True when nothing is worth remembering. */
  isIdle(now: number): boolean {
    return this.#state === 'closed' && this.failures(now) === 0
  }

  /** Milliseconds until a call may pass: 0 when it may now, `undefined` when that depends on the probe under way. */
  waitMs(now: number): number | undefined {
    const state = this.state(now)
    if (state === 'open') return this.#openUntil - now
    return state === 'halfOpen' && this.#probe !== undefined ? undefined : 0
  }

  /** Lets a call through, or answers `undefined`. */
  admit(now: number): CircuitTicket | undefined {
    if (this.waitMs(now) !== 0) return undefined
    if (this.#state === 'open') this.#enter('halfOpen')
    const ticket = { generation: this.#generation }
    if (this.#state === 'halfOpen') this.#probe = ticket
    return ticket
  }

  /** The service answers: a probe closes the circuit. */
  answers(ticket: CircuitTicket): void {
    if (ticket === this.#probe) this.#enter('closed')
  }

  /** The service failed. */
  failed(ticket: CircuitTicket, now: number): void {
    if (ticket === this.#probe) return this.#open(now)
    if (this.#state !== 'closed' || this.#isOutdated(ticket)) return
    this.#forgetOld(now)
    this.#failures.push(now)
    if (this.#failures.length >= this.#settings.failureThreshold) this.#open(now)
  }

  /** The call told nothing about the service: the next one may be the probe. */
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

  /** A probe that closed the circuit has the generation before it: how its answer goes on still counts. */
  #isOutdated({ generation }: CircuitTicket): boolean {
    return generation < this.#generation - 1
  }

  #forgetOld(now: number): void {
    let old = 0
    while ((this.#failures[old] ?? now) <= now - this.#settings.withinMs) old++
    this.#failures.splice(0, old)
  }
}
