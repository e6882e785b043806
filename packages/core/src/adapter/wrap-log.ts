/** A log that does some things its own way. */
import type { AppendLog } from '../ports/store.ts'

/**
 * Returns a log that does what `own` says, and everything else as `log` does.
 *
 * @example
 * const counted = wrapLog(log, { append: (records) => (count(records), log.append(records)) })
 */
export function wrapLog(log: AppendLog, own: Partial<AppendLog>): AppendLog {
  return {
    append: (records) => log.append(records),
    read: (fromSeq) => log.read(fromSeq),
    compact: (snapshot) => log.compact(snapshot),
    close: () => log.close(),
    ...own,
  }
}
