/** Retries of failed model calls: whether to retry, and when. */
import type { Clock, Random } from '@beamclaw/actor'
import { BeamClawError } from '../../base/errors.ts'
import { runFailureOf } from '../../base/run-failure.ts'

/** Backoff between attempts: 500 ms, doubled each time, or longer if the service asks for it. */
const attemptBackoffMs = 500

/** The longest wait that a service may ask for; above it the run fails instead of waiting. */
const maxRetryAfterMs = 60_000

/** Waits before another attempt, at least `afterMs` milliseconds. Resolves with false when the wait was interrupted. */
export type AttemptPause = (attempt: number, afterMs: number, signal: AbortSignal) => Promise<boolean>

/** Returns the pause between attempts, which doubles each time. */
export function attemptPause({ clock, random }: { readonly clock: Clock; readonly random: Random }): AttemptPause {
  return (attempt, afterMs, signal) => {
    const backoffMs = attemptBackoffMs * 2 ** (attempt - 2) * (0.5 + random.next() / 2)
    const delayMs = Math.min(maxRetryAfterMs, Math.max(afterMs, Math.round(backoffMs)))
    return new Promise((resolve) => {
      const abort = (): void => {
        timer.cancel()
        resolve(false)
      }
      const timer = clock.setTimer(() => {
        signal.removeEventListener('abort', abort)
        resolve(true)
      }, delayMs)
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
    })
  }
}

/** Returns the description of a failed attempt for the journal. */
export function describeFailure(error: unknown) {
  const isTyped = BeamClawError.isInstance(error)
  return {
    failure: runFailureOf(error),
    isRetryable: isTyped && error.isRetryable && (error.retryAfterMs ?? 0) <= maxRetryAfterMs,
    ...(isTyped && error.retryAfterMs !== undefined ? { retryAfterMs: error.retryAfterMs } : {}),
  }
}
