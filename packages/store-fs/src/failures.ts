/** How the store says no: the system's errors and its own findings, as BeamClawErrors with stable codes. */
import { BeamClawError, type StoreKey } from '@beamclaw/core'

const noRoom = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The system's name of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** True when there is too little room, which may be more later. */
export function isNoRoom(error: unknown): boolean {
  return noRoom.has(systemCode(error) ?? '')
}

/** What the system refused, as `store-full` or `store-io`; BeamClawErrors pass unchanged. */
export function storeFailure(error: unknown, doing: string): BeamClawError {
  if (BeamClawError.isInstance(error)) return error
  const code = systemCode(error)
  const reason = error instanceof Error ? error.message : String(error)
  if (isNoRoom(error)) {
    return new BeamClawError('store-full', `No room while ${doing}: ${reason}`, { cause: error, details: { system: code } })
  }
  return new BeamClawError('store-io', `The file system failed while ${doing}: ${reason}`, { cause: error, details: { system: code } })
}

/** A file of a log that cannot be trusted, and where it goes wrong. */
export function logCorrupt(file: string, offset: number, problem: string, cause?: unknown): BeamClawError {
  return new BeamClawError('log-corrupt', `${file} at byte ${offset}: ${problem}`, { cause, details: { file, offset, problem } })
}

/** A handle that lost its log; without a reason, to one of the two that cannot be told apart. */
export function fenced(reason = 'a later owner opened the log, or it was deleted', epoch?: number): BeamClawError {
  return new BeamClawError('fenced', `This handle may not write any more: ${reason}`, { details: { epoch } })
}

/** A directory that cannot be written to any more, for a reason that will not go away. */
export function storeFailed(problem: string, cause: unknown): BeamClawError {
  return new BeamClawError('store-failed', `${problem}: nothing more is written; see to it, and start again`, { cause })
}

/** A call after the end. */
export function stopped(reason: string): BeamClawError {
  return new BeamClawError('store-stopped', `The call came too late: ${reason}`)
}

/** A value, record or snapshot that is not what it should be. */
export function invalid(problem: string): BeamClawError {
  return new BeamClawError('invalid-message', `Nothing was stored: ${problem}`)
}

/** A write over another version than the one it was meant for. */
export function versionConflict(key: StoreKey, expected: number, current: number): BeamClawError {
  const details = { key, expected, current }
  return new BeamClawError('version-conflict', `The document has version ${current}, expected was ${expected}`, { details })
}
