/** Which failures mean that a session must let go of what it knows, and go on from its journal. */

import type { ErrorCode } from '../error-codes.ts'
import { BeamClawError, describeError } from '../errors.ts'
import type { SessionKey } from '../ids.ts'
import type { Awake } from './awake-session.ts'

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
export function isStoreTrouble({ code }: BeamClawError, awake: Awake | undefined): boolean {
  return awake?.journal.isBroken === true || storeFailures.has(code)
}

/** Returns the error of a session that failed by itself: what is in its memory cannot be trusted any more. */
export function sessionBroken(key: SessionKey, cause: unknown): BeamClawError {
  const problem = `Session "${key}" failed and goes on from its journal: ${describeError(cause)}`
  return new BeamClawError('session-broken', problem, { cause, retryAfterMs: 1_000 })
}
