/** A store whose every call can go wrong, as a plan says: for tests of what is built upon stores. */
import {
  type AppendLog,
  BeamClawError,
  type BlobId,
  type BlobInfo,
  type BlobStore,
  type EntryLocation,
  type ErrorCode,
  type FencingToken,
  type JsonValue,
  type ListOptions,
  type LogContents,
  type LogEntry,
  type LogPage,
  type LogSnapshot,
  type PutOptions,
  type ReadLogOptions,
  type SessionIndex,
  type SnapshotOptions,
  type Store,
  type StoredBlob,
  type StoreKey,
  type Versioned,
} from '@beamclaw/core'
import { faultyIndex } from './faulty-index.ts'
import { type StoreCall, type StoreFault, type StoreFaultPlan, withStoreFault } from './store-fault.ts'

/**
 * Returns a store whose calls fail as `plan` decides. It keeps the contract of the port: a failed call breaks a log's
 * handle, a refused one does not, and appends stay in order.
 *
 * @example
 * const flaky = faultyStore(new MemoryStore(), ({ method }) => (method === 'put' ? { type: 'fail-before' } : undefined))
 */
export function faultyStore(store: Store, plan: StoreFaultPlan): Store {
  return new FaultyStore(store, plan)
}

/** Codes of errors in the call, which leave the log's handle intact. */
const refusals: ReadonlySet<string> = new Set<ErrorCode>(['invalid-message', 'invalid-option', 'document-too-large', 'log-gap'])

type Planned = Omit<StoreCall, 'index'>

/** Numbers the calls and asks the plan about each. */
class Desk {
  readonly #plan: StoreFaultPlan
  #calls = 0
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(plan: StoreFaultPlan) {
    this.#plan = plan
  }

  ask(planned: Planned): { readonly call: StoreCall; readonly fault: StoreFault | undefined } {
    const call = { index: this.#calls++, ...planned }
    return { call, fault: this.#plan(call) }
  }

  make<T>(planned: Planned, execute: () => Promise<T>): Promise<T> {
    const { call, fault } = this.ask(planned)
    return fault === undefined ? execute() : withStoreFault(fault, call, execute)
  }

  /** Notes a write that a stop has to wait for. */
  note(write: Promise<unknown>): void {
    this.#underWay.add(write)
    void write.then(() => this.#underWay.delete(write))
  }

  async idle(): Promise<void> {
    await Promise.all(this.#underWay)
  }
}

class FaultyStore implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #store: Store
  readonly #desk: Desk

  constructor(store: Store, plan: StoreFaultPlan) {
    this.#store = store
    this.#desk = new Desk(plan)
    this.blobs = new FaultyBlobs(store.blobs, this.#desk)
    this.index = faultyIndex(store, (planned) => this.#desk.ask(planned))
  }

  get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    return this.#desk.make({ method: 'get', key }, () => this.#store.get(key))
  }

  put(key: StoreKey, value: JsonValue, options?: PutOptions): Promise<number> {
    return this.#desk.make({ method: 'put', key }, () => this.#store.put(key, value, options))
  }

  delete(key: StoreKey, options?: PutOptions): Promise<boolean> {
    return this.#desk.make({ method: 'delete', key }, () => this.#store.delete(key, options))
  }

  list(prefix: StoreKey, options?: ListOptions): Promise<readonly StoreKey[]> {
    return this.#desk.make({ method: 'list', key: prefix }, () => this.#store.list(prefix, options))
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await this.#desk.make({ method: 'openLog', key }, () => this.#store.openLog(key, token))
    return new FaultyLog(log, key, this.#desk)
  }

  readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined> {
    return this.#desk.make({ method: 'readLog', key }, () => this.#store.readLog(key, options))
  }

  deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    return this.#desk.make({ method: 'deleteLog', key }, () => this.#store.deleteLog(key, token))
  }

  async stop(): Promise<void> {
    await this.#desk.idle()
    await this.#store.stop()
  }
}

class FaultyBlobs implements BlobStore {
  readonly #blobs: BlobStore
  readonly #desk: Desk

  constructor(blobs: BlobStore, desk: Desk) {
    this.#blobs = blobs
    this.#desk = desk
  }

  put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    return this.#desk.make({ method: 'blobs.put', key: owner }, () => this.#blobs.put(owner, bytes))
  }

  read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    return this.#desk.make({ method: 'blobs.read', key: owner }, () => this.#blobs.read(owner, id))
  }

  list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    return this.#desk.make({ method: 'blobs.list', key: owner }, () => this.#blobs.list(owner))
  }

  share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    return this.#desk.make({ method: 'blobs.share', key: to }, () => this.#blobs.share(from, to, ids))
  }

  deleteAll(owner: StoreKey): Promise<void> {
    return this.#desk.make({ method: 'blobs.deleteAll', key: owner }, () => this.#blobs.deleteAll(owner))
  }
}

class FaultyLog implements AppendLog {
  /** Never fails on purpose: it is asked where something has gone wrong already. */
  readonly locate?: (seq: number) => Promise<EntryLocation | undefined>
  readonly #log: AppendLog
  readonly #key: StoreKey
  readonly #desk: Desk
  #broken: BeamClawError | undefined
  // Writes that are held up; the ones after them wait, for a log is written in call order.
  #held: Promise<unknown> | undefined
  #isHung = false

  constructor(log: AppendLog, key: StoreKey, desk: Desk) {
    this.#log = log
    if (log.locate !== undefined) this.locate = log.locate.bind(log)
    this.#key = key
    this.#desk = desk
  }

  append(records: readonly LogEntry[]): Promise<void> {
    return this.#write({ method: 'append', key: this.#key, records }, records, (copied) => this.#log.append(copied))
  }

  snapshot(snapshot: LogSnapshot, options?: SnapshotOptions): Promise<void> {
    return this.#write({ method: 'snapshot', key: this.#key }, snapshot, (copied) => this.#log.snapshot(copied, options))
  }

  read(fromSeq?: number): Promise<LogContents> {
    return this.#guard(async () => {
      // A read sees what was appended before it.
      if (this.#held !== undefined) await this.#held
      return this.#desk.make({ method: 'read', key: this.#key }, () => this.#log.read(fromSeq))
    })
  }

  close(): Promise<void> {
    return this.#desk.make({ method: 'close', key: this.#key }, async () => {
      if (!this.#isHung) await this.#held
      await this.#log.close()
    })
  }

  #write<T>(planned: Planned, value: T, execute: (value: T) => Promise<void>): Promise<void> {
    const { call, fault } = this.#desk.ask(planned)
    const before = this.#held
    if (fault === undefined && before === undefined) return this.#guard(() => execute(value))
    const copied = copyOf(value)
    const work = async (): Promise<void> => {
      await before
      const write = (): Promise<void> => execute(copied)
      return this.#guard(() => (fault === undefined ? write() : withStoreFault(fault, call, write)))
    }
    const written = work()
    const held = written
      .catch(() => {})
      .then(() => {
        if (this.#held === held) this.#held = undefined
      })
    this.#held = held
    this.#isHung ||= fault?.type === 'hang'
    if (!this.#isHung) this.#desk.note(held)
    return written
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken
    try {
      return await work()
    } catch (error) {
      if (BeamClawError.isInstance(error) && !refusals.has(error.code)) this.#broken ??= error
      throw error
    }
  }
}

/** Copies the input, because the caller may change it before a delayed write. Input that cannot be copied is no JSON; the store reports it. */
function copyOf<T>(value: T): T {
  try {
    return structuredClone(value)
  } catch {
    return value
  }
}
