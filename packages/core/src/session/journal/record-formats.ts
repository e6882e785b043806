/** The formats of journals. A version that writes another one says so in its records and snapshots, so that an older version knows that it must not go on. */
import { BeamClawError } from '../../base/errors.ts'
import type { VersionRange } from '../../ports/cluster.ts'

/** The formats that this version reads; it writes the last one, which records do not mention. */
export const recordFormats: VersionRange = [1, 1]

/** Throws `log-too-new` for a record or a snapshot of a format that this version does not read: `format` in `fields`, a whole number. */
export function checkFormat(fields: unknown, what: string): void {
  const { format } = (typeof fields === 'object' && fields !== null ? fields : {}) as { readonly format?: unknown }
  if (typeof format === 'number' && Number.isSafeInteger(format) && format > recordFormats[1]) throw logTooNew(format, what)
}

function logTooNew(format: number, what: string): BeamClawError {
  const problem = `${what} has format ${format}; this version reads up to ${recordFormats[1]}. Use a node of the newer version`
  return new BeamClawError('log-too-new', problem, { details: { format } })
}

/** Returns the format of a journal that was refused with `log-too-new`; undefined for any other error. */
export function formatTooNew(error: unknown): number | undefined {
  if (!BeamClawError.isInstance(error, 'log-too-new')) return undefined
  return typeof error.details.format === 'number' ? error.details.format : Number.MAX_SAFE_INTEGER
}

/** True for a journal that this version cannot read, however often it tries: it is damaged, or of a newer version. */
export function isUnreadable(error: unknown): boolean {
  return BeamClawError.isInstance(error, 'log-corrupt') || BeamClawError.isInstance(error, 'log-too-new')
}
