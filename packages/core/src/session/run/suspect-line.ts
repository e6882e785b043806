/** Runs that may have taken the process down run their tools one at a time: if it goes down again, the one that did it is known. */
import type { Clock } from '../../ports/services.ts'

/** Milliseconds after which a tool is cleared, though it has not ended, and the next one may begin: what takes a process down does so at once. */
const longestTurnMs = 30_000

export class SuspectLine {
  readonly #clock: Clock
  #last: Promise<void> = Promise.resolve()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Resolves with what ends the turn, when it is the caller's, or at once when `signal` is aborted. Calls `onCleared` before the next turn
   * begins, if this one has not ended by then.
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

/** Resolves when the promise does, or the signal is aborted. */
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
