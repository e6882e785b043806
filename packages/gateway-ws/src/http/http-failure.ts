/** Errors in the shape that OpenAI's clients understand. */
import { BeamClawError } from '@beamclaw/core'
import { toldOf } from '../error-kinds.ts'
import { isHidden, publicText, shortened } from '../public-text.ts'

/** An answer that is not a success: its status and the error object's fields. */
export class HttpFailure extends Error {
  readonly status: number
  readonly type: string
  readonly code: string
  /** Milliseconds after which a retry makes sense. */
  readonly retryAfterMs: number | undefined

  constructor(status: number, type: string, code: string, message: string, retryAfterMs?: number) {
    super(shortened(message))
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

/** The request names another host: a page whose name was made to point here (DNS rebinding) sends its own. */
export function foreignHost(): HttpFailure {
  return badRequest('The host of this request is not one of the gateway; add it to allowedHosts', 'host-not-allowed', 403)
}

/** The request comes from a web page that is not known. */
export function foreignOrigin(): HttpFailure {
  return badRequest('The origin of this page is not allowed; add it to allowedOrigins', 'origin-not-allowed', 403)
}

/** What to answer for anything that was thrown. What we did not mean to throw is not shown. */
export function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  if (!BeamClawError.isInstance(error)) return new HttpFailure(500, 'server_error', 'internal', 'Something went wrong inside the gateway')
  const { status } = toldOf(error.kind)
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error'
  return new HttpFailure(status, type, error.code, publicText(error.code, error.message), error.retryAfterMs)
}

/** True for what the operator should read about, and the client is not told. */
export function isForLog(error: unknown): boolean {
  if (error instanceof HttpFailure) return false
  return !BeamClawError.isInstance(error) || error.code === 'internal' || isHidden(error.code)
}

/** The body of a failure. */
export function failureBody({ message, type, code, retryAfterMs }: HttpFailure): { readonly error: object } {
  return { error: { message, type, code, param: null, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } }
}

/** The headers of a failure. */
export function failureHeaders({ retryAfterMs }: HttpFailure): Record<string, string> {
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }
}
