/** Knows which calls to a store are under way, so that a stop can name those that hang. */
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { BlobId, BlobInfo, BlobStore, StoredBlob } from '../ports/blob-store.ts'
import type { SessionIndex, SessionIndexEntry, SessionIndexQuery, SessionIndexStatus } from '../ports/session-index.ts'
import type {
  AppendLog,
  EntryLocation,
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

interface UnderWay {
  readonly method: string
  readonly key: StoreKey
}

/**
 * A store that passes every call on, and remembers those that have not settled.
 *
 * Owns the list of the calls under way; the store behind it belongs to the host.
 */
export class StoreCalls implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #store: Store
  readonly #underWay = new Set<UnderWay>()
  #whenNone: (() => void)[] = []

  constructor(store: Store) {
    this.#store = store
    this.blobs = new BlobCalls(store.blobs, this)
    this.index = new IndexCalls(store, this)
  }

  /** What is under way, each once, the oldest first: `append of default/sessions/main/chat-7`. */
  get underWay(): readonly string[] {
    return [...new Set([...this.#underWay].map(({ method, key }) => `${method} of ${key.join('/')}`))]
  }

  /** Resolves once no call is under way. */
  async settled(): Promise<void> {
    if (this.#underWay.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve))
  }

  /** Returns the call itself, so that its caller continues no later. */
  follow<T>(method: string, key: StoreKey, call: Promise<T>): Promise<T> {
    const entry = { method, key }
    const forget = (): void => {
      this.#underWay.delete(entry)
      if (this.#underWay.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve()
    }
    this.#underWay.add(entry)
    // A store of the host may return something else than a promise.
    Promise.resolve(call).then(forget, forget)
    return call
  }

  get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    return this.follow('get', key, this.#store.get(key))
  }

  put(key: StoreKey, value: JsonValue, options?: PutOptions): Promise<number> {
    return this.follow('put', key, this.#store.put(key, value, options))
  }

  delete(key: StoreKey, options?: PutOptions): Promise<boolean> {
    return this.follow('delete', key, this.#store.delete(key, options))
  }

  list(prefix: StoreKey, options?: ListOptions): Promise<readonly StoreKey[]> {
    return this.follow('list', prefix, this.#store.list(prefix, options))
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    return new LogCalls(await this.follow('openLog', key, this.#store.openLog(key, token)), key, this)
  }

  readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined> {
    return this.follow('readLog', key, this.#store.readLog(key, options))
  }

  deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    return this.follow('deleteLog', key, this.#store.deleteLog(key, token))
  }

  stop(): Promise<void> {
    return this.#store.stop()
  }
}

class BlobCalls implements BlobStore {
  readonly #blobs: BlobStore
  readonly #calls: StoreCalls

  constructor(blobs: BlobStore, calls: StoreCalls) {
    this.#blobs = blobs
    this.#calls = calls
  }

  put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    return this.#calls.follow('blobs.put', owner, this.#blobs.put(owner, bytes))
  }

  read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    return this.#calls.follow('blobs.read', owner, this.#blobs.read(owner, id))
  }

  list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    return this.#calls.follow('blobs.list', owner, this.#blobs.list(owner))
  }

  share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    return this.#calls.follow('blobs.share', to, this.#blobs.share(from, to, ids))
  }

  deleteAll(owner: StoreKey): Promise<void> {
    return this.#calls.follow('blobs.deleteAll', owner, this.#blobs.deleteAll(owner))
  }
}

class IndexCalls implements SessionIndex {
  readonly #store: Store
  readonly #calls: StoreCalls

  constructor(store: Store, calls: StoreCalls) {
    this.#store = store
    this.#calls = calls
  }

  put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void> {
    return this.#follow('put', tenant, this.#store.index.put(tenant, entries))
  }

  delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void> {
    return this.#follow('delete', tenant, this.#store.index.delete(tenant, keys))
  }

  get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]> {
    return this.#follow('get', tenant, this.#store.index.get(tenant, keys))
  }

  page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]> {
    return this.#follow('page', tenant, this.#store.index.page(tenant, query))
  }

  status(tenant: TenantId): Promise<SessionIndexStatus> {
    return this.#follow('status', tenant, this.#store.index.status(tenant))
  }

  complete(tenant: TenantId): Promise<void> {
    return this.#follow('complete', tenant, this.#store.index.complete(tenant))
  }

  clear(tenant: TenantId): Promise<void> {
    return this.#follow('clear', tenant, this.#store.index.clear(tenant))
  }

  #follow<T>(method: string, tenant: TenantId, call: Promise<T>): Promise<T> {
    return this.#calls.follow(method, [tenant, 'index'], call)
  }
}

class LogCalls implements AppendLog {
  /** Only where the log has it. */
  declare readonly locate?: (seq: number) => Promise<EntryLocation | undefined>
  readonly #log: AppendLog
  readonly #key: StoreKey
  readonly #calls: StoreCalls

  constructor(log: AppendLog, key: StoreKey, calls: StoreCalls) {
    this.#log = log
    this.#key = key
    this.#calls = calls
    if (log.locate !== undefined) this.locate = log.locate.bind(log)
  }

  append(records: readonly LogEntry[]): Promise<void> {
    return this.#calls.follow('append', this.#key, this.#log.append(records))
  }

  read(fromSeq?: number): Promise<LogContents> {
    return this.#calls.follow('read', this.#key, this.#log.read(fromSeq))
  }

  snapshot(snapshot: LogSnapshot, options?: SnapshotOptions): Promise<void> {
    return this.#calls.follow('snapshot', this.#key, this.#log.snapshot(snapshot, options))
  }

  close(): Promise<void> {
    return this.#calls.follow('close', this.#key, this.#log.close())
  }
}
