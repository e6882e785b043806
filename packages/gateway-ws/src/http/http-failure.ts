/** HTTP errors in the shape of OpenAI's API. */
import { BeamClawError, httpStatusOf } from '@beamclaw/core'
import { isHidden, publicText, shortened } from '../public-text.ts'

/** An error response: its status and the fields of the error object. */
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

/** Returns an error that the client must fix in its request. */
export function badRequest(message: string, code = 'invalid_request', status = 400): HttpFailure {
  return new HttpFailure(status, 'invalid_request_error', code, message)
}

/** Returns the error for a foreign `Host` header, as in DNS rebinding. */
export function foreignHost(): HttpFailure {
  return badRequest('The Host header does not name this gateway; add the host to allowedHosts', 'host-not-allowed', 403)
}

/** Returns the error for a web page of a foreign origin. */
export function foreignOrigin(): HttpFailure {
  return badRequest('The origin of this page is not allowed; add it to allowedOrigins', 'origin-not-allowed', 403)
}

/** Returns the response for any thrown value. The text of an unexpected error is not shown. */
export function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  if (!BeamClawError.isInstance(error))
    return new HttpFailure(500, 'server_error', 'internal', 'Internal error of the gateway; its log has the details')
  const status = httpStatusOf(error)
  const type = status === 429 ? 'rate_limit_error' : status < 500 ? 'invalid_request_error' : 'server_error'
  return new HttpFailure(status, type, error.code, publicText(error.code, error.message), error.retryAfterMs)
}

/** Returns true for errors whose details go to the log only. */
export function isForLog(error: unknown): boolean {
  if (error instanceof HttpFailure) return false
  return !BeamClawError.isInstance(error) || error.code === 'internal' || isHidden(error.code)
}

/** Returns the body of an error response. */
export function failureBody({ message, type, code, retryAfterMs }: HttpFailure): { readonly error: object } {
  return { error: { message, type, code, param: null, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } }
}

/** Returns the headers of an error response. */
export function failureHeaders({ retryAfterMs }: HttpFailure): Record<string, string> {
  return retryAfterMs === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }
}
