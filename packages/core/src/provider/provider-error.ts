/** Keeps the promise of the `Provider` port that only `provider-*` errors leave a stream, also for providers that break it. */
import { BeamClawError, describeError } from '../errors.ts'
import type { Logger } from '../ports/ambient.ts'

/** The error for a call that its caller gave up. */
export function abortedError(signal: AbortSignal): BeamClawError {
  return new BeamClawError('provider-aborted', 'The call was aborted', { cause: signal.reason })
}

/** Throws `provider-aborted` once `signal` is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortedError(signal)
}

/** What was thrown, as an error with a `provider-` code. */
export function asProviderError(thrown: unknown, signal: AbortSignal): BeamClawError {
  if (BeamClawError.isInstance(thrown) && thrown.code.startsWith('provider-')) return thrown
  if (signal.aborted) return new BeamClawError('provider-aborted', 'The call was aborted', { cause: thrown })
  // The text of a foreign error may quote the request and with it a key: only its kind is shown.
  const kind = thrown instanceof Error ? thrown.name : typeof thrown
  return new BeamClawError('provider-protocol', `The provider threw ${kind}, which is no provider error`, { cause: thrown })
}

/** Tells a listener of the host, whose failure is logged and harms nobody. */
export function notify<T>(logger: Logger, name: string, listener: ((event: T) => void) | undefined, event: T): void {
  try {
    listener?.(event)
  } catch (error) {
    logger.log('error', 'provider.listener-failed', { listener: name, error: describeError(error) })
  }
}
