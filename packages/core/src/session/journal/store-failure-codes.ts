/** The failures after which a session must discard its state and reload from its journal. */

import type { ErrorCode } from '../../base/error-codes.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { LoadedSession } from '../loaded-session.ts'

const storeFailures: ReadonlySet<string> = new Set<ErrorCode>([
  'store-full',
  'store-io',
  'store-failed',
  'store-replaced',
  'store-stopped',
  'store-locked',
  'log-gap',
  'log-corrupt',
  'log-too-new',
  'fenced',
  'session-broken',
])

/** True for a store that no call can use any more until the program is started again. */
export function isStoreLost({ code }: BeamClawError): boolean {
  return code === 'store-failed' || code === 'store-replaced'
}

/** True for a failure of the store, and for any failure of a session whose last write was refused. */
export function isStoreTrouble({ code }: BeamClawError, awake: LoadedSession | undefined): boolean {
  return awake?.journal.isBroken === true || storeFailures.has(code)
}

/** Returns the error of a session that failed by itself: its state in memory cannot be trusted any more. */
export function sessionBroken(key: SessionKey, cause: unknown): BeamClawError {
  const problem = `Session "${key}" failed and continues from its journal: ${describeError(cause)}`
  return new BeamClawError('session-broken', problem, { cause, retryAfterMs: 1_000 })
}

/** Returns the error as callers may see it. An untyped error is a failure of the session itself. */
export function typedFailure(key: SessionKey, error: unknown): BeamClawError {
  return BeamClawError.isInstance(error) ? error : sessionBroken(key, error)
}

/** Returns the error for a session that does not exist. */
export function unknownSession(sessionKey: SessionKey): BeamClawError {
  return new BeamClawError('unknown-session', `There is no session "${sessionKey}"; its first message begins it`, {
    details: { sessionKey },
  })
}
