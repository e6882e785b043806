/** Errors as clients of the protocol expect them. */
import { BeamClawError, type Logger } from '@beamclaw/core'
import type { ErrorCode, ErrorShape } from '@beamclaw/protocol'

/** A request that is answered with `ok: false`. */
export class RequestFailure extends Error {
  readonly shape: ErrorShape

  constructor(code: ErrorCode, message: string, about: Omit<ErrorShape, 'code' | 'message'> = {}) {
    super(message)
    this.shape = { code, message, ...about }
  }
}

/** What only the sender can put right. Everything else may work later. */
const invalid = /^(invalid-|unknown-|message-too-large$|document-too-large$|idempotency-mismatch$)/

/** What to answer for anything that was thrown. What nobody meant to throw is logged, and not shown. */
export function toErrorShape(error: unknown, method: string, logger: Logger): ErrorShape {
  if (error instanceof RequestFailure) return error.shape
  if (!BeamClawError.isInstance(error) || error.code === 'internal') {
    logger.log('error', 'gateway.request-failed', {
      method,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
    return { code: 'UNAVAILABLE', message: 'Something went wrong inside the gateway', details: { code: 'internal' }, retryable: false }
  }
  return {
    code: invalid.test(error.code) ? 'INVALID_REQUEST' : 'UNAVAILABLE',
    message: error.message,
    details: { code: error.code },
    retryable: error.isRetryable,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(error.retryAfterMs) }),
  }
}

/** One line about the first thing that does not fit a schema. */
export function describeIssue(
  error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] },
  of: string,
): string {
  const [issue] = error.issues
  const path = [of, ...(issue?.path ?? []).map(String)].join('.')
  return `invalid ${path}: ${issue?.message ?? 'does not fit'}`
}
