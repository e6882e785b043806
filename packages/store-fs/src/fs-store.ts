/** A store in a directory of the local file system: documents are JSON files, logs are files of JSON lines behind one write-ahead log. */
import { randomUUID } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import {
  type AppendLog,
  BeamClawError,
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
import { DirectoryMaker, isAbsent } from './atomic-write.ts'
import { BlobFiles } from './blob-files.ts'
import { DirectoryChildren } from './directory-children.ts'
import { DirectoryLock } from './directory-lock.ts'
import { checkUndivided } from './divided.ts'
import { readDocument, removeDocument, writeDocument } from './document-file.ts'
import { stopped, storeFailed, storeFailure, versionConflict } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { FsBlobs } from './fs-blobs.ts'
import { FsIndex } from './fs-index.ts'
import { encodePart } from './key-path.ts'
import { listKeys } from './list-keys.ts'
import { LogStore } from './log-store.ts'
import { checkFsStoreOptions, type FsStoreOptions, fsStoreDefaults } from './options.ts'
import { KeyedQueue, Limiter } from './queues.ts'
import { StaleTemporaries } from './stale-temporaries.ts'
import { watchSyncs } from './sync-watch.ts'

// Each operation has a few files open; together with those of moves they stay well below the usual limit of 1024.
const mostAtOnce = 64
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'SMB'],
])

/** What a store has while it owns its directory. */
interface Owned {
  readonly lock: DirectoryLock
  readonly logs: LogStore
}

/**
 * `Store` on a local disk: documents as JSON files; logs as files of JSON lines, with one write-ahead log before them. Constructor throws `invalid-option`.
 *
 * Phases: `new → locked → stopped`, and `failed` from anywhere after a second fsync error or a lost lock; the first call locks the directory
 * and rejects `store-locked` when another process owns it. Owns the lock and the logs.
 *
 * - I1: every operation holds the lock and confirms it before it touches a file.
 * - I2: writes to one document, and changes of the owner of one log, run one after another; a read of a document waits for the writes before it.
 * - I3: once failed, every call rejects `store-failed` with the first cause.
 * - I4: `stop` waits for operations under way, closes the logs, and releases the lock last.
 *
 * @example
 * await using store = new FsStore({ path: './data' })
 * const version = await store.put(['default', 'notes', 'today'], { text: 'rain' }, { expectedVersion: 0 })
 */
export class FsStore implements Store {
  readonly blobs: BlobStore
  readonly index: SessionIndex
  readonly #index: FsIndex
  readonly #options: Required<FsStoreOptions>
  readonly #root: string
  readonly #fileSystem: FileSystem
  readonly #directories: DirectoryMaker
  readonly #limiter = new Limiter(mostAtOnce)
  readonly #turns = new KeyedQueue()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #temporaryName = randomUUID().slice(0, 8)
  readonly #stale: StaleTemporaries
  readonly #children: DirectoryChildren
  #temporaries = 0
  #owned: Promise<Owned> | undefined
  #stopping: Promise<void> | undefined
  // Set when the store failed by itself, without `stop`.
  #failure: BeamClawError | undefined

  constructor(options: FsStoreOptions) {
    checkFsStoreOptions(options)
    const { path, sync, maxDocumentBytes, maxOpenFiles, allowNetworkFileSystem, lockWaitMs, lockLeaseMs } = options
    const { clock = new SystemClock(), fileSystem = nodeFileSystem, walSegmentBytes, walMaxBytes } = options
    this.#options = {
      path,
      fileSystem,
      clock,
      sync: sync ?? fsStoreDefaults.sync,
      maxDocumentBytes: maxDocumentBytes ?? fsStoreDefaults.maxDocumentBytes,
      maxOpenFiles: maxOpenFiles ?? fsStoreDefaults.maxOpenFiles,
      walSegmentBytes: walSegmentBytes ?? fsStoreDefaults.walSegmentBytes,
      walMaxBytes: walMaxBytes ?? fsStoreDefaults.walMaxBytes,
      allowNetworkFileSystem: allowNetworkFileSystem ?? fsStoreDefaults.allowNetworkFileSystem,
      lockWaitMs: lockWaitMs ?? fsStoreDefaults.lockWaitMs,
      lockLeaseMs: lockLeaseMs ?? fsStoreDefaults.lockLeaseMs,
    }
    this.#root = resolve(path)
    this.#fileSystem = watchSyncs(fileSystem, (cause) => this.#fail(`The disk of ${this.#root} reported two fsync errors in a row`, cause))
    this.#stale = new StaleTemporaries(this.#fileSystem, this.#temporaryName)
    this.#directories = new DirectoryMaker(this.#fileSystem, this.#root)
    this.#children = new DirectoryChildren(this.#fileSystem)
    this.blobs = new FsBlobs({
      files: new BlobFiles(this.#fileSystem, this.#directories, this.#stale),
      maxBytes: this.#options.maxDocumentBytes,
      pathOf: (owner) => this.#pathOf(owner, 1),
      run: (what, work) => this.#do(what, work),
      limit: (task) => this.#limiter.run(task),
    })
    this.#index = this.#newIndex()
    this.index = this.#index
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    const path = this.#pathOf(key, 1)
    return await this.#do(`reading ${path}`, async () => {
      // A document that a write has renamed already is not durable before the write ends.
      await this.#turns.settled(path)
      const document = await this.#limiter.run(() => readDocument(this.#fileSystem, `${path}.json`))
      return document === undefined ? undefined : { value: document.value, version: document.version }
    })
  }

  async put(key: StoreKey, value: JsonValue, options: PutOptions = {}): Promise<number> {
    const path = this.#pathOf(key, 1)
    checkOptions<PutOptions>('Store.put', options, { expectedVersion: integer(0) })
    const json = encodeJson(value, this.#options.maxDocumentBytes)
    const copy: StoreKey = [...key]
    return await this.#do(`writing ${path}`, (logs) =>
      this.#turns.run(path, () =>
        this.#limiter.run(async () => {
          const version = (await this.#checkVersion(copy, path, options)) + 1
          const directory = dirname(path)
          await this.#directories.within(directory, async () => {
            await this.#stale.removeFrom(directory)
            const [temporary, document] = [this.#stale.nameOf(++this.#temporaries), { key: copy, version, json }]
            await writeDocument(this.#fileSystem, `${path}.json`, temporary, document, () => logs.checkOwner())
          })
          return version
        }),
      ),
    )
  }

  async delete(key: StoreKey, options: PutOptions = {}): Promise<boolean> {
    const path = this.#pathOf(key, 1)
    checkOptions<PutOptions>('Store.delete', options, { expectedVersion: integer(0) })
    const copy: StoreKey = [...key]
    return await this.#do(`deleting ${path}`, (logs) =>
      this.#turns.run(path, async () => {
        if (options.expectedVersion !== undefined) await this.#checkVersion(copy, path, options)
        const hadLog = await logs.delete(copy)
        const hadDocument = await this.#limiter.run(() => {
          logs.checkOwner()
          return removeDocument(this.#fileSystem, `${path}.json`)
        })
        return hadLog || hadDocument
      }),
    )
  }

  async list(prefix: StoreKey, options: ListOptions = {}): Promise<readonly StoreKey[]> {
    this.#pathOf(prefix, 0)
    checkOptions<ListOptions>('Store.list', options, { after: anArray, limit: integer(1) })
    const { after, limit = 1000 } = options
    if (after !== undefined) checkStoreKey(after, 0)
    const copy: StoreKey = [...prefix]
    return await this.#do('listing keys', (logs) =>
      this.#limiter.run(() => listKeys({ directories: this.#children, root: this.#root, logs }, copy, { after, limit })),
    )
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const path = this.#pathOf(key, 1)
    checkFencingToken(token)
    const copy: StoreKey = [...key]
    const { epoch, nonce } = token
    return await this.#do(`opening ${path}`, (logs) => this.#turns.run(path, () => logs.openLog(copy, { epoch, nonce })))
  }

  async readLog(key: StoreKey, options: ReadLogOptions = {}): Promise<LogPage | undefined> {
    const path = this.#pathOf(key, 1)
    const page = readLogOptions(options)
    const copy: StoreKey = [...key]
    return await this.#do(`reading ${path}`, (logs) => this.#limiter.run(() => logs.readLog(copy, page)))
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    const path = this.#pathOf(key, 1)
    checkFencingToken(token)
    const copy: StoreKey = [...key]
    const { epoch, nonce } = token
    return await this.#do(`deleting ${path}`, (logs) => this.#turns.run(path, () => logs.delete(copy, { epoch, nonce })))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #fail(problem: string, cause: unknown): void {
    if (this.#failure !== undefined) return
    const failure = storeFailed(problem, cause)
    this.#failure = failure
    this.#owned?.then(
      ({ logs }) => logs.fail(failure),
      () => undefined,
    )
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#index.stop()
    const owned = await this.#owned?.catch(() => undefined)
    await owned?.logs.stop(stopped('the store is stopped'))
    await owned?.lock.release()
  }

  /** Resolves with the version of the document, 0 for none. */
  async #checkVersion(key: StoreKey, path: string, { expectedVersion }: PutOptions): Promise<number> {
    const current = (await readDocument(this.#fileSystem, `${path}.json`))?.version ?? 0
    if (expectedVersion !== undefined && expectedVersion !== current) throw versionConflict(key, expectedVersion, current)
    return current
  }

  #newIndex(): FsIndex {
    const { sync, maxDocumentBytes: maxBytes, clock } = this.#options
    const asOwner = (work: () => Promise<void>): Promise<void> => this.#do('using the index of sessions', work)
    const checkOpen = (): void => this.#checkOpen()
    return new FsIndex({ root: this.#root, sync, maxBytes, fileSystem: this.#fileSystem, clock, checkOpen, asOwner })
  }

  #checkOpen(): void {
    if (this.#stopping !== undefined) throw stopped('the store is stopped')
    if (this.#failure !== undefined) throw this.#failure
  }

  #pathOf(key: StoreKey, minNames: 0 | 1): string {
    this.#checkOpen()
    checkStoreKey(key, minNames)
    return join(this.#root, ...key.map(encodePart))
  }

  async #do<T>(what: string, work: (logs: LogStore) => Promise<T>): Promise<T> {
    this.#owned ??= this.#acquire()
    const result = this.#owned.then(async ({ lock, logs }) => {
      // While this process was suspended (SIGSTOP, a sleeping machine), another may have taken the directory.
      await lock.confirm()
      if (this.#failure !== undefined) throw this.#failure
      return await work(logs)
    })
    this.#underWay.add(result)
    try {
      return await result
    } catch (error) {
      if (isAbsent(error)) await this.#checkStillThere(error)
      throw this.#failure ?? storeFailure(error, what)
    } finally {
      this.#underWay.delete(result)
    }
  }

  async #checkStillThere(cause: unknown): Promise<void> {
    const owned = await this.#owned?.catch(() => undefined)
    const isHeld = await owned?.lock.isHeld().catch(() => true)
    if (isHeld === false) this.#lost('deleted', cause)
  }

  #lost(problem: 'taken' | 'deleted', cause?: unknown): void {
    const what =
      problem === 'deleted' ? 'was deleted while it was in use' : 'was taken over by another process while this one was suspended'
    this.#fail(`The data directory ${this.#root} ${what}`, cause)
  }

  async #acquire(): Promise<Owned> {
    try {
      const { lockWaitMs: waitMs, lockLeaseMs: leaseMs, clock } = this.#options
      const lock = await DirectoryLock.acquire(this.#root, { waitMs, leaseMs, clock, onLost: (problem) => this.#lost(problem) })
      try {
        checkUndivided(this.#root)
        await this.#checkFileSystem()
        return { lock, logs: await this.#openLogs(lock) }
      } catch (error) {
        await lock.release()
        throw error
      }
    } catch (error) {
      // The next call tries again: the other process may be gone by then.
      this.#owned = undefined
      throw error
    }
  }

  async #openLogs({ isAlone }: DirectoryLock): Promise<LogStore> {
    const {
      sync,
      maxDocumentBytes: maxBytes,
      maxOpenFiles,
      walSegmentBytes,
      walMaxBytes,
      clock,
      fileSystem: quietFileSystem,
    } = this.#options
    const sizes = { maxBytes, maxOpenFiles, walSegmentBytes, walMaxBytes }
    return await LogStore.open({ root: this.#root, fileSystem: this.#fileSystem, quietFileSystem, sync, clock, isAlone, ...sizes })
  }

  async #checkFileSystem(): Promise<void> {
    const kind = networkFileSystems.get((await statfs(this.#root)).type)
    if (kind !== undefined && !this.#options.allowNetworkFileSystem) {
      const advice = 'use a local disk, or set allowNetworkFileSystem to accept the risk'
      throw new BeamClawError('store-io', `${this.#root} is on ${kind}, where locks and syncs are unreliable; ${advice}`)
    }
    const probe = join(this.#root, this.#stale.nameOf(++this.#temporaries))
    const descriptor = await this.#fileSystem.open(probe, 'wx')
    try {
      await this.#fileSystem.seal(probe)
      if (!this.#fileSystem.isUnsealed(descriptor)) return
    } finally {
      await this.#fileSystem.close(descriptor)
      await this.#fileSystem.unlink(probe)
    }
    throw new BeamClawError(
      'store-io',
      `${this.#root} is on a file system without file modes, which the store needs to fence earlier owners of a log. Use another directory`,
    )
  }
}
