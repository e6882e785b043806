/** The WebSocket code of each kind of error. The HTTP status of a kind is core's, see `httpStatusOf`. */
import type { ErrorKind } from '@beamclaw/core'
import type { WireErrorCode } from '@beamclaw/protocol'

const wireCodes: Readonly<Record<ErrorKind, WireErrorCode>> = {
  caller: 'INVALID_REQUEST',
  missing: 'INVALID_REQUEST',
  'too-large': 'INVALID_REQUEST',
  conflict: 'INVALID_REQUEST',
  forbidden: 'FORBIDDEN',
  busy: 'UNAVAILABLE',
  limited: 'UNAVAILABLE',
  gone: 'UNAVAILABLE',
  refused: 'UNAVAILABLE',
  upstream: 'UNAVAILABLE',
  timeout: 'UNAVAILABLE',
  unavailable: 'UNAVAILABLE',
  full: 'UNAVAILABLE',
  internal: 'UNAVAILABLE',
}

/** Returns the code of a failed request over WebSocket. A kind that this version does not know counts as internal. */
export function wireCodeOf(kind: ErrorKind): WireErrorCode {
  return Object.hasOwn(wireCodes, kind) ? wireCodes[kind] : wireCodes.internal
}
