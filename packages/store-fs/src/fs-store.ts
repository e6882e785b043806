/** A store in a directory of the local file system: documents are JSON files, logs are directories of JSON lines. */
import { randomUUID } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import {
  type AppendLog,
  BeamClawError,
  type FencingToken,
  type JsonValue,
  type ListOptions,
  type LogPage,
  type PutOptions,
  type ReadLogOptions,
  type Store,
  type StoreKey,
  SystemClock,
  type Versioned,
} from '@beamclaw/core'
import {
  anArray,
  checkFencingToken,
  checkOptions,
  checkStoreKey,
  encodeJson,
  integer,
  mayOpenLog,
  readLogOptions,
} from '@beamclaw/core/adapter'
import { DirectoryMaker, isAbsent } from './atomic-write.ts'
import { DescriptorPool } from './descriptor-pool.ts'
import { DirectoryLock } from './directory-lock.ts'
import { readDocument, removeDocument, writeDocument } from './document-file.ts'
import { fenced, stopped, storeFailed, storeFailure, versionConflict } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { FsLog } from './fs-log.ts'
import { encodePart } from './key-path.ts'
import { listKeys } from './list-keys.ts'
import { type LogEnvironment, logDirectory } from './log-environment.ts'
import { removeLog } from './open-log.ts'
import { checkFsStoreOptions, type FsStoreOptions, fsStoreDefaults } from './options.ts'
import { KeyedQueue, Limiter } from './queues.ts'
import { readPage } from './read-page.ts'
import { StaleTemporaries } from './stale-temporaries.ts'
import { watchSyncs } from './sync-watch.ts'

const gatherMs = 5
// Each operation has a few files open; together with the pool they stay well below the usual limit of 1024.
const mostAtOnce = 64
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'SMB'],
])

/**
 * `Store` on a local disk: documents as JSON files, logs as directories of JSON lines. Constructor throws `invalid-option`.
 *
 * Phases: `new → locked → stopped`, and `failed` from anywhere after a second fsync error or a lost lock; the first call locks the directory
 * and rejects `store-locked` when another process owns it. Owns the lock, the pool of descriptors and one `FsLog` for each open log.
 *
 * - I1: every operation holds the lock and confirms it before it touches a file.
 * - I2: at most one handle of a log is live; the earlier one is fenced before the next is opened.
 * - I3: writes to one document run one after another, and a read waits for the writes before it.
 * - I4: once failed, every call rejects `store-failed` with the first cause.
 * - I5: `stop` waits for operations under way, closes the logs, and releases the lock last.
 *
 * @example
 * await using store = new FsStore({ path: './data' })
 * const version = await store.put(['default', 'notes', 'today'], { text: 'rain' }, { expectedVersion: 0 })
 */
export class FsStore implements Store {
  readonly #options: Required<FsStoreOptions>
  readonly #root: string
  readonly #fileSystem: FileSystem
  readonly #pool: DescriptorPool
  readonly #environment: LogEnvironment
  readonly #directories: DirectoryMaker
  readonly #limiter = new Limiter(mostAtOnce)
  readonly #turns = new KeyedQueue()
  readonly #logs = new Map<string, FsLog>()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #temporaryName = randomUUID().slice(0, 8)
  readonly #stale: StaleTemporaries
  #temporaries = 0
  #lock: Promise<DirectoryLock> | undefined
  #stopping: Promise<void> | undefined
  // Set when the store failed by itself, without `stop`.
  #failure: BeamClawError | undefined

  constructor(options: FsStoreOptions) {
    checkFsStoreOptions(options)
    const { path, sync, maxDocumentBytes, maxOpenFiles, allowNetworkFileSystem, lockWaitMs, lockLeaseMs } = options
    const { clock = new SystemClock() } = options
    const fileSystem = watchSyncs(options.fileSystem ?? nodeFileSystem, (cause) =>
      this.#fail(`The disk of ${this.#root} reported two fsync errors in a row`, cause),
    )
    this.#options = {
      path,
      fileSystem,
      clock,
      sync: sync ?? fsStoreDefaults.sync,
      maxDocumentBytes: maxDocumentBytes ?? fsStoreDefaults.maxDocumentBytes,
      maxOpenFiles: maxOpenFiles ?? fsStoreDefaults.maxOpenFiles,
      allowNetworkFileSystem: allowNetworkFileSystem ?? fsStoreDefaults.allowNetworkFileSystem,
      lockWaitMs: lockWaitMs ?? fsStoreDefaults.lockWaitMs,
      lockLeaseMs: lockLeaseMs ?? fsStoreDefaults.lockLeaseMs,
    }
    this.#root = resolve(path)
    this.#fileSystem = fileSystem
    this.#pool = new DescriptorPool(fileSystem, this.#options.maxOpenFiles)
    this.#stale = new StaleTemporaries(fileSystem, this.#temporaryName)
    this.#directories = new DirectoryMaker(fileSystem, this.#root)
    this.#environment = this.#newEnvironment()
  }

  /** Number of segment files that are open; at most `maxOpenFiles`. */
  get openFiles(): number {
    return this.#pool.size
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
    return await this.#do(`writing ${path}`, () =>
      this.#turns.run(path, () =>
        this.#limiter.run(async () => {
          const version = (await this.#checkVersion(copy, path, options)) + 1
          const directory = dirname(path)
          await this.#directories.within(directory, async () => {
            await this.#stale.removeFrom(directory)
            await writeDocument(this.#fileSystem, `${path}.json`, this.#stale.nameOf(++this.#temporaries), { key: copy, version, json })
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
    return await this.#do(`deleting ${path}`, () =>
      this.#turns.run(path, async () => {
        if (options.expectedVersion !== undefined) await this.#checkVersion(copy, path, options)
        await this.#logs.get(path)?.fence(fenced('the log was deleted'))
        this.#logs.delete(path)
        return await this.#limiter.run(async () => {
          const hadLog = await removeLog(logDirectory(this.#environment, path))
          const hadDocument = await removeDocument(this.#fileSystem, `${path}.json`)
          return hadLog || hadDocument
        })
      }),
    )
  }

  async list(prefix: StoreKey, options: ListOptions = {}): Promise<readonly StoreKey[]> {
    this.#pathOf(prefix, 0)
    checkOptions<ListOptions>('Store.list', options, { after: anArray, limit: integer(1) })
    const { after, limit = 1000 } = options
    if (after !== undefined) checkStoreKey(after, 0)
    const copy: StoreKey = [...prefix]
    return await this.#do('listing keys', () => this.#limiter.run(() => listKeys(this.#fileSystem, this.#root, copy, { after, limit })))
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    const path = this.#pathOf(key, 1)
    checkFencingToken(token)
    const copy: StoreKey = [...key]
    const { epoch, nonce } = token
    return await this.#do(`opening ${path}`, () => this.#turns.run(path, () => this.#openLog(copy, path, { epoch, nonce })))
  }

  async readLog(key: StoreKey, options: ReadLogOptions = {}): Promise<LogPage | undefined> {
    const path = this.#pathOf(key, 1)
    const page = readLogOptions(options)
    const owner = () => this.#logs.get(path)?.present
    return await this.#do(`reading ${path}`, () => this.#limiter.run(() => readPage(logDirectory(this.#environment, path), owner, page)))
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    const path = this.#pathOf(key, 1)
    checkFencingToken(token)
    const copy: StoreKey = [...key]
    const { epoch, nonce } = token
    return await this.#do(`deleting ${path}`, () =>
      this.#turns.run(path, async () => {
        const { manifests } = await logDirectory(this.#environment, path).list()
        if (manifests.length === 0) return false
        const current = this.#logs.get(path)
        if (current !== undefined && mayOpenLog(current.token, { epoch, nonce })) await current.fence(fenced('the log was deleted'))
        // Who may open it may delete it: the owners before are fenced, and the token is compared with the one on disk.
        const log = await this.#openLog(copy, path, { epoch, nonce })
        await log.fence(fenced('the log was deleted'))
        this.#logs.delete(path)
        return await this.#limiter.run(() => removeLog(logDirectory(this.#environment, path)))
      }),
    )
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #openLog(key: StoreKey, path: string, token: FencingToken): Promise<FsLog> {
    const current = this.#logs.get(path)
    if (current !== undefined && !mayOpenLog(current.token, token)) throw fenced('a later owner opened the log', current.token.epoch)
    await current?.fence(fenced('a later owner opened the log', token.epoch))
    this.#logs.delete(path)
    const open = (): Promise<FsLog> => FsLog.open(this.#environment, path, key, token)
    const log = await this.#limiter.run(async () => {
      const { manifests } = await logDirectory(this.#environment, path).list()
      return await (manifests.length > 0 ? open() : this.#directories.within(path, open))
    })
    this.#logs.set(path, log)
    return log
  }

  #fail(problem: string, cause: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = storeFailed(problem, cause)
    for (const log of this.#logs.values()) log.fence(this.#failure).catch(() => {})
  }

  async #stop(): Promise<void> {
    const reason = stopped('the store is stopped')
    await Promise.allSettled(this.#underWay)
    await Promise.all([...this.#logs.values()].map((log) => log.end(reason)))
    const lock = await this.#lock
    await lock?.release()
  }

  /** Resolves with the version of the document, 0 for none. */
  async #checkVersion(key: StoreKey, path: string, { expectedVersion }: PutOptions): Promise<number> {
    const current = (await readDocument(this.#fileSystem, `${path}.json`))?.version ?? 0
    if (expectedVersion !== undefined && expectedVersion !== current) throw versionConflict(key, expectedVersion, current)
    return current
  }

  #pathOf(key: StoreKey, minNames: 0 | 1): string {
    if (this.#stopping !== undefined) throw stopped('the store is stopped')
    if (this.#failure !== undefined) throw this.#failure
    checkStoreKey(key, minNames)
    return join(this.#root, ...key.map(encodePart))
  }

  #newEnvironment(): LogEnvironment {
    const { sync, maxDocumentBytes, fileSystem, clock } = this.#options
    const wait = (): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, gatherMs))
    return {
      fileSystem,
      pool: this.#pool,
      limiter: this.#limiter,
      sync,
      maxBytes: maxDocumentBytes,
      suspects: new Map(),
      gather: sync === 'batch' ? wait : () => undefined,
      newTemporary: () => `.tmp-log-${this.#temporaryName}-${++this.#temporaries}`,
      onClosed: (log) => {
        if (this.#logs.get(log.directory) === log) this.#logs.delete(log.directory)
      },
    }
  }

  async #do<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#lock ??= this.#acquire()
    const result = this.#lock.then(async (lock) => {
      // While this process was suspended (SIGSTOP, a sleeping machine), another may have taken the directory.
      await lock.confirm()
      if (this.#failure !== undefined) throw this.#failure
      return await work()
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
    const lock = await this.#lock?.catch(() => undefined)
    const isHeld = await lock?.isHeld().catch(() => true)
    if (isHeld === false) this.#lost('deleted', cause)
  }

  #lost(problem: 'taken' | 'deleted', cause?: unknown): void {
    const what =
      problem === 'deleted' ? 'was deleted while it was in use' : 'was taken over by another process while this one was suspended'
    this.#fail(`The data directory ${this.#root} ${what}`, cause)
  }

  async #acquire(): Promise<DirectoryLock> {
    try {
      const { lockWaitMs: waitMs, lockLeaseMs: leaseMs, clock } = this.#options
      const lock = await DirectoryLock.acquire(this.#root, { waitMs, leaseMs, clock, onLost: (problem) => this.#lost(problem) })
      try {
        await this.#checkFileSystem()
      } catch (error) {
        await lock.release()
        throw error
      }
      return lock
    } catch (error) {
      // The next call tries again: the other process may be gone by then.
      this.#lock = undefined
      throw error
    }
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
