/** A decorator of logs. */
import type { AppendLog } from '../ports/store.ts'

/**
 * Returns a log with the methods of `own`; the other methods are those of `log`.
 *
 * @example
 * const counted = wrapLog(log, { append: (records) => (count(records), log.append(records)) })
 */
export function wrapLog(log: AppendLog, own: Partial<AppendLog>): AppendLog {
  return {
    append: (records) => log.append(records),
    read: (fromSeq) => log.read(fromSeq),
    snapshot: (snapshot, options) => log.snapshot(snapshot, options),
    close: () => log.close(),
    ...own,
  }
}
