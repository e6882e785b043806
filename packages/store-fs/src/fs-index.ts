/** The index of sessions of a data directory: `index.sqlite`, a cache that is made anew when it cannot be read. */
import { join } from 'node:path'
import {
  BeamClawError,
  type Clock,
  type SessionIndex,
  type SessionIndexEntry,
  type SessionIndexQuery,
  type SessionIndexStatus,
  type SessionKey,
  type TenantId,
  type TimerHandle,
} from '@beamclaw/core'
import {
  checkIndexKeys,
  checkIndexQuery,
  checkIndexTenant,
  encodeIndexEntries,
  type MemoryIndex,
  memoryIndex,
} from '@beamclaw/core/adapter'
import type { FileSystem } from './file-system.ts'
import { checkIndexFile } from './index-check.ts'
import type { IndexDatabase } from './index-database.ts'
import { indexFailure, isDamage, reasonOf } from './index-failures.ts'
import { IndexFile, type IndexFileOptions, removeIndexFiles } from './index-file.ts'
import { type IndexTask, type IndexWork, reading, writing } from './index-task.ts'
import type { SyncMode } from './options.ts'
import { loadSqlite, type Sqlite } from './sqlite-module.ts'

export interface FsIndexOptions {
  readonly root: string
  readonly sync: SyncMode
  readonly maxBytes: number
  readonly fileSystem: FileSystem
  /** Times the removal of what was deleted. */
  readonly clock: Pick<Clock, 'setTimer'>
  /** Throws when calls come too late. */
  readonly checkOpen: () => void
  /** Runs work while this process owns the directory. Rejects when it does not. */
  readonly asOwner: (work: () => Promise<void>) => Promise<void>
  /** @default that of the runtime */
  readonly sqlite?: () => Sqlite | undefined
  /** @default checkIndexFile */
  readonly check?: IndexFileOptions['check']
}

/** Milliseconds of work after which a transaction is ended, and the event loop gets a turn. */
const sliceMs = 5

/** Milliseconds after a deletion until no byte of it is in any file. */
const shredAfterMs = 2_000

/** Times that the removal of what was deleted waits for a check of the file: it is gone eight seconds after its deletion at the latest. */
const mostHeldShreds = 3

/** Maximum steps of one transaction. */
const mostSteps = 64

/**
 * Phases: `closed → open → stopped`; the file is opened by the first call that needs it.
 *
 * - I1: calls take effect one after the other, in call order. Writes that wait together share a transaction, and so a sync.
 * - I2: no transaction is open between two turns of the event loop, so no call sees a part of one.
 * - I3: a file that cannot be read is deleted, and another one made: then no tenant is complete, and the calls that met the damage begin again. A tenant is not
 *   complete either that was cleared in the file before: what was put between is gone.
 * - I4: what was deleted is in no file some seconds later.
 * - I5: the index is not complete any more once a check has found damage in its file.
 */
export class FsIndex implements SessionIndex {
  readonly #options: FsIndexOptions
  readonly #path: string
  readonly #waiting: IndexTask[] = []
  /** SQLite, or an index in memory where the runtime has none; undefined before the first call. */
  #means: { readonly sqlite: Sqlite } | { readonly memory: MemoryIndex } | undefined
  #file: IndexFile | undefined
  #running: Promise<void> | undefined
  #reason = 'it is new'
  /** The file that was last cleared for each tenant. */
  readonly #cleared = new Map<TenantId, IndexDatabase>()
  /** The first of those that wait: writes that are done, and not durable yet. */
  #done = 0
  #shredTimer: TimerHandle | undefined
  #isShredDue = false
  /** Times that a check of the file has held up the removal of what was deleted. */
  #heldShreds = 0

  constructor(options: FsIndexOptions) {
    this.#options = options
    this.#path = join(options.root, 'index.sqlite')
  }

  async put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void> {
    const memory = this.#begin(tenant)
    const rows = encodeIndexEntries(entries, this.#options.maxBytes)
    if (memory !== undefined) return await memory.put(tenant, entries)
    await this.#do(writing(rows, (database, row) => database.put(tenant, row)))
  }

  async delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void> {
    const memory = this.#begin(tenant)
    const own = checkIndexKeys(keys)
    if (memory !== undefined) return await memory.delete(tenant, own)
    await this.#do(writing(own, (database, key) => database.delete(tenant, key)))
    this.#shredSoon()
  }

  async get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]> {
    const memory = this.#begin(tenant)
    const own = checkIndexKeys(keys)
    if (memory !== undefined) return await memory.get(tenant, own)
    return await this.#read((database) => getEach(database, tenant, own))
  }

  async page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]> {
    const memory = this.#begin(tenant)
    const checked = checkIndexQuery(query)
    if (memory !== undefined) return await memory.page(tenant, checked)
    return await this.#read((database) => database.page(tenant, checked))
  }

  async status(tenant: TenantId): Promise<SessionIndexStatus> {
    const memory = this.#begin(tenant)
    if (memory !== undefined) return await memory.status(tenant)
    const [isComplete] = await this.#read((database) => [[database.isComplete(tenant)]][Symbol.iterator]())
    return isComplete === true ? { isComplete } : { isComplete: false, reason: this.#reason }
  }

  async complete(tenant: TenantId): Promise<void> {
    const memory = this.#begin(tenant)
    if (memory !== undefined) return await memory.complete(tenant)
    let isLost = false
    await this.#do(
      writing([tenant], (database) => {
        isLost = this.#cleared.has(tenant) && this.#cleared.get(tenant) !== database
        if (!isLost) database.complete(tenant)
      }),
    )
    if (isLost) throw new BeamClawError('store-io', 'The index of sessions was made anew while it was filled; fill it again')
  }

  async clear(tenant: TenantId): Promise<void> {
    const memory = this.#begin(tenant)
    if (memory !== undefined) return await memory.clear(tenant)
    const step = (database: IndexDatabase): boolean => {
      this.#cleared.set(tenant, database)
      return database.clear(tenant)
    }
    await this.#do({ isWrite: true, start: () => step })
    this.#shredSoon()
  }

  /** Resolves once the calls under way are done and the file is closed; one that cannot be closed in order goes. Never rejects: the store has more to close. */
  async stop(): Promise<void> {
    this.#shredTimer?.cancel()
    await this.#running
    try {
      await this.#file?.close()
      this.#file = undefined
    } catch (error) {
      // What cannot be deleted either has all that was acknowledged, or is found to be damaged by the next process.
      await this.#discard(error).catch(() => {})
    }
  }

  /** Returns the index in memory where there is no SQLite. Throws `invalid-id`, and `store-stopped` when the call comes too late. */
  #begin(tenant: TenantId): MemoryIndex | undefined {
    this.#options.checkOpen()
    checkIndexTenant(tenant)
    if (this.#means === undefined) {
      const sqlite = (this.#options.sqlite ?? loadSqlite)()
      const reason = 'this runtime has no node:sqlite, so the index is in memory and is made anew at each start'
      this.#means = sqlite === undefined ? { memory: memoryIndex({ reason, maxEntryBytes: this.#options.maxBytes }) } : { sqlite }
    }
    return 'memory' in this.#means ? this.#means.memory : undefined
  }

  async #read<T>(start: (database: IndexDatabase) => Iterator<readonly T[]>): Promise<readonly T[]> {
    let found: readonly T[] = []
    await this.#do(
      reading(start, (all) => {
        found = all
      }),
    )
    return found
  }

  #do(work: IndexWork): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#waiting.push({ ...work, step: work.start(), resolve, reject })
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    // What is called in the same turn shares a transaction.
    await undefined
    while (this.#waiting.length > 0 || this.#isShredDue) {
      try {
        await this.#options.asOwner(() => (this.#waiting.length > 0 ? this.#slice() : this.#shred()))
      } catch (error) {
        this.#done = 0
        this.#isShredDue = false
        for (const { reject } of this.#waiting.splice(0)) reject(error)
      }
      if (this.#waiting.length > 0) await new Promise<void>((resolve) => void setImmediate(resolve))
    }
    this.#running = undefined
  }

  #shredSoon(): void {
    this.#shredTimer ??= this.#options.clock.setTimer(
      () => {
        this.#shredTimer = undefined
        this.#isShredDue = true
        this.#running ??= this.#run()
      },
      shredAfterMs,
      true,
    )
  }

  async #shred(): Promise<void> {
    this.#isShredDue = false
    if (this.#file?.isChecking === true && this.#heldShreds < mostHeldShreds) {
      this.#heldShreds += 1
      return this.#shredSoon()
    }
    this.#heldShreds = 0
    try {
      await this.#file?.shred()
    } catch (error) {
      // What a failed sync has lost would be missing in the file.
      await this.#discard(error)
    }
  }

  /** Does some of what waits, for a few milliseconds. */
  async #slice(): Promise<void> {
    const first = this.#waiting[0]
    if (first === undefined) return
    for (let attempt = 1; ; attempt++) {
      try {
        this.#file ??= await this.#open()
        this.#file.throwIfDamaged()
        if (first.isWrite) await this.#writeSome(this.#file)
        else this.#readSome(this.#file.database, first)
        return
      } catch (error) {
        if (!isDamage(error) || attempt > 1) return this.#refuse(error)
        await this.#makeAnew(error)
      }
    }
  }

  #open(): Promise<IndexFile> {
    if (this.#means === undefined || !('sqlite' in this.#means)) throw new Error('there is no SQLite')
    const { fileSystem, sync, check = checkIndexFile } = this.#options
    return IndexFile.open({ sqlite: this.#means.sqlite, path: this.#path, fileSystem, isSynced: sync !== 'os', check })
  }

  #readSome(database: IndexDatabase, task: IndexTask): void {
    const endAt = performance.now() + sliceMs
    while (!task.step(database)) if (performance.now() > endAt) return
    this.#waiting.shift()
    task.resolve()
  }

  /** One transaction: some of the writes that wait before the next read. They share one sync, which comes when none is left or when it is time to move. */
  async #writeSome(file: IndexFile): Promise<void> {
    await file.beforeWrite()
    let steps = 0
    file.database.transaction(() => {
      const endAt = performance.now() + sliceMs
      for (; this.#waiting[this.#done]?.isWrite === true; steps++) {
        if (steps >= mostSteps || performance.now() > endAt) return
        if (this.#waiting[this.#done]?.step(file.database) === true) this.#done += 1
      }
    })
    file.count(steps)
    if (this.#waiting[this.#done]?.isWrite === true && !file.isFull) return
    try {
      await file.sync()
    } catch (error) {
      // What a failed sync has lost would be missing in the middle of the file.
      await this.#discard(error)
      throw error
    }
    for (const { resolve } of this.#waiting.splice(0, this.#done)) resolve()
    this.#done = 0
  }

  /** Rejects the read that failed, or the writes that would have shared the transaction. */
  #refuse(error: unknown): void {
    const isWrite = this.#waiting[0]?.isWrite
    this.#done = 0
    const end = this.#waiting.findIndex((task) => task.isWrite !== isWrite)
    const count = isWrite === false ? 1 : end < 0 ? this.#waiting.length : end
    const failure = indexFailure(error)
    for (const { reject } of this.#waiting.splice(0, count)) reject(failure)
  }

  async #makeAnew(cause: unknown): Promise<void> {
    await this.#discard(cause)
    for (const task of this.#waiting) task.step = task.start()
  }

  async #discard(cause: unknown): Promise<void> {
    this.#done = 0
    this.#reason = reasonOf(cause)
    const file = this.#file
    this.#file = undefined
    // The file goes anyway.
    await file?.abandon().catch(() => {})
    await removeIndexFiles(this.#options.fileSystem, this.#path)
  }
}

function* getEach(database: IndexDatabase, tenant: TenantId, keys: readonly SessionKey[]): Generator<readonly SessionIndexEntry[]> {
  for (const key of keys) {
    const entry = database.get(tenant, key)
    yield entry === undefined ? [] : [entry]
  }
}
