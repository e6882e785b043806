/** The checks of a store's input, before it changes anything. For authors of stores: `storeContract()` of testkit requires them. */
import { checkOptions, describeValue, integer } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { FencingToken, LogEntry, ReadLogOptions } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { encodeJson } from './json-text.ts'

const mostNames = 8
const longestName = 512

/**
 * Throws `invalid-id` unless `key` is a tenant and `minNames` to 8 names, each of 1 to 512 characters. A prefix of a list has `minNames` 0.
 * @example checkStoreKey(['default', 'jobs', 'report'], 1)
 */
export function checkStoreKey(key: StoreKey, minNames: 0 | 1): void {
  const isKey = Array.isArray(key) && key.length > minNames && key.length <= mostNames + 1
  if (isKey && key.every((part: unknown) => typeof part === 'string' && part.length > 0 && part.length <= longestName)) return
  const expected = `a tenant and ${minNames} to ${mostNames} names of 1 to ${longestName} characters`
  throw new BeamClawError('invalid-id', `A store key is ${expected}, received ${describeValue(key)}`)
}

/**
 * Returns less than 0, 0 or more than 0, ordering keys by the code units of their parts; a key comes before the keys below it.
 * @example keys.sort(compareStoreKeys)
 */
export function compareStoreKeys(a: StoreKey, b: StoreKey): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const [left = '', right = ''] = [a[index], b[index]]
    if (left !== right) return left < right ? -1 : 1
  }
  return a.length - b.length
}

/**
 * Returns true when `prefix` is a proper prefix of `key`, part by part: `a` has `a, b` below it, and not `ab`.
 * @example isBelowStoreKey(['default', 'jobs', 'report'], ['default', 'jobs']) // → true
 */
export function isBelowStoreKey(key: StoreKey, prefix: StoreKey): boolean {
  return key.length > prefix.length && prefix.every((part, index) => part === key[index])
}

/**
 * Throws `invalid-option` unless `token` has a whole `epoch` and a `nonce` of text.
 * @example checkFencingToken({ epoch: 1, nonce: 'a' })
 */
export function checkFencingToken(token: FencingToken): void {
  if (typeof token === 'object' && token !== null && Number.isSafeInteger(token.epoch) && typeof token.nonce === 'string') return
  const expected = '{ epoch: whole number, nonce: string }'
  throw new BeamClawError('invalid-option', `Store.openLog: "token" must be ${expected}, received ${describeValue(token)}`)
}

/**
 * Returns true when the holder of `token` may open a log that the holder of `recorded` opened last: with a higher epoch, or with the same token.
 * @example mayOpenLog({ epoch: 5, nonce: 'a' }, { epoch: 5, nonce: 'b' }) // → false
 */
export function mayOpenLog(recorded: FencingToken, token: FencingToken): boolean {
  return token.epoch > recorded.epoch || (token.epoch === recorded.epoch && token.nonce === recorded.nonce)
}

/** A record with its data as JSON text, so that the caller may change the original object. */
export interface EncodedLogEntry extends Omit<LogEntry, 'data'> {
  readonly json: string
}

/**
 * Returns copies of the records of an append, their data as JSON text of at most `maxBytes` bytes each. Throws `invalid-message`,
 * `document-too-large`, or `log-gap` when a record does not follow the one before it in the batch.
 * @example const [first] = encodeLogRecords(records, 64 * 1024 * 1024)
 */
export function encodeLogRecords(records: readonly LogEntry[], maxBytes: number): EncodedLogEntry[] {
  if (!Array.isArray(records)) throw invalid(`expected an array of log records, received ${describeValue(records)}`)
  return records.map((record: LogEntry, index): EncodedLogEntry => {
    if (typeof record !== 'object' || record === null) throw invalid(`expected a log record, received ${describeValue(record)}`)
    const { seq, type, id, ts, data } = record
    if (!Number.isSafeInteger(seq) || seq < 1) throw invalid(`the seq of a record is a whole number from 1, received ${describeValue(seq)}`)
    if (typeof type !== 'string' || typeof id !== 'string' || !Number.isFinite(ts)) throw invalid('a record has a type, an id and a ts')
    if (typeof data !== 'object' || data === null || Array.isArray(data)) throw invalid('the data of a record is a JSON object')
    const expected = (records[0] as LogEntry).seq + index
    if (seq !== expected) throw logGap(`record ${index} of the batch has seq ${seq}, expected ${expected}`, expected - 1)
    return { seq, type, id, ts, json: encodeJson(data, maxBytes) }
  })
}

/**
 * Returns the records of a batch that the log does not have yet. `heldId` returns the id of a record in the log by its seq, undefined for one
 * that a snapshot replaced. Throws `log-gap` when the batch skips a seq, or when another record has one of its seqs.
 * @example const fresh = freshLogRecords(batch, (seq) => ids.get(seq), lastSeq)
 */
export function freshLogRecords<T extends { readonly seq: number; readonly id: string }>(
  batch: readonly T[],
  heldId: (seq: number) => string | undefined,
  lastSeq: number,
): readonly T[] {
  const first = batch[0]?.seq ?? lastSeq + 1
  if (first > lastSeq + 1) throw logGap(`the batch starts at seq ${first}`, lastSeq)
  if (first > lastSeq) return batch
  for (const { seq, id } of batch) {
    if (seq > lastSeq) break
    const held = heldId(seq)
    if (held === undefined) throw logGap(`seq ${seq} cannot be compared, for the log holds its record no more`, lastSeq)
    if (held !== id) throw logGap(`seq ${seq} is taken by another record`, lastSeq)
  }
  return batch.filter(({ seq }) => seq > lastSeq)
}

/**
 * Throws `log-gap` unless the `seq` of a snapshot is from `oldest` (that of the last snapshot, 0 for none) to `newest` (the last record's).
 * @example checkSnapshotSeq(snapshot.seq, 0, lastSeq)
 */
export function checkSnapshotSeq(seq: unknown, oldest: number, newest: number): void {
  if (Number.isSafeInteger(seq) && (seq as number) >= oldest && (seq as number) <= newest) return
  throw logGap(`a snapshot takes a seq from ${oldest} to ${newest}, received ${describeValue(seq)}`, newest)
}

/**
 * Returns the checked options of `Store.readLog`, with their defaults. Throws `invalid-option`.
 * @example readLogOptions({ limit: 10 }) // → { fromSeq: 1, limit: 10 }
 */
export function readLogOptions(options: ReadLogOptions): Required<ReadLogOptions> {
  checkOptions<ReadLogOptions>('Store.readLog', options, { fromSeq: integer(0), limit: integer(1) })
  const { fromSeq = 1, limit = 1_000 } = options
  return { fromSeq: Math.max(1, fromSeq), limit }
}

function invalid(problem: string): BeamClawError {
  return new BeamClawError('invalid-message', `Nothing was stored: ${problem}`)
}

function logGap(problem: string, lastSeq: number): BeamClawError {
  return new BeamClawError('log-gap', `The log ends at seq ${lastSeq}: ${problem}`, { details: { lastSeq } })
}
