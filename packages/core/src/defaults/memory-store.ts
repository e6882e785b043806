/** A store that lives and dies with its process: the default, and the measure for every other store. */
import { BeamClawError } from '../errors.ts'
import type { JsonObject, JsonValue } from '../messages.ts'
import { anything, checkOptions, describeValue, integer } from '../options.ts'
import type {
  FencingToken,
  ListOptions,
  Log,
  LogContent,
  LogRecord,
  LogSnapshot,
  PutOptions,
  Store,
  StoreKey,
  Versioned,
} from '../ports/store.ts'
import { encodeJson } from './json-text.ts'

export interface MemoryStoreOptions {
  /** Largest document, record or snapshot as UTF-8 JSON, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
}

/** What `MemoryStore` does when nobody says otherwise. */
const memoryStoreDefaults = { maxDocumentBytes: 64 * 1024 * 1024 } as const satisfies Required<MemoryStoreOptions>

/** `Store` in memory. Values are kept as JSON text, so that nothing a caller holds is shared with the store. */
export class MemoryStore implements Store {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry>()
  #isStopped = false

  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, { maxDocumentBytes: integer(1) })
    this.#maxBytes = options.maxDocumentBytes ?? memoryStoreDefaults.maxDocumentBytes
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    const document = this.#entry(key)?.document
    return document === undefined ? undefined : { value: JSON.parse(document.json) as JsonValue, version: document.version }
  }

  async put(key: StoreKey, value: JsonValue, options: PutOptions = {}): Promise<number> {
    checkOptions('Store.put', options, { expectedVersion: integer(0) })
    const entry = this.#entry(key)
    const json = encodeJson(value, this.#maxBytes)
    const current = entry?.document?.version ?? 0
    checkVersion(key, options.expectedVersion, current)
    const document = { json, version: current + 1 }
    if (entry === undefined) this.#entries.set(nameOf(key), { key: [...key], document })
    else entry.document = document
    return document.version
  }

  async delete(key: StoreKey, options: PutOptions = {}): Promise<boolean> {
    checkOptions('Store.delete', options, { expectedVersion: integer(0) })
    const entry = this.#entry(key)
    checkVersion(key, options.expectedVersion, entry?.document?.version ?? 0)
    entry?.log?.owner?.break(fenced('the log was deleted'))
    return this.#entries.delete(nameOf(key))
  }

  async list(prefix: StoreKey, options: ListOptions = {}): Promise<readonly StoreKey[]> {
    this.#checkRunning()
    checkKey(prefix, 0)
    checkOptions('Store.list', options, { after: anything, limit: integer(1) })
    const { after, limit = 1000 } = options
    if (after !== undefined) checkKey(after, 0)
    const found: StoreKey[] = []
    for (const { key } of this.#entries.values()) {
      if (key.length <= prefix.length || prefix.some((part, index) => part !== key[index])) continue
      if (after === undefined || compareKeys(key, after) > 0) found.push(key)
    }
    const page = found.sort(compareKeys).slice(0, limit)
    return page.map((key): StoreKey => [...key])
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<Log> {
    const entry = this.#entry(key) ?? { key: [...key] }
    checkToken(token)
    const log = entry.log
    if (log !== undefined && !mayOpen(log.token, token)) throw fenced('a later owner opened the log', log.token.epoch)
    log?.owner?.break(fenced('a later owner opened the log'))
    const state = log ?? { token, records: [], snapshot: undefined, owner: undefined }
    state.token = { epoch: token.epoch, nonce: token.nonce }
    state.owner = new MemoryLog(state, this.#maxBytes)
    entry.log = state
    this.#entries.set(nameOf(key), entry)
    return state.owner
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { log } of this.#entries.values()) log?.owner?.break(stopped('the store was stopped'))
  }

  #entry(key: StoreKey): Entry | undefined {
    this.#checkRunning()
    checkKey(key, 1)
    return this.#entries.get(nameOf(key))
  }

  #checkRunning(): void {
    if (this.#isStopped) throw stopped('the store was stopped')
  }
}

interface Entry {
  readonly key: StoreKey
  document?: { readonly json: string; readonly version: number }
  log?: LogState
}

interface LogState {
  token: FencingToken
  owner: MemoryLog | undefined
  records: StoredRecord[]
  snapshot: { readonly seq: number; readonly json: string } | undefined
}

interface StoredRecord {
  readonly seq: number
  readonly type: string
  readonly id: string
  readonly ts: number
  readonly json: string
}

class MemoryLog implements Log {
  readonly #state: LogState
  readonly #maxBytes: number
  #broken: BeamClawError | undefined

  constructor(state: LogState, maxBytes: number) {
    this.#state = state
    this.#maxBytes = maxBytes
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    this.#checkOwned()
    const stored = encodeRecords(records, this.#maxBytes)
    const last = this.#lastSeq()
    for (const [index, { seq, id }] of stored.entries()) {
      if (seq !== (stored[0]?.seq ?? 0) + index) throw logGap(`record ${index} of the batch has seq ${seq}`, last)
      if (seq > last) {
        if (index === 0 && seq !== last + 1) throw logGap(`the batch starts at seq ${seq}`, last)
        continue
      }
      const known = this.#state.records[seq - (this.#state.records[0]?.seq ?? 1)]
      if (known?.id !== id) throw logGap(`seq ${seq} is taken by another record`, last)
    }
    for (const record of stored) if (record.seq > last) this.#state.records.push(record)
  }

  async read(fromSeq = 1): Promise<LogContent> {
    this.#checkOwned()
    checkOptions('Log.read', { fromSeq }, { fromSeq: integer(0) })
    const { snapshot, records } = this.#state
    return {
      snapshot: snapshot === undefined ? undefined : { seq: snapshot.seq, state: JSON.parse(snapshot.json) as JsonValue },
      records: records
        .filter(({ seq }) => seq >= fromSeq)
        .map(({ seq, type, id, ts, json }) => ({ seq, type, id, ts, data: JSON.parse(json) as JsonObject })),
    }
  }

  async compact(snapshot: LogSnapshot): Promise<void> {
    this.#checkOwned()
    checkSnapshotSeq(snapshot, this.#state.snapshot?.seq ?? 0, this.#lastSeq())
    this.#state.snapshot = { seq: snapshot.seq, json: encodeJson(snapshot.state, this.#maxBytes) }
    this.#state.records = this.#state.records.filter(({ seq }) => seq > snapshot.seq)
  }

  async close(): Promise<void> {
    if (this.#state.owner === this) this.#state.owner = undefined
    this.break(stopped('the log handle was closed'))
  }

  break(error: BeamClawError): void {
    this.#broken ??= error
  }

  #lastSeq(): number {
    return this.#state.records.at(-1)?.seq ?? this.#state.snapshot?.seq ?? 0
  }

  #checkOwned(): void {
    if (this.#broken !== undefined) throw this.#broken
  }
}

function nameOf(key: StoreKey): string {
  return JSON.stringify(key)
}

function compareKeys(a: StoreKey, b: StoreKey): number {
  for (let index = 0; index < a.length && index < b.length; index++) {
    const [left = '', right = ''] = [a[index], b[index]]
    if (left !== right) return left < right ? -1 : 1
  }
  return a.length - b.length
}

function checkKey(key: StoreKey, minNames: number): void {
  const isKey = Array.isArray(key) && key.length > minNames && key.length <= 9
  if (!isKey || !key.every((part: unknown) => typeof part === 'string' && part.length > 0 && part.length <= 512)) {
    throw new BeamClawError('invalid-id', `A store key is a tenant and ${minNames} to 8 names of 1 to 512 characters`)
  }
}

function checkToken(token: FencingToken): void {
  const isToken = typeof token === 'object' && token !== null && Number.isSafeInteger(token.epoch) && typeof token.nonce === 'string'
  if (!isToken) {
    const expected = '{ epoch: whole number, nonce: string }'
    throw new BeamClawError('invalid-option', `Store.openLog: "token" must be ${expected}, received ${describeValue(token)}`)
  }
}

function mayOpen(recorded: FencingToken, token: FencingToken): boolean {
  return token.epoch > recorded.epoch || (token.epoch === recorded.epoch && token.nonce === recorded.nonce)
}

function checkVersion(key: StoreKey, expected: number | undefined, current: number): void {
  if (expected === undefined || expected === current) return
  const details = { key, expected, current }
  throw new BeamClawError('version-conflict', `The document has version ${current}, expected was ${expected}`, { details })
}

function checkSnapshotSeq(snapshot: LogSnapshot, oldest: number, newest: number): void {
  const seq: unknown = typeof snapshot === 'object' && snapshot !== null ? snapshot.seq : undefined
  if (Number.isSafeInteger(seq) && (seq as number) >= oldest && (seq as number) <= newest) return
  throw logGap(`a snapshot takes a seq from ${oldest} to ${newest}, received ${describeValue(seq)}`, newest)
}

function encodeRecords(records: readonly LogRecord[], maxBytes: number): StoredRecord[] {
  if (!Array.isArray(records)) throw invalid(`expected an array of log records, received ${describeValue(records)}`)
  return records.map((record: LogRecord): StoredRecord => {
    if (typeof record !== 'object' || record === null) throw invalid(`expected a log record, received ${describeValue(record)}`)
    const { seq, type, id, ts, data } = record
    if (!Number.isSafeInteger(seq) || seq < 1) throw invalid('the seq of a record is a whole number from 1')
    if (typeof type !== 'string' || typeof id !== 'string' || !Number.isFinite(ts)) throw invalid('a record has a type, an id and a ts')
    if (typeof data !== 'object' || data === null || Array.isArray(data)) throw invalid('the data of a record is a JSON object')
    return { seq, type, id, ts, json: encodeJson(data, maxBytes) }
  })
}

function invalid(problem: string): BeamClawError {
  return new BeamClawError('invalid-message', `Nothing was stored: ${problem}`)
}

function logGap(problem: string, lastSeq: number): BeamClawError {
  return new BeamClawError('log-gap', `The log ends at seq ${lastSeq}: ${problem}`, { details: { lastSeq } })
}

function fenced(reason: string, epoch?: number): BeamClawError {
  return new BeamClawError('fenced', `This handle may not write any more: ${reason}`, { details: { epoch } })
}

function stopped(reason: string): BeamClawError {
  return new BeamClawError('store-stopped', `The call came too late: ${reason}`)
}
