/** Makes suspect runs, which may have crashed the process, run their tools one at a time, so that another crash identifies its cause. */
import type { Clock } from '@beamclaw/actor'

/** Milliseconds after which an active tool is cleared and the next one may start: a tool that crashes the process does so at once. */
const longestTurnMs = 30_000

export class SuspectLine {
  readonly #clock: Clock
  #last: Promise<void> = Promise.resolve()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Waits for the caller's turn, or until `signal` is aborted. Resolves with a function that ends the turn. Calls `onCleared` before the next turn
   * starts, if this one has not ended by then.
   */
  async enter(signal: AbortSignal, onCleared: () => Promise<void>): Promise<() => void> {
    const before = this.#last
    const turn = Promise.withResolvers<void>()
    this.#last = turn.promise
    await untilAborted(before, signal)
    if (signal.aborted) {
      void before.then(turn.resolve)
      return () => {}
    }
    const timer = this.#clock.setTimer(() => void onCleared().finally(turn.resolve), longestTurnMs, true)
    return () => {
      timer.cancel()
      turn.resolve()
    }
  }
}

/** Resolves when the promise resolves, or the signal is aborted. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
    promise.then(done)
  })
}
