/** Errors in the shape that OpenAI's clients understand. */
import { BeamClawError, type ErrorCode } from '@beamclaw/core'

/** An answer that is not a success: its status and the error object's fields. */
export class HttpFailure extends Error {
  readonly status: number
  readonly type: string
  readonly code: string
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, type: string, code: string, message: string, retryAfterMs?: number) {
    super(message)
    this.status = status
    this.type = type
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** A request that its sender has to change. */
export function badRequest(message: string, code = 'invalid_request', status = 400): HttpFailure {
  return new HttpFailure(status, 'invalid_request_error', code, message)
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  'invalid-option': 400,
  'invalid-session-key': 400,
  'invalid-id': 400,
  'invalid-message': 400,
  'unknown-agent': 404,
  'unknown-model': 404,
  'unknown-session': 404,
  'unknown-run': 404,
  'idempotency-mismatch': 409,
  'message-too-large': 413,
  overloaded: 429,
  'session-busy': 409,
  'run-aborted': 409,
  'run-interrupted': 503,
  'actor-not-running': 503,
  'provider-rate-limit': 429,
  'provider-context-overflow': 400,
  'provider-bad-request': 400,
  'provider-content-filter': 400,
  'provider-timeout': 504,
  'provider-overloaded': 503,
  draining: 503,
  'store-failed': 503,
  'store-full': 507,
}

/** What to answer for anything that was thrown. What we did not mean to throw is not shown. */
export function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  if (!BeamClawError.isInstance(error)) return new HttpFailure(500, 'server_error', 'internal', 'Something went wrong inside the gateway')
  const status = statusOf[error.code] ?? (error.code.startsWith('provider-') ? 502 : 500)
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error'
  return new HttpFailure(status, type, error.code, error.message, error.retryAfterMs)
}

/** The body of a failure. */
export function failureBody({ message, type, code, retryAfterMs }: HttpFailure): { readonly error: object } {
  return { error: { message, type, code, param: null, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } }
}

/** The headers of a failure. */
export function failureHeaders({ retryAfterMs }: HttpFailure): Record<string, string> {
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }
}
