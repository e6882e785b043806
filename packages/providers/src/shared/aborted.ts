import { BeamClawError } from '@beamclaw/core'

/** The error of a call that its caller ended. */
export function aborted(signal: AbortSignal): BeamClawError {
  // The reason belongs to the caller and may be anything; only an Error is worth keeping.
  const cause = signal.reason instanceof Error ? { cause: signal.reason } : {}
  return new BeamClawError('provider-aborted', 'The provider call was aborted', cause)
}

/** Throws `provider-aborted` when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal)
}
