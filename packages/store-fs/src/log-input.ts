/** Checks what callers hand to a log, before anything is written. */
import { BeamClawError, encodeJson, type FencingToken, type LogRecord } from '@beamclaw/core'
import { invalid, logGap } from './failures.ts'
import { type EncodedRecord, encodeRecord } from './record-line.ts'

/** Copies records into text. Throws `invalid-message`, `document-too-large`, or `log-gap` when they do not follow one another. */
export function encodeRecords(records: readonly LogRecord[], maxBytes: number): EncodedRecord[] {
  if (!Array.isArray(records)) throw invalid('a log takes an array of records')
  return records.map((record: LogRecord, index): EncodedRecord => {
    if (typeof record !== 'object' || record === null) throw invalid('a record is an object')
    const { seq, type, id, ts, data } = record
    if (!Number.isSafeInteger(seq) || seq < 1) throw invalid('the seq of a record is a whole number from 1')
    if (typeof type !== 'string' || typeof id !== 'string' || !Number.isFinite(ts)) throw invalid('a record has a type, an id and a ts')
    if (typeof data !== 'object' || data === null || Array.isArray(data)) throw invalid('the data of a record is a JSON object')
    const expected = (records[0] as LogRecord).seq + index
    if (seq !== expected) throw logGap(`record ${index} of the batch has seq ${seq}`, expected - 1)
    return encodeRecord(record, encodeJson(data, maxBytes))
  })
}

/** Throws `log-gap` unless `seq`, that of a snapshot, is from `oldest` to `newest`. */
export function checkSnapshotSeq(seq: unknown, oldest: number, newest: number): void {
  if (Number.isSafeInteger(seq) && (seq as number) >= oldest && (seq as number) <= newest) return
  throw logGap(`a snapshot takes a seq from ${oldest} to ${newest}, received ${String(seq)}`, newest)
}

/** Throws `invalid-option` unless `token` is a fencing token. */
export function checkToken(token: FencingToken): void {
  const isToken = typeof token === 'object' && token !== null && Number.isSafeInteger(token.epoch) && typeof token.nonce === 'string'
  if (isToken) return
  throw new BeamClawError('invalid-option', 'FsStore.openLog: "token" must be { epoch: whole number, nonce: string }')
}

/** Throws `log-gap` when a batch that starts at `first` leaves something out. */
export function checkFollows(first: number, lastSeq: number): void {
  if (first > lastSeq + 1) throw logGap(`the batch starts at seq ${first}`, lastSeq)
}

/** Records of the end of a log that count as written when they are appended again: that happens soon, or never. */
const rememberedRecords = 64

/** The records of a batch that are new, given those that the log holds. Throws `log-gap` when one would take another one's place. */
export function freshRecords(batch: readonly EncodedRecord[], held: readonly LogRecord[], lastSeq: number): readonly EncodedRecord[] {
  const ids = new Map(held.slice(-rememberedRecords).map(({ seq, id }) => [seq, id]))
  for (const { seq, id } of batch) {
    if (seq <= lastSeq && ids.get(seq) !== id) throw logGap(`seq ${seq} is taken by another record`, lastSeq)
  }
  return batch.filter(({ seq }) => seq > lastSeq)
}
