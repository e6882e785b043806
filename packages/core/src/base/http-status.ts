/** The HTTP status of each kind of error. */
import type { ErrorKind } from './error-codes.ts'
import { BeamClawError } from './errors.ts'

const statusOf: Readonly<Record<ErrorKind, number>> = {
  caller: 400,
  missing: 404,
  'too-large': 413,
  conflict: 409,
  forbidden: 403,
  busy: 409,
  limited: 429,
  gone: 409,
  refused: 400,
  upstream: 502,
  timeout: 504,
  unavailable: 503,
  full: 507,
  internal: 500,
}

/**
 * Returns the HTTP status of an error, by its kind: 400 to 507. 500 for a value that is no BeamClaw error, and for a kind that this version does not
 * know. Show clients the error's code: its message may name files and services.
 *
 * @example
 * response.writeHead(httpStatusOf(error)).end(BeamClawError.isInstance(error) ? error.code : 'internal')
 */
export function httpStatusOf(error: unknown): number {
  const kind = BeamClawError.isInstance(error) ? error.kind : 'internal'
  return Object.hasOwn(statusOf, kind) ? statusOf[kind] : statusOf.internal
}
