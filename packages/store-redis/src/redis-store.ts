/** A store in Redis: documents as hashes, logs as lists whose names fence their owners. */
import {
  type AppendLog,
  type BeamClawError,
  type BlobStore,
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
import { anArray, checkFencingToken, checkOptions, checkStoreKey, encodeJson, integer, readLogOptions } from '@beamclaw/core/adapter'
import { Documents } from './documents.ts'
import { redisFailure, stopped } from './failures.ts'
import { keyNames, storeName } from './key-names.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { listKeys } from './list-keys.ts'
import { checkRedisStoreOptions, type RedisStoreOptions, redisStoreDefaults, wayTo } from './options.ts'
import { RedisBlobs } from './redis-blobs.ts'
import { RedisIndex } from './redis-index.ts'
import { RedisLink } from './redis-link.ts'
import { RedisLogs } from './redis-logs.ts'
import { StoreIdentity } from './store-identity.ts'

/**
 * `Store` in one Redis primary, version 6.2 or later. The constructor throws `invalid-option`; the first call connects and checks the server.
 *
 * Phases: `new → open → stopped`, and `replaced` from anywhere after the server came back with other data. Owns its connection, unless the application
 * handed over a client.
 *
 * - I1: every command has a deadline, and goes over a connection whose server was checked.
 * - I2: a command that arrives late changes nothing: logs are fenced by name, documents by the id of the write that was read.
 * - I3: once replaced, every call rejects `store-replaced`. Before anything is said to be missing, fenced or of another version, the store is checked.
 * - I4: `stop` waits for the calls under way, closes the logs, and ends the connection last.
 *
 * @example
 * await using store = new RedisStore({ url: 'redis://localhost:6379' })
 * const version = await store.put(['default', 'notes', 'today'], { text: 'rain' }, { expectedVersion: 0 })
 */
export class RedisStore implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #prefix: string
  readonly #maxBytes: number
  readonly #link: RedisLink
  readonly #identity: StoreIdentity
  readonly #logs: RedisLogs
  readonly #documents: Documents
  readonly #turns = new KeyedQueue()
  readonly #underWay = new Set<Promise<unknown>>()
  #replaced: BeamClawError | undefined
  #stopping: Promise<void> | undefined

  constructor(options: RedisStoreOptions) {
    checkRedisStoreOptions(options)
    const { deadlineMs, maxDocumentBytes: maxBytes } = { ...redisStoreDefaults, ...options }
    const { logger, clock = new SystemClock(), storeId: expectedId } = options
    const { client, where, keyPrefix: prefix, kind } = wayTo(options, deadlineMs)
    this.#prefix = prefix
    this.#maxBytes = maxBytes
    const onReplaced = (error: BeamClawError): void => {
      this.#replaced ??= error
      logger?.log('error', 'store-redis.replaced', { problem: error.message })
    }
    this.#identity = new StoreIdentity({ prefix, kind, expectedId, logger, onReplaced })
    this.#link = new RedisLink({
      client,
      where,
      deadlineMs,
      clock,
      guard: () => this.#identity.guard,
      check: (bare) => this.#identity.check(bare),
    })
    const onRewound = (error: BeamClawError): void => logger?.log('error', 'store-redis.rewound', { problem: error.message })
    const confirm = (): Promise<void> => this.#confirm()
    this.#logs = new RedisLogs({ link: this.#link, prefix, maxBytes, confirm, onRewound })
    this.#documents = new Documents({ link: this.#link, prefix, confirm, logs: this.#logs })
    const parts = { link: this.#link, prefix, maxBytes, confirm, run: <T>(work: () => Promise<T>) => this.#run(work) }
    this.blobs = new RedisBlobs({ ...parts, check: (owner) => this.#check(owner, 1) })
    this.index = new RedisIndex({ ...parts, checkOpen: () => this.#checkOpen() })
  }

  /** Resolves with the id of the store, which an empty server gets at the first connection. Rejects as every call does. */
  async id(): Promise<string> {
    this.#checkOpen()
    return await this.#run(async () => {
      await this.#link.read('connecting', ['EXISTS', storeName(this.#prefix)])
      return this.#identity.id as string
    })
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    const copy = this.#check(key, 1)
    return await this.#inTurn(copy, () => this.#documents.get(copy))
  }

  async put(key: StoreKey, value: JsonValue, options: PutOptions = {}): Promise<number> {
    const copy = this.#check(key, 1)
    checkOptions<PutOptions>('Store.put', options, { expectedVersion: integer(0) })
    const json = encodeJson(value, this.#maxBytes)
    const { expectedVersion } = options
    return await this.#inTurn(copy, () => this.#documents.put(copy, json, expectedVersion))
  }

  async delete(key: StoreKey, options: PutOptions = {}): Promise<boolean> {
    const copy = this.#check(key, 1)
    checkOptions<PutOptions>('Store.delete', options, { expectedVersion: integer(0) })
    const { expectedVersion } = options
    return await this.#inTurn(copy, () => this.#documents.delete(copy, expectedVersion))
  }

  async list(prefix: StoreKey, options: ListOptions = {}): Promise<readonly StoreKey[]> {
    const copy = this.#check(prefix, 0)
    checkOptions<ListOptions>('Store.list', options, { after: anArray, limit: integer(1) })
    const { limit = 1_000 } = options
    if (options.after !== undefined) checkStoreKey(options.after, 0)
    const after: StoreKey | undefined = options.after && [...options.after]
    return await this.#run(async () => {
      const keys = await listKeys(this.#link, this.#prefix, copy, { after, limit })
      if (keys.length === 0) await this.#confirm()
      return keys
    })
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const copy = this.#check(key, 1)
    checkFencingToken(token)
    const { epoch, nonce } = token
    return await this.#inTurn(copy, () => this.#logs.open(copy, { epoch, nonce }))
  }

  async readLog(key: StoreKey, options: ReadLogOptions = {}): Promise<LogPage | undefined> {
    const copy = this.#check(key, 1)
    const page = readLogOptions(options)
    return await this.#run(() => this.#logs.read(copy, page))
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    const copy = this.#check(key, 1)
    checkFencingToken(token)
    const { epoch, nonce } = token
    return await this.#inTurn(copy, () => this.#documents.deleteLog(copy, { epoch, nonce }))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#logs.stop(stopped('the store is stopped'))
    await this.#link.stop()
  }

  /** Rejects `store-replaced` when the server holds another store than this one. */
  #confirm(): Promise<void> {
    return this.#identity.confirm(this.#link)
  }

  #checkOpen(): void {
    if (this.#stopping !== undefined) throw stopped('the store is stopped')
    if (this.#replaced !== undefined) throw this.#replaced
  }

  /** Returns a copy of the key. */
  #check(key: StoreKey, minNames: 0 | 1): StoreKey {
    this.#checkOpen()
    checkStoreKey(key, minNames)
    return [...key]
  }

  #inTurn<T>(key: StoreKey, work: () => Promise<T>): Promise<T> {
    return this.#run(() => this.#turns.run(keyNames(this.#prefix, key).document, work))
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    const result = work()
    this.#underWay.add(result)
    try {
      return await result
    } catch (error) {
      throw this.#replaced ?? redisFailure(error, 'using the store')
    } finally {
      this.#underWay.delete(result)
    }
  }
}
