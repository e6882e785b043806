/** Takes records into a session's state. */
import type { LogEntry } from '../../ports/store.ts'
import { checkedEntry, recordKind } from '../journal/record-families.ts'
import type { JournalEntry } from '../journal/records.ts'
import type { SessionState } from './session-state.ts'

/** Takes one record in. Records come in order, each once. Throws `log-corrupt` for a record that cannot follow. */
export function applyRecord(state: SessionState, record: LogEntry): void {
  applyEntry(state, checkedEntry(record), record.seq, record.ts)
}

/** The same, for what the record holds. */
export function applyEntry(state: SessionState, entry: JournalEntry, seq: number, at: number): void {
  state.advance(seq, at)
  recordKind(entry).fold(state, entry)
}
