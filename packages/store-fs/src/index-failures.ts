/** What SQLite's errors mean for the index of sessions: no room, a disk that fails, or a file that cannot be trusted. */
import { BeamClawError } from '@beamclaw/core'
import { systemCode } from './failures.ts'
import { IndexDamage } from './index-database.ts'

// Primary result codes of SQLite.
const [full, unreadable, shortRead] = [13, 266, 522]
// The file holds something else than the index, or another program holds the file: ERROR, INTERNAL, BUSY, LOCKED, CORRUPT, CONSTRAINT, MISMATCH, NOTADB.
const untrusted: ReadonlySet<number> = new Set([1, 2, 5, 6, 11, 19, 20, 26])

// What the system says of a name that is a directory, a link to itself, of another user, or that the disk cannot read. Not what passes, such as EMFILE.
const inTheWay: ReadonlySet<string> = new Set(['EACCES', 'EIO', 'EISDIR', 'ELOOP', 'ENXIO', 'EPERM'])

/** True when a name holds something that this process cannot open or read as a file, so that a file of this name has to be made anew. */
export function isInTheWay(error: unknown): boolean {
  return inTheWay.has(systemCode(error) ?? '')
}

/** True for a file that is to be made anew. */
export function isDamage(error: unknown): boolean {
  if (error instanceof IndexDamage) return true
  const code = codeOf(error)
  return code === shortRead || code === unreadable || (code !== undefined && untrusted.has(code & 0xff))
}

/** Returns why the file is made anew, in words for a log. */
export function reasonOf(error: unknown): string {
  return `index.sqlite could not be read and was made anew: ${error instanceof Error ? error.message : String(error)}`
}

/** Returns the error as `store-full` or `store-io`; a BeamClawError passes unchanged. */
export function indexFailure(error: unknown): BeamClawError {
  if (BeamClawError.isInstance(error)) return error
  const code = codeOf(error)
  const reason = error instanceof Error ? error.message : String(error)
  const details = { sqlite: code }
  if (code !== undefined && (code & 0xff) === full) {
    return new BeamClawError('store-full', `No room for the index of sessions: ${reason}`, { cause: error, details })
  }
  return new BeamClawError('store-io', `The index of sessions failed: ${reason}`, { cause: error, details })
}

function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}
