/** The end of a wait for a run whose session stopped. */
import { BeamClawError } from '../../base/errors.ts'

/** True when the session was stopped or killed during the call: the run continues when the session runs again. */
export function wasStopped(error: unknown): error is BeamClawError {
  return BeamClawError.isInstance(error) && stoppedCodes.has(error.code)
}

const stoppedCodes: ReadonlySet<string> = new Set(['actor-not-running', 'actor-stopped', 'actor-killed'])

export function interrupted(cause?: BeamClawError): BeamClawError {
  return new BeamClawError('run-interrupted', 'The session stopped before the run ended; it continues when the session restarts', { cause })
}
