/** Work that is done again and again in the background. */
import type { Clock, TimerHandle } from '@beamclaw/core'

/** Runs `work` after each delay, and returns the function that ends it. Its timers keep no process alive. `work` must not throw. */
export function repeat(clock: Pick<Clock, 'setTimer'>, delayMs: () => number, work: () => void): () => void {
  let timer: TimerHandle
  const schedule = (): void => {
    timer = clock.setTimer(
      () => {
        schedule()
        work()
      },
      delayMs(),
      true,
    )
  }
  schedule()
  return () => timer.cancel()
}
