/** Which errors a caller tells apart. Pure. */
import { BeamClawError, type ErrorCode } from '@beamclaw/core'

/** True for an error with one of the codes. */
export function hasCode(error: unknown, codes: ReadonlySet<ErrorCode>): error is BeamClawError {
  return BeamClawError.isInstance(error) && codes.has(error.code as ErrorCode)
}
