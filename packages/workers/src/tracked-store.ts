/** The store of a shard while a worker has it: it knows which calls of its logs and attachments are under way, so that the shard can leave without breaking one. */
import type {
  AppendLog,
  Clock,
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
import { TrackedBlobs } from './tracked-blobs.ts'

/** Does what the store does. I1: after `leave`, no call of a log or of attachments that was begun before is under way, and no reader gets a further piece. */
export class TrackedStore implements Store {
  readonly blobs: TrackedBlobs
  readonly index: SessionIndex
  readonly #store: Store
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(store: Store, clock: Pick<Clock, 'setTimer'>) {
    this.#store = store
    this.blobs = new TrackedBlobs(store.blobs, clock)
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
    await this.blobs.whenIdle()
    await this.#store.stop()
  }

  /** Stops the store at once, also while it waits to leave. */
  stop(): Promise<void> {
    this.blobs.endWait()
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
