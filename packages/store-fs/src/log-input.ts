/** Checks the input of a log before anything is written. */
import type { LogEntry } from '@beamclaw/core'
import { encodeLogRecords, freshLogRecords } from '@beamclaw/core/adapter'
import { type EncodedRecord, encodeRecord } from './record-line.ts'

/** Copies records into JSON text. Throws `invalid-message`, `document-too-large`, or `log-gap` when they do not follow one another. */
export function encodeRecords(records: readonly LogEntry[], maxBytes: number): EncodedRecord[] {
  return encodeLogRecords(records, maxBytes).map(encodeRecord)
}

/** Number of records at the end of a log for which a repeated append counts as written. Repeats come soon or never. */
export const rememberedRecords = 64

/** Returns the new records of a batch, given those that the log holds. Throws `log-gap` when one would replace a different record. */
export function freshRecords(batch: readonly EncodedRecord[], held: readonly LogEntry[], lastSeq: number): readonly EncodedRecord[] {
  const ids = new Map(held.slice(-rememberedRecords).map(({ seq, id }) => [seq, id]))
  return freshLogRecords(batch, (seq) => ids.get(seq), lastSeq)
}
