/** The one table of what clients see of each kind of error, for HTTP and WebSocket. */
import type { ErrorKind } from '@beamclaw/core'
import type { WireErrorCode } from '@beamclaw/protocol'

interface Told {
  /** HTTP status. */
  readonly status: number
  /** Code of a failed request over WebSocket. */
  readonly code: WireErrorCode
}

const told: Readonly<Record<ErrorKind, Told>> = {
  caller: { status: 400, code: 'INVALID_REQUEST' },
  missing: { status: 404, code: 'INVALID_REQUEST' },
  'too-large': { status: 413, code: 'INVALID_REQUEST' },
  conflict: { status: 409, code: 'INVALID_REQUEST' },
  forbidden: { status: 403, code: 'FORBIDDEN' },
  busy: { status: 409, code: 'UNAVAILABLE' },
  limited: { status: 429, code: 'UNAVAILABLE' },
  gone: { status: 409, code: 'UNAVAILABLE' },
  refused: { status: 400, code: 'UNAVAILABLE' },
  upstream: { status: 502, code: 'UNAVAILABLE' },
  timeout: { status: 504, code: 'UNAVAILABLE' },
  unavailable: { status: 503, code: 'UNAVAILABLE' },
  full: { status: 507, code: 'UNAVAILABLE' },
  internal: { status: 500, code: 'UNAVAILABLE' },
}

/** Returns what clients see of an error kind. A kind that this version does not know counts as internal. */
export function toldOf(kind: ErrorKind): Told {
  return Object.hasOwn(told, kind) ? told[kind] : told.internal
}
