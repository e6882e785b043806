/** A store of sixteen, of which each worker has some. */
import {
  type AppendLog,
  BeamClawError,
  type BlobStore,
  type Clock,
  type FencingToken,
  type JsonValue,
  type ListOptions,
  type LogPage,
  type PutOptions,
  type ReadLogOptions,
  type SessionIndex,
  type Store,
  type StoreKey,
  SystemClock,
  type Versioned,
} from '@beamclaw/core'
import {
  aFunction,
  anArray,
  anObject,
  checkFencingToken,
  checkOptions,
  checkStoreKey,
  compareStoreKeys,
  definedOnly,
  duration,
  integer,
} from '@beamclaw/core/adapter'
import { MovableLog } from './movable-log.ts'
import { RemoteShard } from './remote-shard.ts'
import { ShardCaller } from './shard-caller.ts'
import { ShardServer } from './shard-calls.ts'
import type { ShardNetwork } from './shard-network.ts'
import { ShardedBlobs } from './sharded-blobs.ts'
import { ShardedIndex } from './sharded-index.ts'
import { allShards, shardBelow, shardOfKey } from './shards.ts'
import { TrackedStore } from './tracked-store.ts'

/** Options of a `ShardedStore`. */
export interface ShardedStoreOptions {
  /** The way to the shards of the other workers: `shards` of a `WorkerCluster`. */
  readonly network: ShardNetwork
  /**
   * Returns the store of one shard, 0 to 15, which this worker has from now on: one for each directory, with a lock that no other process gets. Called when the
   * shard is used for the first time; the store is stopped when the shard leaves this worker.
   */
  readonly openShard: (shard: number) => Store
  /** Largest document, record, snapshot and attachment, in bytes: the same as that of the shards. @default 67108864 */
  readonly maxDocumentBytes?: number
  /** Milliseconds that a call waits for a shard that is on its way from one worker to another. @default 15000 */
  readonly waitMs?: number
  readonly clock?: Pick<Clock, 'setTimer' | 'monotonic'>
}

/** Defaults for `ShardedStoreOptions`. */
const shardedStoreDefaults = { maxDocumentBytes: 64 * 1024 * 1024, waitMs: 15_000 } as const

/**
 * `Store` over the shards of one data directory. A session and all that belongs to it are in one shard, so that its worker writes without asking anyone; what
 * belongs to no session is in the shard of its name, and reached through the worker that has it. The constructor throws `invalid-option`.
 *
 * Phases: `open → stopped`. Owns the stores of the shards that this worker has, and the handles that it holds for other workers.
 * I1: a shard is opened only while the map says that it is this worker's, and it has not been asked for. I2: a page of a list is that of all shards, in order.
 * I3: a shard that is asked for leaves when what is under way in it has ended; what comes meanwhile waits, and goes where the shard is then.
 *
 * @example
 * const store = new ShardedStore({ network: cluster.shards, openShard: (shard) => new FsStore({ path: `data/shards/${shard}` }) })
 */
export class ShardedStore implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #options: ShardedStoreOptions
  readonly #caller: ShardCaller
  readonly #maxBytes: number
  readonly #server: ShardServer
  readonly #open = new Map<number, TrackedStore>()
  /** Shards that the parent has asked for. */
  readonly #asked = new Set<number>()
  readonly #remote = new Map<number, Store>()
  /** Stores of shards that are leaving this worker. */
  readonly #leaving = new Set<TrackedStore>()
  #stopping: Promise<void> | undefined

  constructor(options: ShardedStoreOptions) {
    checkOptions<ShardedStoreOptions>(
      'ShardedStore',
      options,
      { network: anObject, openShard: aFunction, maxDocumentBytes: integer(1), waitMs: duration(), clock: anObject },
      ['network', 'openShard'],
    )
    this.#options = options
    const { network, clock = new SystemClock() } = options
    const { maxDocumentBytes, waitMs } = { ...shardedStoreDefaults, ...definedOnly(options) }
    this.#maxBytes = maxDocumentBytes
    const server = new ShardServer((shard) => this.#own(shard))
    this.#server = server
    this.#caller = new ShardCaller({ network, server, clock, waitMs, isStopped: () => this.#stopping !== undefined })
    network.serve((body, from) => server.carryOut(body, from))
    network.onChange((gone) => {
      server.forget(gone)
      this.#closeLost()
    })
    network.onYield((shard) => this.#yield(shard))
    const at = (shard: number): Store => this.#at(shard)
    this.blobs = new ShardedBlobs(at)
    this.index = new ShardedIndex({ at, maxBytes: maxDocumentBytes })
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    return await this.#of(key).get(key)
  }

  async put(key: StoreKey, value: JsonValue, options?: PutOptions): Promise<number> {
    return await this.#of(key).put(key, value, options)
  }

  async delete(key: StoreKey, options?: PutOptions): Promise<boolean> {
    return await this.#of(key).delete(key, options)
  }

  async list(prefix: StoreKey, options: ListOptions = {}): Promise<readonly StoreKey[]> {
    checkStoreKey(prefix, 0)
    checkOptions<ListOptions>('Store.list', options, { after: anArray, limit: integer(1) })
    const { after, limit = 1000 } = options
    if (after !== undefined) checkStoreKey(after, 0)
    const only = shardBelow(prefix)
    const page = { limit, ...(after === undefined ? {} : { after }) }
    if (only !== undefined) return await this.#at(only).list(prefix, page)
    const pages = await Promise.all(allShards.map((shard) => this.#at(shard).list(prefix, page)))
    return pages.flat().sort(compareStoreKeys).slice(0, limit)
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const store = this.#of(key)
    checkFencingToken(token)
    const log = await store.openLog(key, token)
    if (!(store instanceof TrackedStore)) return log
    const [shard, place, { epoch, nonce }]: [number, StoreKey, FencingToken] = [shardOfKey(key), [...key], token]
    // A store that is stopped says so itself.
    const isHere = (): boolean => this.#stopping !== undefined || this.#open.get(shard) === store
    return new MovableLog({ here: log, isHere, reopen: () => this.#remoteAt(shard).openLog(place, { epoch, nonce }) })
  }

  async readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined> {
    return await this.#of(key).readLog(key, options)
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    return await this.#of(key).deleteLog(key, token)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#open.values(), ...this.#leaving].map((store) => store.stop()))
    this.#open.clear()
  }

  #of(key: StoreKey): Store {
    checkStoreKey(key, 1)
    return this.#at(shardOfKey(key))
  }

  /** Returns the store of a shard, wherever it is. Throws `store-stopped`. */
  #at(shard: number): Store {
    this.#checkOpen()
    return this.#own(shard) ?? this.#remoteAt(shard)
  }

  #remoteAt(shard: number): Store {
    const known = this.#remote.get(shard)
    if (known !== undefined) return known
    const remote = new RemoteShard({ shard, caller: this.#caller, maxBytes: this.#maxBytes, checkOpen: () => this.#checkOpen() })
    this.#remote.set(shard, remote)
    return remote
  }

  /** Returns the store of a shard that this worker has. */
  #own(shard: number): TrackedStore | undefined {
    const { network, openShard, clock = new SystemClock() } = this.#options
    if (this.#stopping !== undefined || this.#asked.has(shard) || network.ownerOf(shard)?.incarnation !== network.self.incarnation)
      return undefined
    const known = this.#open.get(shard)
    if (known !== undefined) return known
    const store = new TrackedStore(openShard(shard), clock)
    this.#open.set(shard, store)
    return store
  }

  /** Gives a shard away. Resolves once another process can open it; called again, it is this worker's to open as before. Never rejects. */
  async #yield(shard: number): Promise<() => void> {
    this.#asked.add(shard)
    const store = this.#open.get(shard)
    this.#open.delete(shard)
    this.#server.leave(shard)
    if (store !== undefined) await this.#left(store, store.leave())
    return () => void this.#asked.delete(shard)
  }

  #closeLost(): void {
    const { network } = this.#options
    for (const [shard, store] of this.#open) {
      if (network.ownerOf(shard)?.incarnation === network.self.incarnation) continue
      this.#open.delete(shard)
      void this.#left(store, store.stop())
    }
  }

  async #left(store: TrackedStore, leaving: Promise<void>): Promise<void> {
    this.#leaving.add(store)
    await leaving.catch(() => {})
    this.#leaving.delete(store)
  }

  #checkOpen(): void {
    if (this.#stopping !== undefined) throw new BeamClawError('store-stopped', 'The call was rejected: the store is stopped')
  }
}
