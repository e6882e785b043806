/** The store's failures as BeamClawErrors with stable codes: errors of the operating system, and findings of its own. */
import { BeamClawError, type StoreKey } from '@beamclaw/core'

const noRoom = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Returns the operating system's code of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Returns true when the disk or a quota is full, which may pass. */
export function isNoRoom(error: unknown): boolean {
  return noRoom.has(systemCode(error) ?? '')
}

/** Returns an error of the operating system as `store-full` or `store-io`; a BeamClawError passes unchanged. */
export function storeFailure(error: unknown, doing: string): BeamClawError {
  if (BeamClawError.isInstance(error)) return error
  const code = systemCode(error)
  const reason = error instanceof Error ? error.message : String(error)
  if (isNoRoom(error)) {
    return new BeamClawError('store-full', `No room while ${doing}: ${reason}`, { cause: error, details: { system: code } })
  }
  return new BeamClawError('store-io', `The file system failed while ${doing}: ${reason}`, { cause: error, details: { system: code } })
}

/** Returns `log-corrupt` for a file of a log that is damaged from byte `offset` on. */
export function logCorrupt(file: string, offset: number, problem: string, cause?: unknown): BeamClawError {
  return new BeamClawError('log-corrupt', `${file} at byte ${offset}: ${problem}`, { cause, details: { file, offset, problem } })
}

/** Returns `fenced` for a handle that lost its log. Without a reason, the message names both possible causes. */
export function fenced(reason = 'a later owner opened the log, or it was deleted', epoch?: number): BeamClawError {
  return new BeamClawError('fenced', `The log handle may no longer write: ${reason}. Open the log again to continue`, {
    details: { epoch },
  })
}

/** Returns `store-failed` for a store that accepts no writes any more and cannot recover by itself. */
export function storeFailed(problem: string, cause: unknown): BeamClawError {
  return new BeamClawError('store-failed', `${problem}. The store accepts no more writes; fix the cause and start the process again`, {
    cause,
  })
}

/** Returns `store-stopped` for a call after `stop` or `close`. */
export function stopped(reason: string): BeamClawError {
  return new BeamClawError('store-stopped', `The call was rejected: ${reason}`)
}

/** Returns `invalid-message` for a value, record or snapshot that cannot be stored. */
export function invalid(problem: string): BeamClawError {
  return new BeamClawError('invalid-message', `Nothing was stored: ${problem}`)
}

/** Returns `invalid-option` for a directory that is none of a store: the same for each tool that looks into one. */
export function noDataDirectory(path: string, problem: string): BeamClawError {
  return new BeamClawError('invalid-option', `${path} is no data directory: ${problem}. Name the directory of a store`)
}

/** Returns `version-conflict` for a write that expected another version. */
export function versionConflict(key: StoreKey, expected: number, current: number): BeamClawError {
  const details = { key, expected, current }
  return new BeamClawError('version-conflict', `The document has version ${current}, expected ${expected}. Read it again and retry`, {
    details,
  })
}
