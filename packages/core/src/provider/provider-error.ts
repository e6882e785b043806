/** Converts foreign errors, so that a stream throws only `provider-*` errors, as the `Provider` port requires. */
import { BeamClawError } from '../base/errors.ts'

/**
 * Returns the error for a call that its caller aborted: `provider-aborted`, with the reason of the signal as its cause.
 *
 * @example
 * if (signal.aborted) throw abortedError(signal)
 */
export function abortedError(signal: AbortSignal): BeamClawError {
  return new BeamClawError('provider-aborted', 'The call was aborted', { cause: signal.reason })
}

/** Throws `provider-aborted` once `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal)
}

/**
 * Returns what a provider threw as an error whose code starts with `provider-`. An error with such a code is returned as it is; any other
 * becomes `provider-aborted` when `signal` is aborted, otherwise `provider-protocol`. The text of a foreign error is never shown.
 *
 * @example
 * catch (thrown) { throw asProviderError(thrown, signal) }
 */
export function asProviderError(thrown: unknown, signal: AbortSignal): BeamClawError {
  if (BeamClawError.isInstance(thrown) && thrown.code.startsWith('provider-')) return thrown
  if (signal.aborted) return new BeamClawError('provider-aborted', 'The call was aborted', { cause: thrown })
  // The text of a foreign error may quote the request, and with it an API key: only its kind is shown.
  const kind = thrown instanceof Error ? thrown.name : typeof thrown
  return new BeamClawError('provider-protocol', `The provider threw ${kind}, which is no provider error`, { cause: thrown })
}
