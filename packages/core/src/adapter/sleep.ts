/** A delay that its caller can abort. */
import type { Clock } from '@beamclaw/actor'

/**
 * Resolves after `ms` milliseconds (0 to 2,147,483,647) of `clock`. Rejects with the reason of `signal` as soon as it is aborted, and leaves
 * neither a timer nor a listener behind.
 *
 * @example
 * await sleep(clock, 250, signal)
 */
export async function sleep(clock: Pick<Clock, 'setTimer'>, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = clock.setTimer(resolve, ms)
  const onAbort = (): void => {
    timer.cancel()
    reject(signal?.reason)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
