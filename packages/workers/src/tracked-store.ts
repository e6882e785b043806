/** The store of a shard while a worker has it: it knows which calls of its logs are under way, so that the shard can leave without breaking one. */
import type {
  AppendLog,
  BlobStore,
  FencingToken,
  JsonValue,
  ListOptions,
  LogContents,
  LogEntry,
  LogPage,
  LogSnapshot,
  PutOptions,
  ReadLogOptions,
  SessionIndex,
  SnapshotOptions,
  Store,
  StoreKey,
  Versioned,
} from '@beamclaw/core'

/** Does what the store does. I1: after `leave`, no call of a log that was begun before is under way. */
export class TrackedStore implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #store: Store
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(store: Store) {
    this.#store = store
    this.blobs = store.blobs
    this.index = store.index
  }

  get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    return this.#store.get(key)
  }

  put(key: StoreKey, value: JsonValue, options?: PutOptions): Promise<number> {
    return this.#store.put(key, value, options)
  }

  delete(key: StoreKey, options?: PutOptions): Promise<boolean> {
    return this.#store.delete(key, options)
  }

  list(prefix: StoreKey, options?: ListOptions): Promise<readonly StoreKey[]> {
    return this.#store.list(prefix, options)
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    return new TrackedLog(await this.#store.openLog(key, token), this.#underWay)
  }

  readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined> {
    return this.#store.readLog(key, options)
  }

  deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    return this.#store.deleteLog(key, token)
  }

  /** Stops the store once what is under way has ended. The caller begins nothing more. */
  async leave(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
    await this.#store.stop()
  }

  stop(): Promise<void> {
    return this.#store.stop()
  }
}

class TrackedLog implements AppendLog {
  readonly #log: AppendLog
  readonly #underWay: Set<Promise<unknown>>

  constructor(log: AppendLog, underWay: Set<Promise<unknown>>) {
    this.#log = log
    this.#underWay = underWay
  }

  append(records: readonly LogEntry[]): Promise<void> {
    return this.#track(this.#log.append(records))
  }

  read(fromSeq?: number): Promise<LogContents> {
    return this.#track(this.#log.read(fromSeq))
  }

  snapshot(snapshot: LogSnapshot, options?: SnapshotOptions): Promise<void> {
    return this.#track(this.#log.snapshot(snapshot, options))
  }

  close(): Promise<void> {
    return this.#track(this.#log.close())
  }

  #track<T>(call: Promise<T>): Promise<T> {
    const ended = (): void => void this.#underWay.delete(call)
    this.#underWay.add(call)
    call.then(ended, ended)
    return call
  }
}
