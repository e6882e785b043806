/** Schedules the retries of a session whose journal could not be written. Phases: `idle ⇄ armed`. */
import type { Clock, TimerHandle } from '@beamclaw/actor'

/** Milliseconds until the next retry; doubled each time, up to the longest. */
const afterMs = { first: 1_000, longest: 15_000 } as const

export class Reopening {
  readonly #clock: Clock
  #timer: TimerHandle | undefined
  /** Retries since the session was last idle. */
  #tries = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True while a retry is due. */
  get isArmed(): boolean {
    return this.#timer !== undefined
  }

  /** Schedules the callback, unless one is scheduled already. */
  arm(callback: () => void): void {
    if (this.#timer !== undefined) return
    const delayMs = Math.min(afterMs.longest, afterMs.first * 2 ** Math.min(10, this.#tries++))
    const fire = (): void => {
      this.#timer = undefined
      callback()
    }
    this.#timer = this.#clock.setTimer(fire, delayMs, true)
  }

  /** Called when the session is idle: the next failure starts with the shortest wait. */
  reset(): void {
    this.#tries = 0
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
