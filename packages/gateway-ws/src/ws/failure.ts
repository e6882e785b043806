/** Errors as clients of the protocol expect them. */
import { BeamClawError, type Logger } from '@beamclaw/core'
import type { ErrorCode, ErrorShape } from '@beamclaw/protocol'
import { toldOf } from '../error-kinds.ts'
import { isHidden, publicText, shortened } from '../public-text.ts'

/** A request that is answered with `ok: false`. */
export class RequestFailure extends Error {
  readonly shape: ErrorShape

  constructor(code: ErrorCode, message: string, about: Omit<ErrorShape, 'code' | 'message'> = {}) {
    super(message)
    this.shape = { code, message: shortened(message), ...about }
  }
}

/** What to answer for anything that was thrown. What nobody meant to throw is logged, and not shown. */
export function toErrorShape(error: unknown, method: string, logger: Logger): ErrorShape {
  if (error instanceof RequestFailure) return error.shape
  const isTyped = BeamClawError.isInstance(error)
  if (!isTyped || error.code === 'internal' || isHidden(error.code)) {
    logger.log('error', 'gateway.request-failed', {
      method,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    })
  }
  if (!isTyped || error.code === 'internal') {
    return { code: 'UNAVAILABLE', message: 'Something went wrong inside the gateway', details: { code: 'internal' }, retryable: false }
  }
  return {
    code: toldOf(error.kind).code,
    message: publicText(error.code, error.message),
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
  return shortened(`invalid ${path}: ${issue?.message ?? 'does not fit'}`)
}
