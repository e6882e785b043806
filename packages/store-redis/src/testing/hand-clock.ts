/** A clock whose deadlines pass when the test says so. */
import type { Clock } from '@beamclaw/core'

export class HandClock implements Pick<Clock, 'setTimer'> {
  readonly #timers = new Set<() => void>()

  setTimer(callback: () => void): { cancel(): void } {
    this.#timers.add(callback)
    return { cancel: () => void this.#timers.delete(callback) }
  }

  /** Lets every deadline pass that is set now. */
  passDeadlines(): void {
    const due = [...this.#timers]
    this.#timers.clear()
    for (const callback of due) callback()
  }
}
