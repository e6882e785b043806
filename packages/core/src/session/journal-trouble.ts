/** Which failures mean that a session's journal cannot be believed or written any more. */
import type { BeamClawError, ErrorCode } from '../errors.ts'
import type { Awake } from './awake-session.ts'

const storeFailures = new Set<ErrorCode>([
  'store-full',
  'store-io',
  'store-failed',
  'store-stopped',
  'store-locked',
  'log-gap',
  'log-corrupt',
  'fenced',
])

/** True for a failure of the store, and for any failure of a session whose last write was refused. */
export function isStoreTrouble({ code }: BeamClawError, awake: Awake | undefined): boolean {
  return awake?.journal.isBroken === true || storeFailures.has(code)
}
