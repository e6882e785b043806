/** Checks what callers hand to a log, before anything is written. */
import type { LogEntry } from '@beamclaw/core'
import { encodeLogRecords, freshLogRecords } from '@beamclaw/core/adapter'
import { type EncodedRecord, encodeRecord } from './record-line.ts'

/** Copies records into text. Throws `invalid-message`, `document-too-large`, or `log-gap` when they do not follow one another. */
export function encodeRecords(records: readonly LogEntry[], maxBytes: number): EncodedRecord[] {
  return encodeLogRecords(records, maxBytes).map(encodeRecord)
}

/** Records of the end of a log that count as written when they are appended again: that happens soon, or never. */
const rememberedRecords = 64

/** Returns the records of a batch that are new, given those that the log holds. Throws `log-gap` when one would take another one's place. */
export function freshRecords(batch: readonly EncodedRecord[], held: readonly LogEntry[], lastSeq: number): readonly EncodedRecord[] {
  const ids = new Map(held.slice(-rememberedRecords).map(({ seq, id }) => [seq, id]))
  return freshLogRecords(batch, (seq) => ids.get(seq), lastSeq)
}
