/** The store in memory: the default, and the reference for every other store. */
import { anything, checkOptions, integer } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type {
  AppendLog,
  FencingToken,
  ListOptions,
  LogContents,
  LogEntry,
  LogPage,
  LogSnapshot,
  PutOptions,
  ReadLogOptions,
  SnapshotOptions,
  Store,
  Versioned,
} from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { encodeJson } from './json-text.ts'
import { MemoryBlobs } from './memory-blobs.ts'
import { MemoryIndex } from './memory-index.ts'
import {
  checkFencingToken,
  checkSnapshotSeq,
  checkStoreKey,
  compareStoreKeys,
  type EncodedLogEntry,
  encodeLogRecords,
  freshLogRecords,
  isBelowStoreKey,
  mayOpenLog,
  readLogOptions,
} from './store-input.ts'

/** Options of a `MemoryStore`. */
export interface MemoryStoreOptions {
  /** Largest document, record or snapshot as UTF-8 JSON, and largest blob, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
}

/** Defaults for `MemoryStoreOptions`. */
const memoryStoreDefaults = { maxDocumentBytes: 64 * 1024 * 1024 } as const satisfies Required<MemoryStoreOptions>

/**
 * A `Store` in memory, for tests and for sessions that may be lost with the process. The constructor throws `invalid-option`.
 *
 * Phases: `open → stopped`. Owns documents and logs as JSON text, for each log its present handle, and blobs.
 * I1: Values are copied through JSON text, so that no object is shared with a caller.
 * I2: A log has at most one handle that may write: opening or deleting it breaks the earlier one with `fenced`.
 * I3: After `stop` every call rejects `store-stopped`.
 *
 * @example
 * const claw = new BeamClaw({ providers, agents, store: new MemoryStore() })
 */
export class MemoryStore implements Store {
  readonly blobs: MemoryBlobs
  readonly index: MemoryIndex
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry>()
  #isStopped = false

  constructor(options: MemoryStoreOptions = {}) {
    checkOptions('MemoryStore', options, { maxDocumentBytes: integer(1) })
    this.#maxBytes = options.maxDocumentBytes ?? memoryStoreDefaults.maxDocumentBytes
    this.blobs = new MemoryBlobs(this.#maxBytes, (owner) => void this.#entry(owner))
    this.index = new MemoryIndex({ maxEntryBytes: this.#maxBytes })
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
    checkStoreKey(prefix, 0)
    checkOptions('Store.list', options, { after: anything, limit: integer(1) })
    const { after, limit = 1000 } = options
    if (after !== undefined) checkStoreKey(after, 0)
    const found: StoreKey[] = []
    for (const { key } of this.#entries.values()) {
      if (isBelowStoreKey(key, prefix) && (after === undefined || compareStoreKeys(key, after) > 0)) found.push(key)
    }
    const page = found.sort(compareStoreKeys).slice(0, limit)
    return page.map((key): StoreKey => [...key])
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const entry = this.#entry(key) ?? { key: [...key] }
    checkFencingToken(token)
    const log = entry.log
    if (log !== undefined && !mayOpenLog(log.token, token)) throw fenced('a later owner opened the log', log.token.epoch)
    log?.owner?.break(fenced('a later owner opened the log', token.epoch))
    const state = log ?? { token, records: [], snapshot: undefined, owner: undefined }
    state.token = { epoch: token.epoch, nonce: token.nonce }
    state.owner = new MemoryLog(state, this.#maxBytes)
    entry.log = state
    this.#entries.set(nameOf(key), entry)
    return state.owner
  }

  async readLog(key: StoreKey, options: ReadLogOptions = {}): Promise<LogPage | undefined> {
    const log = this.#entry(key)?.log
    const { fromSeq, limit } = readLogOptions(options)
    if (log === undefined) return undefined
    const lastSeq = lastSeqOf(log)
    return { records: recordsFrom(log, fromSeq, limit), firstSeq: log.records[0]?.seq ?? lastSeq + 1, lastSeq }
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    const entry = this.#entry(key)
    checkFencingToken(token)
    if (entry?.log === undefined) return false
    const { token: recorded, owner } = entry.log
    if (!mayOpenLog(recorded, token)) throw fenced('a later owner opened the log', recorded.epoch)
    owner?.break(fenced('the log was deleted'))
    delete entry.log
    if (entry.document === undefined) this.#entries.delete(nameOf(key))
    return true
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.index.stop()
    for (const { log } of this.#entries.values()) log?.owner?.break(stopped('the store was stopped'))
  }

  #entry(key: StoreKey): Entry | undefined {
    this.#checkRunning()
    checkStoreKey(key, 1)
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
  records: EncodedLogEntry[]
  snapshot: { readonly seq: number; readonly json: string } | undefined
}

/** A handle on a log. Phases: `open → broken`; a broken handle rejects every call with the error that broke it. */
class MemoryLog implements AppendLog {
  readonly #state: LogState
  readonly #maxBytes: number
  #broken: BeamClawError | undefined

  constructor(state: LogState, maxBytes: number) {
    this.#state = state
    this.#maxBytes = maxBytes
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    this.#checkOwned()
    const encoded = encodeLogRecords(records, this.#maxBytes)
    const held = this.#state.records
    const heldId = (seq: number): string | undefined => held[seq - (held[0]?.seq ?? 0)]?.id
    held.push(...freshLogRecords(encoded, heldId, lastSeqOf(this.#state)))
  }

  async read(fromSeq = 1): Promise<LogContents> {
    this.#checkOwned()
    checkOptions('Log.read', { fromSeq }, { fromSeq: integer(0) })
    const { snapshot } = this.#state
    return {
      snapshot: snapshot === undefined ? undefined : { seq: snapshot.seq, state: JSON.parse(snapshot.json) as JsonValue },
      records: recordsFrom(this.#state, Math.max(fromSeq, (snapshot?.seq ?? 0) + 1)),
    }
  }

  async snapshot(snapshot: LogSnapshot, { dropRecords = false }: SnapshotOptions = {}): Promise<void> {
    this.#checkOwned()
    checkSnapshotSeq(snapshot?.seq, this.#state.snapshot?.seq ?? 0, lastSeqOf(this.#state))
    this.#state.snapshot = { seq: snapshot.seq, json: encodeJson(snapshot.state, this.#maxBytes) }
    if (dropRecords) this.#state.records = this.#state.records.filter(({ seq }) => seq > snapshot.seq)
  }

  async close(): Promise<void> {
    if (this.#state.owner === this) this.#state.owner = undefined
    this.break(stopped('the log handle was closed'))
  }

  break(error: BeamClawError): void {
    this.#broken ??= error
  }

  #checkOwned(): void {
    if (this.#broken !== undefined) throw this.#broken
  }
}

function lastSeqOf({ records, snapshot }: LogState): number {
  return records.at(-1)?.seq ?? snapshot?.seq ?? 0
}

/** Returns records by their place, which their numbers give: a log keeps all that was ever written. */
function recordsFrom({ records }: LogState, fromSeq: number, limit = records.length): LogEntry[] {
  const start = Math.max(0, fromSeq - (records[0]?.seq ?? fromSeq))
  return records.slice(start, start + limit).map(decoded)
}

function decoded({ seq, type, id, ts, json }: EncodedLogEntry): LogEntry {
  return { seq, type, id, ts, data: JSON.parse(json) as JsonObject }
}

function nameOf(key: StoreKey): string {
  return JSON.stringify(key)
}

function checkVersion(key: StoreKey, expected: number | undefined, current: number): void {
  if (expected === undefined || expected === current) return
  const details = { key, expected, current }
  throw new BeamClawError('version-conflict', `The document has version ${current}, expected was ${expected}`, { details })
}

function fenced(reason: string, epoch?: number): BeamClawError {
  return new BeamClawError('fenced', `This handle may not write any more: ${reason}`, { details: { epoch } })
}

function stopped(reason: string): BeamClawError {
  return new BeamClawError('store-stopped', `The call came too late: ${reason}`)
}
