/** One owner's handle on a log: group commit of appends, with reads and compactions in between, all in call order. */
import {
  type AppendLog,
  type BeamClawError,
  type EntryLocation,
  BeamClawError as Failure,
  type FencingToken,
  type LogContents,
  type LogEntry,
  type LogSnapshot,
  type SnapshotOptions,
  type StoreKey,
} from '@beamclaw/core'
import { checkSnapshotSeq, encodeJson } from '@beamclaw/core/adapter'
import { type Append, type Task, takeGroup } from './append-group.ts'
import { writeFully } from './atomic-write.ts'
import type { PooledFile } from './descriptor-pool.ts'
import { fenced, invalid, stopped, storeFailure } from './failures.ts'
import { locateRecord } from './locate-record.ts'
import type { LogDirectory } from './log-directory.ts'
import { type LogEnvironment, logDirectory } from './log-environment.ts'
import { encodeRecords, freshRecords, rememberedRecords } from './log-input.ts'
import { type Manifest, manifestAfter } from './manifest.ts'
import { type OpenedLog, takeLog } from './open-log.ts'
import { type PresentOwner, readPage } from './read-page.ts'
import { type EncodedRecord, encodeLines } from './record-line.ts'
import { encodeSnapshot, type Replayed, readPrefix, replay } from './replay.ts'
import { readSegment } from './segment.ts'

/**
 * Phases: `open → closed` by `end`, or `open → broken` by a write error or `fence`. Owns the queue and the byte counts of its segment; the
 * descriptor belongs to the pool, and what can be read again from the directory is not kept in memory, because a store has one handle for each
 * session.
 *
 * - I1: one drain loop at a time runs the queue in call order; a group of appends counts as one operation.
 * - I2: `append` resolves only after its records are synced (with `sync: os`: written) and the segment was still unsealed afterwards.
 * - I3: after any failure but `log-gap` the handle is broken: every waiting and every later call rejects with that first reason.
 * - I4: `#bytes` counts acknowledged bytes only. Bytes past it are truncated or listed in `suspects`, and never read.
 */
export class FsLog implements AppendLog, PooledFile {
  readonly directory: string
  readonly token: FencingToken
  readonly #environment: LogEnvironment
  #generation: number
  #identity: string
  #bytes = 0
  #syncedBytes = 0
  #lastSeq: number
  // The content that opening read, until the first read takes it or a write outdates it.
  #content: Replayed | undefined
  // Undefined while there is nothing to do.
  #queue: (Append | Task)[] | undefined
  #drained: Promise<void> | undefined
  // `#refusal` rejects new calls; calls that wait already may still succeed unless `#broken` is set.
  #refusal: BeamClawError | undefined
  #broken: BeamClawError | undefined
  #closed: Promise<void> | undefined

  private constructor(environment: LogEnvironment, directory: string, { manifest, descriptor, content }: OpenedLog) {
    this.#environment = environment
    this.directory = directory
    this.token = manifest.token
    this.#generation = manifest.generation
    this.#identity = environment.fileSystem.identify(descriptor)
    this.#content = content
    this.#lastSeq = content.lastSeq
  }

  /** Takes the log in `directory` over from its earlier owner. Rejects as `takeLog` does. */
  static async open(environment: LogEnvironment, directory: string, key: StoreKey, token: FencingToken): Promise<FsLog> {
    const opened = await takeLog(environment, directory, key, token)
    try {
      const log = new FsLog(environment, directory, opened)
      await environment.pool.adopt(log, opened.descriptor)
      return log
    } catch (error) {
      await environment.fileSystem.close(opened.descriptor)
      throw error
    }
  }

  /** Path of the segment that is being written. */
  get path(): string {
    return this.#directory().segment(this.#generation)
  }

  /** What a reader beside this owner may read. */
  get present(): PresentOwner {
    return { generation: this.#generation, bytes: this.#bytes }
  }

  get identity(): string {
    return this.#identity
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    this.#checkOpen()
    const encoded = encodeRecords(records, this.#environment.maxBytes)
    await new Promise<void>((resolve, reject) => this.#enqueue({ records: encoded, resolve, reject }))
  }

  async read(fromSeq = 1): Promise<LogContents> {
    this.#checkOpen()
    if (!Number.isSafeInteger(fromSeq) || fromSeq < 0) throw invalid('AppendLog.read needs a whole number from 0 as fromSeq')
    return await this.#inTurn(async () => {
      const { snapshot, records } = this.#content ?? (await this.#replay())
      this.#content = undefined
      await this.#checkOwned()
      return { snapshot, records: (records[0]?.seq ?? fromSeq) >= fromSeq ? records : records.filter(({ seq }) => seq >= fromSeq) }
    })
  }

  async snapshot(snapshot: LogSnapshot, { dropRecords = false }: SnapshotOptions = {}): Promise<void> {
    this.#checkOpen()
    const { seq, state } = snapshot ?? {}
    const stateJson = encodeJson(state, this.#environment.maxBytes)
    await this.#inTurn(() => this.#environment.limiter.run(() => this.#compact(seq, stateJson, dropRecords)))
  }

  async locate(seq: number): Promise<EntryLocation | undefined> {
    this.#checkOpen()
    return await this.#inTurn(async () => {
      await this.#checkOwned()
      return await locateRecord(this.#directory(), await this.#manifest(), this.#bytes, seq)
    })
  }

  close(): Promise<void> {
    return this.end(stopped('the log handle is closed'))
  }

  /** Lets what waits finish, releases the file, and tells later calls `reason`. Never rejects. */
  end(reason: BeamClawError): Promise<void> {
    this.#closed ??= this.#end(reason)
    return this.#closed
  }

  /** Breaks the handle at once; resolves when no write of it is under way any more. */
  async fence(reason: BeamClawError): Promise<void> {
    this.#break(reason)
    await this.#drained
    await this.#environment.pool.release(this)
  }

  async #end(reason: BeamClawError): Promise<void> {
    this.#refusal ??= reason
    await this.#drained
    this.#broken ??= reason
    this.#content = undefined
    this.#environment.onClosed(this)
    await this.#environment.pool.release(this).catch(() => undefined)
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#enqueue({ run: async () => resolve(await work()), reject }))
  }

  #enqueue(operation: Append | Task): void {
    this.#queue ??= []
    this.#queue.push(operation)
    this.#drained ??= this.#drain(this.#queue)
  }

  async #drain(queue: (Append | Task)[]): Promise<void> {
    // Group commit: appends of the same moment share one write.
    await this.#environment.gather()
    while (queue.length > 0) {
      const group: (Append | Task)[] = takeGroup(queue, this.#lastSeq)
      if (group.length === 0) group.push(...queue.splice(0, 1))
      try {
        const [first] = group
        if (first !== undefined && 'run' in first) await first.run()
        else await this.#append(group as Append[])
      } catch (error) {
        const failure = storeFailure(error, `writing to ${this.directory}`)
        if (failure.code !== 'log-gap') this.#break(failure)
        for (const { reject } of group) reject(this.#broken ?? failure)
        if (failure.code !== 'log-gap') await this.#environment.pool.release(this).catch(() => undefined)
      }
    }
    this.#queue = undefined
    this.#drained = undefined
  }

  async #append(group: readonly Append[]): Promise<void> {
    const records = group.flatMap((append) => append.records)
    const isRepeated = (records[0]?.seq ?? Number.POSITIVE_INFINITY) <= this.#lastSeq
    await this.#write(freshRecords(records, isRepeated ? await this.#lastRecords() : [], this.#lastSeq))
    for (const { resolve } of group) resolve()
  }

  async #write(records: readonly EncodedRecord[]): Promise<void> {
    const { pool, fileSystem, sync } = this.#environment
    if (records.length === 0) return await this.#checkOwned()
    this.#content = undefined
    const lines = encodeLines(records, this.#generation, this.#bytes - this.#syncedBytes)
    await pool.use(this, async (descriptor) => {
      try {
        await writeFully(fileSystem, descriptor, lines, this.#bytes)
      } catch (error) {
        await this.#cutBack(descriptor, true)
        throw error
      }
      if (sync !== 'os') {
        try {
          await fileSystem.datasync(descriptor)
        } catch (error) {
          // The kernel reports a lost page once and forgets it, so a later successful sync of this file proves nothing.
          await this.#cutBack(descriptor, false)
          throw storeFailure(error, `syncing ${this.path}`)
        }
      }
      // Checked after the sync: a later owner that sealed this segment earlier may have read it before the write.
      if (!fileSystem.isUnsealed(descriptor)) throw fenced()
    })
    if (this.#broken !== undefined) throw this.#broken
    this.#bytes += lines.length
    if (sync !== 'os') this.#syncedBytes = this.#bytes
    this.#lastSeq += records.length
  }

  async #cutBack(descriptor: number, isSyncTrusted: boolean): Promise<void> {
    const { fileSystem, suspects } = this.#environment
    suspects.set(this.path, this.#bytes)
    try {
      if (!(await fileSystem.truncate(descriptor, this.#bytes, descriptor))) return
      if (isSyncTrusted) await fileSystem.datasync(descriptor)
    } catch (error) {
      throw new Failure('store-io', `Truncating ${this.path} to its last record failed`, { cause: error })
    }
  }

  async #checkOwned(): Promise<void> {
    const { pool, fileSystem } = this.#environment
    const isOwned = await pool.use(this, async (descriptor) => fileSystem.isUnsealed(descriptor))
    if (!isOwned) throw fenced()
    if (this.#broken !== undefined) throw this.#broken
  }

  async #replay(): Promise<Replayed> {
    const directory = this.#directory()
    const file = this.path
    const generation = this.#generation
    try {
      return await this.#environment.limiter.run(async () =>
        replay(directory, await this.#manifest(), async (firstSeq, into) => {
          const bytes = await readPrefix(directory, file, this.#bytes)
          await readSegment(bytes, { file, generation, firstSeq, isSealed: true }, into)
        }),
      )
    } catch (error) {
      // A later owner removes files; that is fencing, not damage.
      await this.#checkOwned()
      throw error
    }
  }

  /** Resolves with the records for which a repeated append counts as written. */
  async #lastRecords(): Promise<readonly LogEntry[]> {
    const page = { fromSeq: Math.max(1, this.#lastSeq + 1 - rememberedRecords), limit: rememberedRecords }
    const read = await this.#environment.limiter.run(() => readPage(this.#directory(), () => this.present, page))
    return read?.records ?? []
  }

  async #compact(seq: number, stateJson: string, dropRecords: boolean): Promise<void> {
    const { pool, sync, fileSystem } = this.#environment
    const directory = this.#directory()
    const old = await this.#manifest()
    checkSnapshotSeq(seq, old.snapshots[0] ?? 0, this.#lastSeq)
    const generation = old.generation + 1
    await directory.replace(directory.snapshot(seq), encodeSnapshot(seq, stateJson))
    const descriptor = await pool.use(this, async (current) => {
      if (sync === 'os') await fileSystem.datasync(current)
      return await directory.claim(generation, old.generation, () => fileSystem.isUnsealed(current))
    })
    if (descriptor === undefined) throw fenced()
    const manifest = manifestAfter(old, { snapshot: seq, lastSeq: this.#lastSeq, bytes: this.#bytes, dropRecords })
    try {
      const listing = await directory.writeManifest(manifest, descriptor)
      await directory.removeObsolete(manifest, descriptor, listing)
    } catch (error) {
      await fileSystem.close(descriptor)
      throw error
    }
    await pool.release(this)
    this.#generation = generation
    this.#identity = fileSystem.identify(descriptor)
    this.#bytes = 0
    this.#syncedBytes = 0
    this.#content = undefined
    await pool.adopt(this, descriptor)
  }

  /** The manifest that this handle wrote. */
  async #manifest(): Promise<Manifest> {
    return await this.#directory().readManifest(this.#generation)
  }

  #directory(): LogDirectory {
    return logDirectory(this.#environment, this.directory)
  }

  #break(reason: BeamClawError): void {
    if (this.#broken !== undefined) return
    this.#broken = reason
    this.#refusal ??= reason
    this.#content = undefined
    for (const { reject } of this.#queue?.splice(0) ?? []) reject(reason)
  }
}
