/** Errors in the shape of the protocol. */
import { BeamClawError, type Logger } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import type { ErrorShape, WireErrorCode } from '@beamclaw/protocol'
import { wireCodeOf } from '../error-kinds.ts'
import { isHidden, publicText, shortened } from '../public-text.ts'

/** A request that gets `ok: false`. */
export class RequestFailure extends Error {
  readonly shape: ErrorShape

  constructor(code: WireErrorCode, message: string, about: Omit<ErrorShape, 'code' | 'message'> = {}) {
    super(message)
    this.shape = { code, message: shortened(message), ...about }
  }
}

/** Returns the error object for any thrown value. An untyped error is logged, and its text is not shown. */
export function toErrorShape(error: unknown, method: string, logger: Logger): ErrorShape {
  const { shape, isForLog } = shapeOf(error)
  if (isForLog) logger.log('error', 'gateway.request-failed', { method, error: stackOf(error) })
  return shape
}

const internalShape: ErrorShape = {
  code: 'UNAVAILABLE',
  message: 'Internal error of the gateway; its log has the details',
  details: { code: 'internal' },
  retryable: false,
}

interface Shown {
  readonly shape: ErrorShape
  /** Whether the full error goes to the log, because the client does not see it. */
  readonly isForLog: boolean
}

/** A fragment's method may throw anything: a proxy, or an error with bad fields. */
function shapeOf(error: unknown): Shown {
  try {
    if (error instanceof RequestFailure) return { shape: error.shape, isForLog: false }
    if (!BeamClawError.isInstance(error) || error.code === 'internal') return { shape: internalShape, isForLog: true }
    const { code, kind, isRetryable, retryAfterMs = Number.NaN } = error
    const shape = {
      code: wireCodeOf(kind),
      message: publicText(code, error.message) || code,
      details: { code },
      retryable: isRetryable,
      ...(retryAfterMs >= 0 && retryAfterMs < Number.POSITIVE_INFINITY ? { retryAfterMs: Math.ceil(retryAfterMs) } : {}),
    }
    return { shape, isForLog: isHidden(code) }
  } catch {
    return { shape: internalShape, isForLog: true }
  }
}

function stackOf(error: unknown): string {
  try {
    if (error instanceof Error && typeof error.stack === 'string') return error.stack
  } catch {}
  return describeError(error)
}

/** Returns one line about the first issue of a schema check. */
export function describeIssue(
  error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] },
  of: string,
): string {
  const [issue] = error.issues
  const path = [of, ...(issue?.path ?? []).map(String)].join('.')
  return shortened(`invalid ${path}: ${issue?.message ?? 'does not fit'}`)
}
