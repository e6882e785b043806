/** Which failures mean that a session must let go of what it knows, and go on from its journal. */

import type { ErrorCode } from '../../base/error-codes.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { LoadedSession } from '../loaded-session.ts'

const storeFailures: ReadonlySet<string> = new Set<ErrorCode>([
  'store-full',
  'store-io',
  'store-failed',
  'store-stopped',
  'store-locked',
  'log-gap',
  'log-corrupt',
  'fenced',
  'session-broken',
])

/** True for a failure of the store, and for any failure of a session whose last write was refused. */
export function isStoreTrouble({ code }: BeamClawError, awake: LoadedSession | undefined): boolean {
  return awake?.journal.isBroken === true || storeFailures.has(code)
}

/** Returns the error of a session that failed by itself: what is in its memory cannot be trusted any more. */
export function sessionBroken(key: SessionKey, cause: unknown): BeamClawError {
  const problem = `Session "${key}" failed and goes on from its journal: ${describeError(cause)}`
  return new BeamClawError('session-broken', problem, { cause, retryAfterMs: 1_000 })
}

/** Returns the error as callers may see it: what is not typed is the session's own failure. */
export function typedFailure(key: SessionKey, error: unknown): BeamClawError {
  return BeamClawError.isInstance(error) ? error : sessionBroken(key, error)
}

/** Returns the error for a session that is not there. */
export function unknownSession(sessionKey: SessionKey): BeamClawError {
  return new BeamClawError('unknown-session', `There is no session "${sessionKey}"; its first message begins it`, {
    details: { sessionKey },
  })
}
