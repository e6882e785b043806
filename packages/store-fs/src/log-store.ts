/** The logs of a data directory: one write-ahead log, the own files of logs at rest, and the handles on them. */
import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { BeamClawError, type Clock, type FencingToken, type LogPage, type StoreKey } from '@beamclaw/core'
import { mayOpenLog } from '@beamclaw/core/adapter'
import { DirectoryMaker, isAbsent, syncDirectory } from './atomic-write.ts'
import { readExtent } from './extent-reader.ts'
import { fenced, systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { FsLog, type LogHost } from './fs-log.ts'
import { type Files, type LogView, locate, readContents, viewOf } from './log-reader.ts'
import type { LogState } from './log-state.ts'
import { LogTable } from './log-table.ts'
import { loadTail } from './log-tail.ts'
import { Mover } from './mover.ts'
import type { SyncMode } from './options.ts'
import type { OwnFileWriting } from './own-file-writer.ts'
import { readPage } from './page-reader.ts'
import { SegmentTable } from './segment-table.ts'
import { Wal } from './wal.ts'
import type { WalItem } from './wal-group.ts'
import { encodeDeletedLine } from './wal-line.ts'
import { walDirectoryName } from './wal-segments.ts'

/** What the logs of a store are made of. */
export interface LogStoreOptions {
  readonly root: string
  /** Its fsync errors count towards the failure of the store. */
  readonly fileSystem: FileSystem
  /** The same without the count: an error of a move loses nothing. */
  readonly quietFileSystem: FileSystem
  readonly sync: SyncMode
  readonly maxBytes: number
  readonly maxOpenFiles: number
  readonly walSegmentBytes: number
  readonly walMaxBytes: number
  readonly clock: Pick<Clock, 'setTimer'>
  /** False when an earlier owner of the directory may still be alive. */
  readonly isAlone: boolean
}

const gatherMs = 5
const mostAttempts = 20
// A deletion waits in memory while it is not durable. It makes room, so those of appends do not count.
const mostDeletions = 10_000
// Tokens of handles that were closed without a write, which no file has.
const mostRemembered = 10_000

/**
 * Phases: `open → ended`. Owns the write-ahead log, the table of logs, the mover and the live handles.
 *
 * - I1: at most one handle of a log is live; the earlier one is fenced, and nothing of it is under way, before the next is made.
 * - I2: calls that change who owns a log come one after the other for each log: the store serializes them.
 * - I3: a state that a handle or a call uses is in the table.
 */
export class LogStore {
  readonly #files: Files
  readonly #table: LogTable
  readonly #wal: Wal
  readonly #mover: Mover
  readonly #handles = new Map<LogState, FsLog>()
  readonly #unwritten = new Map<string, { readonly key: StoreKey; readonly token: FencingToken }>()
  readonly #host: LogHost
  #deletions = 0

  private constructor(options: LogStoreOptions, table: LogTable, makeWal: (wal: Wal) => Mover, wal: Wal) {
    const { fileSystem, root, maxBytes } = options
    this.#files = { fileSystem, wal: join(root, walDirectoryName) }
    this.#table = table
    this.#wal = wal
    this.#mover = makeWal(wal)
    this.#host = {
      maxBytes,
      checkRoom: (bytes) => wal.checkRoom(bytes),
      hold: (bytes) => wal.hold(bytes),
      push: (item) => wal.push(item),
      isOwner: () => wal.isOwner(),
      readContents: (state, fromSeq) => this.#look(state, (view) => readContents(this.#files, view, fromSeq)),
      locate: (state, seq) => this.#look(state, (view) => locate(this.#files, view, seq)),
      idsFrom: async (state, fromSeq) => {
        const page = await this.#look(state, (view) => readPage(this.#files, view, { fromSeq, limit: 64 }))
        return new Map(page.records.map(({ seq, id }) => [seq, id]))
      },
      onEnded: (log) => this.#onEnded(log),
      onDropped: () => this.#mover.purge(),
    }
  }

  /** Takes the directory over from its earlier owner. The caller holds its lock. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    const { root, fileSystem, quietFileSystem, sync, clock, walMaxBytes, walSegmentBytes, isAlone, maxOpenFiles } = options
    const directory = join(root, walDirectoryName)
    await makeDirectory(fileSystem, directory)
    const table = new LogTable(root, new SegmentTable())
    let mover: Mover | undefined
    const gather =
      sync === 'batch'
        ? () => new Promise<void>((resolve) => void clock.setTimer(resolve, gatherMs))
        : () => new Promise<void>((resolve) => void setImmediate(resolve))
    const onGrown = (): void => mover?.grown()
    const wal = await Wal.open({
      fileSystem,
      directory,
      table,
      sync,
      gather,
      onGrown,
      segmentBytes: walSegmentBytes,
      maxBytes: walMaxBytes,
    })
    const nonce = randomUUID().slice(0, 8)
    let temporaries = 0
    const writing: OwnFileWriting = {
      fileSystem: quietFileSystem,
      wal: directory,
      directories: new DirectoryMaker(quietFileSystem, root),
      witness: () => wal.witness,
      newTemporary: () => `.tmp-log-${nonce}-${++temporaries}`,
      leftBehind: new Set(),
      isAlone,
    }
    const makeMover = (): Mover => {
      const after = (ms: number, callback: () => void): void => void clock.setTimer(callback, ms, true)
      mover = new Mover({ writing, table, wal, targetBytes: Math.ceil(walMaxBytes / 2), maxOpen: maxOpenFiles, after })
      return mover
    }
    const store = new LogStore(options, table, makeMover, wal)
    // What a dead owner left: deletions are ended, and logs at rest are moved.
    for (const state of table.values()) store.#mover.rest(state)
    return store
  }

  /** Number of segments of the write-ahead log. */
  get segments(): readonly number[] {
    return this.#table.segments.numbers
  }

  /** Opens or creates a log. Rejects `fenced` and `log-corrupt`. */
  async openLog(key: StoreKey, token: FencingToken): Promise<FsLog> {
    const state = this.#table.use(key)
    try {
      await this.#checkToken(state, token)
      await this.#handles.get(state)?.fence(fenced('a later owner opened the log', token.epoch))
      this.#unwritten.delete(state.lineKey.json)
      const log = new FsLog(this.#host, state, token)
      this.#handles.set(state, log)
      return log
    } catch (error) {
      this.#table.leave(state)
      throw error
    }
  }

  /** Reads a page beside the owner of the log. */
  async readLog(key: StoreKey, page: { readonly fromSeq: number; readonly limit: number }): Promise<LogPage | undefined> {
    for (let attempt = 1; ; attempt++) {
      const state = this.#table.stateOf(key)
      try {
        await this.#load(state)
        if (!isThere(state)) {
          // A look at its two names, one after the other, may miss a file that a move writes anew.
          if (attempt > 1 || this.#table.get(key) === state) return undefined
          continue
        }
        return await readPage(this.#files, viewOf(state), page)
      } catch (error) {
        // A move or a new owner may have changed the files since; then the look was at something that is gone.
        const isChanged = isAbsent(error) || (BeamClawError.isInstance(error, 'log-corrupt') && this.#table.get(key) !== state)
        if (!isChanged || attempt === mostAttempts) throw error
        // Its batch ends long after the old file went, and only then does the state know the new one.
        if (this.#table.get(key) === state) await this.#refresh(state)
      }
    }
  }

  /** Deletes a log; `token` is that of its owner, absent for a deletion by key. Resolves with whether there was one. Rejects `overloaded` while too many others wait. */
  async delete(key: StoreKey, token?: FencingToken): Promise<boolean> {
    // Before anything is touched: the handle of a log that is not deleted stays live.
    if (this.#deletions >= mostDeletions) throw tooManyDeletions()
    this.#deletions += 1
    try {
      return await this.#delete(key, token)
    } finally {
      this.#deletions -= 1
    }
  }

  async #delete(key: StoreKey, token: FencingToken | undefined): Promise<boolean> {
    const state = this.#table.use(key)
    try {
      const reason = fenced('the log was deleted')
      if (token !== undefined) await this.#checkToken(state, token)
      await this.#handles.get(state)?.fence(reason)
      if (state.damage === undefined) await this.#load(state).catch((error: unknown) => this.#passIfCorrupt(error))
      const isThereNow = state.damage !== undefined || isThere(state) || state.own === undefined
      const wasOpened = this.#unwritten.delete(state.lineKey.json)
      if (isThereNow) {
        await this.#commitDeletion(state)
        // Before the file goes: when that fails, the mover tries again.
        this.#mover.purge()
      }
      const isUnfinished = state.isOwnFileStale
      if (isUnfinished) await this.#mover.finishDeletion(state)
      return isThereNow || isUnfinished || wasOpened
    } finally {
      this.#table.leave(state)
    }
  }

  /** Keys of logs that may have no own file: those with lines in the write-ahead log, and those that were opened and not written to. */
  keysInMemory(): StoreKey[] {
    const keys: StoreKey[] = [...this.#unwritten.values()].map(({ key }) => key)
    for (const state of this.#table.values()) {
      if (this.#handles.has(state) || state.extents.some(({ kind }) => kind !== 'deleted')) keys.push(state.key)
    }
    return keys
  }

  /** Returns true when the own file of a log counts no more, because the log was deleted. */
  isDeleted(key: StoreKey): boolean {
    return this.#table.get(key)?.isOwnFileStale ?? false
  }

  /** Throws `fenced` when a later owner has the directory: this process may have been suspended. */
  checkOwner(): void {
    if (!this.#wal.isOwner()) throw fenced('a later owner has the data directory')
  }

  /** Breaks all handles. */
  fail(reason: BeamClawError): void {
    this.#wal.fail(reason)
    for (const log of this.#handles.values()) log.fence(reason).catch(() => undefined)
  }

  /** Closes all handles, moves everything to its own file, and releases the write-ahead log. */
  async stop(reason: BeamClawError): Promise<void> {
    await Promise.all([...this.#handles.values()].map((log) => log.end(reason)))
    await this.#wal.settled()
    if (this.#wal.isOwner()) await this.#mover.finish().catch(() => undefined)
    else await this.#mover.abandon()
    await this.#wal.end(reason)
  }

  async #checkToken(state: LogState, token: FencingToken): Promise<void> {
    await this.#load(state)
    const current = this.#handles.get(state)?.token ?? this.#unwritten.get(state.lineKey.json)?.token ?? state.token
    if (current !== undefined && !mayOpenLog(current, token)) throw fenced('a later owner opened the log', current.epoch)
  }

  #onEnded(log: FsLog): void {
    const { state, token } = log
    if (this.#handles.get(state) === log) this.#handles.delete(state)
    if (!log.hasWritten) {
      if (this.#unwritten.size >= mostRemembered) this.#unwritten.delete(this.#unwritten.keys().next().value ?? '')
      this.#unwritten.set(state.lineKey.json, { key: state.key, token })
    }
    this.#mover.rest(state)
    this.#table.leave(state)
  }

  #commitDeletion(state: LogState): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const lines = [encodeDeletedLine(state.lineKey, state.lastSeq ?? 0)]
      const item: WalItem = { state, kind: 'deleted', firstSeq: 0, lastSeq: 0, lines, size: 100, owner: undefined, resolve, reject }
      this.#wal.push(item)
    })
  }

  #load(state: LogState): Promise<void> {
    const { fileSystem, wal } = this.#files
    return loadTail(fileSystem, state, (extent) => readExtent(fileSystem, wal, extent))
  }

  /** Reads from the files of a log that is in the table; again when a move changed them meanwhile. */
  async #look<T>(state: LogState, read: (view: LogView) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await read(viewOf(state))
      } catch (error) {
        if (!isAbsent(error) || attempt === mostAttempts) throw error
        await this.#refresh(state)
      }
    }
  }

  /** Waits for the move under way: after it, the files are in place. */
  async #refresh(state: LogState): Promise<void> {
    while (state.busy !== undefined) await state.busy
  }

  #passIfCorrupt(error: unknown): void {
    if (!BeamClawError.isInstance(error, 'log-corrupt')) throw error
  }
}

function tooManyDeletions(): BeamClawError {
  return new BeamClawError('overloaded', `${mostDeletions} deletions wait for the disk, the maximum. Try again later`, {
    isRetryable: true,
    retryAfterMs: 100,
  })
}

function isThere({ own, extents }: LogState): boolean {
  return (own?.generation ?? 0) > 0 || extents.some(({ kind }) => kind !== 'deleted')
}

async function makeDirectory(fileSystem: FileSystem, directory: string): Promise<void> {
  try {
    await fileSystem.makeDirectory(directory)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
  await syncDirectory(fileSystem, dirname(directory))
}
