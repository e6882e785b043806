/** Keeps the promise of the `Provider` port that only `provider-*` errors leave a stream, also for providers that break it. */
import { BeamClawError } from '../errors.ts'

/** The error for a call that its caller gave up. */
export function abortedError(signal: AbortSignal): BeamClawError {
  return new BeamClawError('provider-aborted', 'The call was aborted', { cause: signal.reason })
}

/** Throws `provider-aborted` once `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal)
}

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

/** What was thrown, as an error with a `provider-` code. */
export function asProviderError(thrown: unknown, signal: AbortSignal): BeamClawError {
  if (BeamClawError.isInstance(thrown) && thrown.code.startsWith('provider-')) return thrown
  if (signal.aborted) return new BeamClawError('provider-aborted', 'The call was aborted', { cause: thrown })
  // The text of a foreign error may quote the request and with it a key: only its kind is shown.
  const kind = thrown instanceof Error ? thrown.name : typeof thrown
  return new BeamClawError('provider-protocol', `The provider threw ${kind}, which is no provider error`, { cause: thrown })
}
