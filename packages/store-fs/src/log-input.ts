/** Checks what callers hand to a log, before anything is written. */
import { BeamClawError, type FencingToken, type LogRecord, type LogSnapshot } from '@beamclaw/core'
import { invalid, logGap } from './failures.ts'
import { encodeJson } from './json-value.ts'
import { type EncodedRecord, encodeRecord } from './record-line.ts'

/** Copies records into text. Throws `invalid-message` or `document-too-large`. */
export function encodeRecords(records: readonly LogRecord[], maxBytes: number): EncodedRecord[] {
  if (!Array.isArray(records)) throw invalid('a log takes an array of records')
  return records.map((record: LogRecord): EncodedRecord => {
    if (typeof record !== 'object' || record === null) throw invalid('a record is an object')
    const { seq, type, id, ts, data } = record
    if (!Number.isSafeInteger(seq) || seq < 1) throw invalid('the seq of a record is a whole number from 1')
    if (typeof type !== 'string' || typeof id !== 'string' || !Number.isFinite(ts)) throw invalid('a record has a type, an id and a ts')
    if (typeof data !== 'object' || data === null || Array.isArray(data)) throw invalid('the data of a record is a JSON object')
    return encodeRecord(record, encodeJson(data, maxBytes))
  })
}

/** Throws `log-gap` unless `snapshot` has a seq from `oldest` to `newest`. */
export function checkSnapshotSeq(snapshot: LogSnapshot, oldest: number, newest: number): void {
  const seq: unknown = typeof snapshot === 'object' && snapshot !== null ? snapshot.seq : undefined
  if (Number.isSafeInteger(seq) && (seq as number) >= oldest && (seq as number) <= newest) return
  throw logGap(`a snapshot takes a seq from ${oldest} to ${newest}, received ${String(seq)}`, newest)
}

/** Throws `invalid-option` unless `token` is a fencing token. */
export function checkToken(token: FencingToken): void {
  const isToken = typeof token === 'object' && token !== null && Number.isSafeInteger(token.epoch) && typeof token.nonce === 'string'
  if (isToken) return
  throw new BeamClawError('invalid-option', 'FsStore.openLog: "token" must be { epoch: whole number, nonce: string }')
}

/** Records whose ids are remembered: an append is repeated soon, or never. */
const rememberedIds = 64

/** The ids of a log's last records, so that one that is appended twice can be told from one that takes its place. */
export class KnownIds {
  #first: number
  #ids: string[] = []

  /** @param first seq of the first record that is known. */
  constructor(first: number, records: readonly LogRecord[]) {
    this.#first = first
    for (const { id } of records) this.#ids.push(id)
    this.#forgetOld()
  }

  get lastSeq(): number {
    return this.#first + this.#ids.length - 1
  }

  /** The records of a batch that are new; adds them. Throws `log-gap`, and adds none, when the batch does not fit. */
  take(batch: readonly EncodedRecord[]): readonly EncodedRecord[] {
    const last = this.lastSeq
    const start = batch[0]?.seq ?? last + 1
    if (start > last + 1) throw logGap(`the batch starts at seq ${start}`, last)
    for (const [index, { seq, id }] of batch.entries()) {
      if (seq !== start + index) throw logGap(`record ${index} of the batch has seq ${seq}`, last)
      if (seq <= last && this.#ids[seq - this.#first] !== id) throw logGap(`seq ${seq} is taken by another record`, last)
    }
    const fresh = start > last ? batch : batch.slice(last + 1 - start)
    for (const { id } of fresh) this.#ids.push(id)
    if (this.#ids.length > 2 * rememberedIds) this.#forgetOld()
    return fresh
  }

  #forgetOld(): void {
    this.forgetUpTo(this.lastSeq - rememberedIds)
  }

  /** Forgets the records up to a sequence number. */
  forgetUpTo(seq: number): void {
    this.#ids = this.#ids.slice(Math.max(seq + 1 - this.#first, 0))
    this.#first = Math.max(this.#first, seq + 1)
  }
}
