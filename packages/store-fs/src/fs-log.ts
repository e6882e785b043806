/** One owner's handle on a log: appends that wait together for one sync, reads and compactions in between, all in call order. */
import { type BeamClawError, BeamClawError as Failure, type Log, type LogContent, type LogRecord, type LogSnapshot } from '@beamclaw/core'
import { writeFully } from './atomic-write.ts'
import type { DescriptorPool, PooledFile } from './descriptor-pool.ts'
import { fenced, invalid, stopped, storeFailure } from './failures.ts'
import { encodeJson } from './json-value.ts'
import type { LogDirectory } from './log-directory.ts'
import { checkSnapshotSeq, encodeRecords, KnownIds } from './log-input.ts'
import type { Manifest } from './manifest.ts'
import type { SyncMode } from './options.ts'
import type { Limiter } from './queues.ts'
import { type EncodedRecord, encodeLines } from './record-line.ts'
import { encodeSnapshot, type Replayed, readPrefix, replay } from './replay.ts'
import { readSegment } from './segment.ts'

/** What a log shares with the other logs of its store. */
export interface LogEnvironment {
  readonly directory: LogDirectory
  readonly pool: DescriptorPool
  readonly limiter: Limiter
  readonly sync: SyncMode
  readonly gatherMs: number
  readonly maxBytes: number
  /** Segments whose bytes from the given length on failed to reach the disk and must not be believed. */
  readonly suspects: Map<string, number>
}

/** A log as its opening left it. */
export interface OpenedLog {
  readonly manifest: Manifest
  readonly file: PooledFile
  readonly content: Replayed
}

interface Append {
  readonly records: readonly EncodedRecord[]
  readonly resolve: () => void
  readonly reject: (error: BeamClawError) => void
}

interface Task {
  readonly run: () => Promise<void>
  readonly reject: (error: BeamClawError) => void
}

// Appends that wait are written together up to about this many characters.
const largestGroup = 8 * 1024 * 1024

export class FsLog implements Log {
  readonly #environment: LogEnvironment
  readonly #ids: KnownIds
  readonly #onEnd: (log: FsLog) => void
  #manifest: Manifest
  #file: PooledFile
  #content: Replayed | undefined
  #bytes = 0
  #syncedBytes = 0
  #writtenSeq: number
  #newestSnapshot: number
  #queue: (Append | Task)[] = []
  #drained: Promise<void> = Promise.resolve()
  #isDraining = false
  // What new calls are told; calls that wait already may still succeed, unless #broken is set.
  #refusal: BeamClawError | undefined
  #broken: BeamClawError | undefined
  #closed: Promise<void> | undefined

  constructor(environment: LogEnvironment, { manifest, file, content }: OpenedLog, onEnd: (log: FsLog) => void) {
    this.#environment = environment
    this.#manifest = manifest
    this.#file = file
    this.#content = content
    this.#onEnd = onEnd
    this.#writtenSeq = content.lastSeq
    this.#newestSnapshot = content.snapshot?.seq ?? 0
    this.#ids = new KnownIds(content.lastSeq - content.records.length + 1, content.records)
  }

  /** The token that opened this log last. */
  get token(): Manifest['token'] {
    return this.#manifest.token
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    const fresh = this.#accept(() => this.#ids.take(encodeRecords(records, this.#environment.maxBytes)))
    if (fresh.length > 0) this.#content = undefined
    await new Promise<void>((resolve, reject) => this.#enqueue({ records: fresh, resolve, reject }))
  }

  async read(fromSeq = 1): Promise<LogContent> {
    this.#accept(() => {
      if (!Number.isSafeInteger(fromSeq) || fromSeq < 0) throw invalid('Log.read takes a whole number from 0')
    })
    return await this.#inTurn(async () => {
      const { snapshot, records } = this.#content ?? (await this.#environment.limiter.run(() => this.#replay()))
      this.#content = undefined
      await this.#checkOwned()
      return { snapshot, records: (records[0]?.seq ?? fromSeq) >= fromSeq ? records : records.filter(({ seq }) => seq >= fromSeq) }
    })
  }

  async compact(snapshot: LogSnapshot): Promise<void> {
    const { seq, state } = this.#accept(() => {
      checkSnapshotSeq(snapshot, this.#newestSnapshot, this.#ids.lastSeq)
      this.#newestSnapshot = snapshot.seq
      return { seq: snapshot.seq, state: encodeJson(snapshot.state, this.#environment.maxBytes) }
    })
    await this.#inTurn(() => this.#environment.limiter.run(() => this.#compact(seq, state)))
  }

  close(): Promise<void> {
    return this.end(stopped('the log handle was closed'))
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
    await this.#environment.pool.release(this.#file)
  }

  async #end(reason: BeamClawError): Promise<void> {
    this.#refusal ??= reason
    await this.#drained
    this.#broken ??= reason
    this.#content = undefined
    this.#onEnd(this)
    await this.#environment.pool.release(this.#file).catch(() => undefined)
  }

  #accept<T>(work: () => T): T {
    if (this.#refusal !== undefined) throw this.#refusal
    try {
      return work()
    } catch (error) {
      if (!Failure.isInstance(error, 'log-gap')) this.#refusal = storeFailure(error, 'reading a call')
      throw error
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#enqueue({ run: async () => resolve(await work()), reject }))
  }

  #enqueue(operation: Append | Task): void {
    this.#queue.push(operation)
    if (this.#isDraining) return
    this.#isDraining = true
    this.#drained = this.#drain()
  }

  async #drain(): Promise<void> {
    // Appends of the same moment belong together.
    await (this.#environment.sync === 'batch' ? delay(this.#environment.gatherMs) : undefined)
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const group = 'run' in next ? [] : this.#takeGroup()
      const rejects = 'run' in next ? [next.reject] : group.map(({ reject }) => reject)
      try {
        if ('run' in next) {
          this.#queue.shift()
          await next.run()
        } else {
          await this.#write(group.flatMap(({ records }) => records))
          for (const { resolve } of group) resolve()
        }
      } catch (error) {
        const failure = storeFailure(error, `writing ${this.#file.path}`)
        this.#break(failure)
        for (const reject of rejects) reject(this.#broken ?? failure)
        await this.#environment.pool.release(this.#file).catch(() => undefined)
      }
    }
    this.#isDraining = false
  }

  #takeGroup(): Append[] {
    const group: Append[] = []
    let size = 0
    for (const operation of this.#queue) {
      if ('run' in operation || (size > 0 && size > largestGroup)) break
      group.push(operation)
      for (const { data } of operation.records) size += data.length
    }
    this.#queue.splice(0, group.length)
    return group
  }

  async #write(records: readonly EncodedRecord[]): Promise<void> {
    const { pool, directory, sync } = this.#environment
    if (records.length === 0) return await this.#checkOwned()
    const lines = encodeLines(records, this.#manifest.generation, this.#bytes - this.#syncedBytes)
    await pool.use(this.#file, async (descriptor) => {
      try {
        await writeFully(directory.fileSystem, descriptor, lines, this.#bytes)
      } catch (error) {
        await this.#cutBack(descriptor, true)
        throw error
      }
      if (sync !== 'os') {
        try {
          await directory.fileSystem.datasync(descriptor)
        } catch (error) {
          // The system reports a lost page once and forgets it: nothing that is still to be synced here can be believed.
          await this.#cutBack(descriptor, false)
          throw new Failure('store-io', `Syncing ${this.#file.path} failed`, { cause: error })
        }
      }
      // Only now: whoever sealed this segment before this point may have read it before the write.
      if (!directory.fileSystem.isUnsealed(descriptor)) throw fenced('a later owner opened the log')
    })
    if (this.#broken !== undefined) throw this.#broken
    this.#bytes += lines.length
    if (sync !== 'os') this.#syncedBytes = this.#bytes
    this.#writtenSeq += records.length
  }

  async #cutBack(descriptor: number, isSyncTrusted: boolean): Promise<void> {
    const { directory, suspects } = this.#environment
    suspects.set(this.#file.path, this.#bytes)
    try {
      await directory.fileSystem.truncate(descriptor, this.#bytes)
      if (isSyncTrusted) await directory.fileSystem.datasync(descriptor)
    } catch (error) {
      throw new Failure('store-io', `Cutting ${this.#file.path} back to its last record failed`, { cause: error })
    }
  }

  async #checkOwned(): Promise<void> {
    const { pool, directory } = this.#environment
    const isOwned = await pool.use(this.#file, async (descriptor) => directory.fileSystem.isUnsealed(descriptor))
    if (!isOwned) throw fenced('a later owner opened the log')
    if (this.#broken !== undefined) throw this.#broken
  }

  async #replay(): Promise<Replayed> {
    const { directory } = this.#environment
    const { generation } = this.#manifest
    return await replay(directory, this.#manifest, async (firstSeq, into) => {
      const bytes = await readPrefix(directory, this.#file.path, this.#bytes)
      await readSegment(bytes, { file: this.#file.path, generation, firstSeq, isSealed: true }, into)
    })
  }

  async #compact(seq: number, stateJson: string): Promise<void> {
    const { directory, pool, sync } = this.#environment
    const { fileSystem } = directory
    const old = this.#manifest
    const generation = old.generation + 1
    await directory.replace(directory.snapshot(seq), encodeSnapshot(seq, stateJson))
    const descriptor = await pool.use(this.#file, async (current) => {
      if (sync === 'os') await fileSystem.datasync(current)
      return await directory.claim(generation, old.generation, () => fileSystem.isUnsealed(current))
    })
    if (descriptor === undefined) throw fenced('a later owner opened the log')
    const manifest = this.#manifestAfter(seq, generation)
    try {
      const listing = await directory.writeManifest(manifest, descriptor)
      await directory.removeObsolete(manifest, descriptor, listing)
    } catch (error) {
      await fileSystem.close(descriptor)
      throw error
    }
    await pool.release(this.#file)
    this.#manifest = manifest
    this.#file = { path: directory.segment(generation), identity: fileSystem.identify(descriptor) }
    this.#bytes = 0
    this.#syncedBytes = 0
    this.#content = undefined
    await pool.adopt(this.#file, descriptor)
    this.#ids.forgetUpTo(seq)
  }

  #manifestAfter(seq: number, generation: number): Manifest {
    const old = this.#manifest
    const [newest, second] = old.snapshots
    // A second snapshot of the same place replaces the first, and the one before it stays.
    const previous = newest === seq ? second : newest
    const current = { generation: old.generation, firstSeq: old.firstSeq, lastSeq: this.#writtenSeq, bytes: this.#bytes }
    const segments = this.#bytes > 0 ? [...old.segments, current] : old.segments
    return {
      ...old,
      generation,
      segments: segments.filter(({ lastSeq }) => lastSeq > (previous ?? 0)),
      firstSeq: this.#writtenSeq + 1,
      snapshots: previous === undefined ? [seq] : [seq, previous],
    }
  }

  #break(reason: BeamClawError): void {
    if (this.#broken !== undefined) return
    this.#broken = reason
    this.#refusal ??= reason
    this.#content = undefined
    const waiting = this.#queue
    this.#queue = []
    for (const { reject } of waiting) reject(reason)
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
