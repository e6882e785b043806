/** When a session whose journal could not be written tries again by itself. Phases: `idle ⇄ armed`. */
import type { Clock, TimerHandle } from '../ports/services.ts'

/** Milliseconds until the next try; doubled each time, up to the longest. */
const afterMs = { first: 1_000, longest: 15_000 } as const

export class Reopening {
  readonly #clock: Clock
  #timer: TimerHandle | undefined
  /** Tries since the session was last at rest. */
  #tries = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls back later, unless a call is due already. */
  arm(callback: () => void): void {
    if (this.#timer !== undefined) return
    const delayMs = Math.min(afterMs.longest, afterMs.first * 2 ** Math.min(10, this.#tries++))
    const fire = (): void => {
      this.#timer = undefined
      callback()
    }
    this.#timer = this.#clock.setTimer(fire, delayMs, true)
  }

  /** The session is at rest: the next trouble begins with the shortest wait. */
  reset(): void {
    this.#tries = 0
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
