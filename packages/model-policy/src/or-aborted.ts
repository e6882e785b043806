/** Ends the wait for a promise when a call is aborted. */
import { abortedError } from '@beamclaw/core'

/** Waits for `promise`, or throws `provider-aborted` as soon as `signal` is aborted; what becomes of the promise is then nobody's concern. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborting = Promise.withResolvers<never>()
  const onAbort = (): void => aborting.reject(abortedError(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, aborting.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
