/** Errors as clients of the protocol expect them. */
import { BeamClawError, type Logger } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import type { ErrorShape, WireErrorCode } from '@beamclaw/protocol'
import { toldOf } from '../error-kinds.ts'
import { isHidden, publicText, shortened } from '../public-text.ts'

/** A request that is answered with `ok: false`. */
export class RequestFailure extends Error {
  readonly shape: ErrorShape

  constructor(code: WireErrorCode, message: string, about: Omit<ErrorShape, 'code' | 'message'> = {}) {
    super(message)
    this.shape = { code, message: shortened(message), ...about }
  }
}

/** Returns the error object for anything that was thrown. An error that is not typed is logged, and its text is not shown. */
export function toErrorShape(error: unknown, method: string, logger: Logger): ErrorShape {
  const { shape, isForLog } = shapeOf(error)
  if (isForLog) logger.log('error', 'gateway.request-failed', { method, error: stackOf(error) })
  return shape
}

const internalShape: ErrorShape = {
  code: 'UNAVAILABLE',
  message: 'Something went wrong inside the gateway',
  details: { code: 'internal' },
  retryable: false,
}

interface Shown {
  readonly shape: ErrorShape
  /** The client is not told all of it. */
  readonly isForLog: boolean
}

/** A guest's method may throw anything: a proxy, an error whose fields are not what they should be. */
function shapeOf(error: unknown): Shown {
  try {
    if (error instanceof RequestFailure) return { shape: error.shape, isForLog: false }
    if (!BeamClawError.isInstance(error) || error.code === 'internal') return { shape: internalShape, isForLog: true }
    const { code, kind, isRetryable, retryAfterMs = Number.NaN } = error
    const shape = {
      code: toldOf(kind).code,
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

/** One line about the first thing that does not fit a schema. */
export function describeIssue(
  error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] },
  of: string,
): string {
  const [issue] = error.issues
  const path = [of, ...(issue?.path ?? []).map(String)].join('.')
  return shortened(`invalid ${path}: ${issue?.message ?? 'does not fit'}`)
}
