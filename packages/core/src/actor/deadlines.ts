/** Ends calls whose time is up, with one timer for an actor's calls however many there are. */
import { maxTimerMs } from '../options.ts'
import type { Clock, TimerHandle } from '../ports/ambient.ts'
import type { Envelope } from './envelope.ts'
import { callTimeout } from './failures.ts'

/** Visits every envelope that somebody may wait for. */
export type EachEnvelope = (visit: (envelope: Envelope) => void) => void

export class Deadlines {
  readonly #clock: Clock
  readonly #actorId: string
  readonly #eachPending: EachEnvelope
  #timer: TimerHandle | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(clock: Clock, actorId: string, eachPending: EachEnvelope) {
    this.#clock = clock
    this.#actorId = actorId
    this.#eachPending = eachPending
  }

  /** Sets the timer for the call that is due first; fails those that are due. */
  arm(): void {
    const now = this.#clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    this.#eachPending((envelope) => {
      if (!envelope.isAwaited) return
      if (envelope.deadline <= now) envelope.reject(callTimeout(this.#actorId))
      else if (envelope.deadline < next) next = envelope.deadline
    })
    if (next === this.#armedFor) return
    this.cancel()
    if (next === Number.POSITIVE_INFINITY) return
    this.#armedFor = next
    this.#timer = this.#clock.setTimer(
      () => {
        this.#armedFor = Number.POSITIVE_INFINITY
        this.arm()
      },
      Math.min(maxTimerMs, Math.ceil(next - now)),
    )
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
  }
}
