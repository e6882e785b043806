/** Applies records to a session's state. */
import { deepFreeze } from '../../base/deep-freeze.ts'
import type { LogEntry } from '../../ports/store.ts'
import { checkedEntry, recordKind } from '../journal/record-families.ts'
import { addRecord } from '../journal/record-size.ts'
import type { JournalEntry } from '../journal/records.ts'
import type { SessionState } from './session-state.ts'

/** Applies one record. Records are applied in order, each once. Throws `log-corrupt` for a record that cannot follow the last one. */
export function applyRecord(state: SessionState, record: LogEntry): void {
  applyEntry(state, checkedEntry(record), record.seq, record.ts)
}

/** Applies the entry of a record; `seq` and `at` (milliseconds since 1970) are those of the record. */
export function applyEntry(state: SessionState, entry: JournalEntry, seq: number, at: number): void {
  state.advance(seq, at)
  addRecord(state.size, entry)
  recordKind(entry).fold(state, entry)
  // User code sees parts of it: in events, receipts and settings of a run.
  deepFreeze(entry)
}
