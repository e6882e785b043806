/** Moves lines from the write-ahead log into the own files of their logs, in the background, so that its segments can go. */
import { dirname } from 'node:path'
import { syncDirectory } from './atomic-write.ts'
import { readExtent } from './extent-reader.ts'
import type { Extent, LogState } from './log-state.ts'
import type { LogTable } from './log-table.ts'
import { loadForMove } from './log-tail.ts'
import { chooseMoves } from './mover-choice.ts'
import { OpenSegments } from './open-segments.ts'
import type { OwnFile } from './own-file.ts'
import { type OwnFileWriting, removeOldGeneration, removeOwnFiles, type WrittenFile, writeOwnFile } from './own-file-writer.ts'
import { Limiter } from './queues.ts'
import type { Wal } from './wal.ts'

/** What a mover needs of its store. */
export interface MoverOptions {
  readonly writing: OwnFileWriting
  readonly table: LogTable
  readonly wal: Wal
  /** The oldest segments go when all have more bytes than this. */
  readonly targetBytes: number
  /** Own files that are open at once, at most. */
  readonly maxOpen: number
  /** Calls back after a time, without keeping the process alive. */
  readonly after: (ms: number, callback: () => void) => void
}

// Logs that are closed one after the other are moved together.
const gatherMs = 20
// Bytes of a deleted log are gone within 10 s: one retreat of the log for all deletions of this time.
const purgeMs = 5_000
const firstBackoffMs = 100
const longestBackoffMs = 5_000
// Appends wait for room while errors may pass: five in a row, in about two seconds.
const patientMs = 1_600
const mostAtOnce = 16
// Of a stop, for what the next start can do as well.
const finishMs = 3_000
const mostInBatch = 128
const mostInLastBatches = 16

/** One log in a batch. */
interface Move {
  readonly state: LogState
  readonly extents: readonly Extent[]
  readonly release: () => void
  file: WrittenFile | OwnFile | undefined
}

/**
 * Phases: `idle ⇄ running → stopped`. Owns the moves under way; the extents belong to the states of the logs.
 *
 * - I1: one run at a time; one move or removal of an own file at a time for each log (`state.busy`).
 * - I2: an extent is released after its bytes are durable in the own file, and the name of the file in its directory.
 * - I3: a segment is removed when nothing in it is unmoved, the oldest first.
 * - I4: an error leaves the extents where they are; the mover tries again. Of appends only those hear of it that wait for the room.
 */
export class Mover {
  readonly #options: MoverOptions
  readonly #resting = new Set<LogState>()
  readonly #limiter = new Limiter(mostAtOnce)
  #running: Promise<void> | undefined
  #isAgain = false
  #isScheduled = false
  #isStopped = false
  #backoffMs = firstBackoffMs
  // The segments up to this one hold bytes of deleted logs; `due` ones go with the next run.
  #purge = { upTo: 0, due: 0, isScheduled: false }

  constructor(options: MoverOptions) {
    this.#options = options
  }

  /** A log was closed: its lines move soon. */
  rest(state: LogState): void {
    if (state.extents.length === 0) return
    this.#resting.add(state)
    this.#schedule(gatherMs)
  }

  /** Segments up to the current one hold bytes that must not stay. */
  purge(): void {
    this.#purge.upTo = this.#options.table.segments.current
    if (this.#purge.isScheduled) return
    this.#purge.isScheduled = true
    this.#options.after(purgeMs, () => {
      this.#purge.isScheduled = false
      this.#purge.due = this.#purge.upTo
      this.#kick()
    })
  }

  /** The write-ahead log has grown. */
  grown(): void {
    const { table, targetBytes } = this.#options
    if (table.segments.bytes > targetBytes) this.#kick()
  }

  /** Removes the own files of a log whose end is durable. */
  async finishDeletion(state: LogState): Promise<void> {
    const release = await this.#exclusively(state)
    try {
      await this.#removeStale(state)
    } finally {
      release()
    }
  }

  /** Resolves when the run under way has ended. */
  async settled(): Promise<void> {
    await this.#running
  }

  /**
   * Moves everything and removes all segments but an empty one, as far as a few seconds allow. Rejects when that fails. What is left moves after the next start,
   * which reads it from the write-ahead log.
   */
  async finish(): Promise<void> {
    this.#isStopped = true
    await this.#running
    const { table, wal, after } = this.#options
    let isLate = false
    after(finishMs, () => {
      isLate = true
    })
    const failure = await this.#moveAll(chooseMoves(table.values(), [], table.segments.current), () => isLate, mostInLastBatches)
    if (failure !== undefined) throw failure
    if (isLate) return
    if (table.segments.bytes > emptySegmentBytes) await wal.rotate()
    await wal.retire()
  }

  /** Stops without moving anything more. */
  async abandon(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  #schedule(ms: number): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    this.#options.after(ms, () => {
      this.#isScheduled = false
      this.#kick()
    })
  }

  #kick(): void {
    if (this.#isStopped) return
    this.#isAgain = true
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    while (this.#isAgain && !this.#isStopped) {
      this.#isAgain = false
      const failure = await this.#once().catch((error: unknown) => error ?? new Error('failed'))
      if (failure === undefined) this.#backoffMs = firstBackoffMs
      else {
        if (this.#backoffMs >= patientMs) this.#options.wal.refuseWaiting(failure)
        this.#schedule(this.#backoffMs)
        this.#backoffMs = Math.min(this.#backoffMs * 2, longestBackoffMs)
        break
      }
    }
    this.#running = undefined
  }

  /** Resolves with the first failure of a log, undefined for none. */
  async #once(): Promise<unknown> {
    const { table, wal, targetBytes } = this.#options
    const { due } = this.#purge
    if (due > 0 && table.segments.current <= due) await wal.rotate()
    const upTo = Math.max(due, table.segments.surplus(targetBytes))
    const resting = [...this.#resting]
    this.#resting.clear()
    const failure = (await this.#removeLeftBehind()) ?? (await this.#moveAll(chooseMoves(table.values(), resting, upTo)))
    if (failure !== undefined) for (const state of resting) if (state.extents.length > 0) this.#resting.add(state)
    if (failure === undefined && this.#purge.due === due) this.#purge.due = 0
    return failure
  }

  async #moveAll(states: readonly LogState[], isOver = () => this.#isStopped, most = mostInBatch): Promise<unknown> {
    const atOnce = Math.max(1, Math.min(most, this.#options.maxOpen >> 1))
    let failure: unknown
    const failing = (error: unknown): void => {
      failure ??= error ?? new Error('failed')
    }
    for (let from = 0; from < states.length && !isOver(); from += atOnce) {
      // A log that cannot be moved holds up no other one.
      const failed = await this.#moveBatch(states.slice(from, from + atOnce))
      failure ??= failed
      // Appends may wait for the room.
      await this.#options.wal.retire().catch(failing)
    }
    if (states.length === 0) await this.#options.wal.retire().catch(failing)
    return failure
  }

  /** Removes old generations that could not be removed when they were replaced: they hold what was dropped. Resolves with the first failure. */
  async #removeLeftBehind(): Promise<unknown> {
    const { leftBehind } = this.#options.writing
    for (const file of leftBehind) {
      try {
        await removeOldGeneration(this.#options.writing, file)
        leftBehind.delete(file)
      } catch (error) {
        return error ?? new Error('failed')
      }
    }
    return undefined
  }

  /** All are written, then all are synced, then their directories: the file system has one journal for them. */
  async #moveBatch(states: readonly LogState[]): Promise<unknown> {
    const { fileSystem, wal } = this.#options.writing
    const segments = new OpenSegments(fileSystem, wal)
    const moves: Move[] = []
    let failure: unknown
    const failing = (error: unknown): void => {
      failure ??= error ?? new Error('failed')
    }
    await Promise.all(states.map((state) => this.#limiter.run(() => this.#write(state, segments, moves)).catch(failing)))
    await segments.close().catch(failing)
    try {
      const directories = new Set<string>()
      const written: { readonly move: Move; readonly directory: string | undefined }[] = []
      const sync = async (move: Move): Promise<void> => {
        const { file, state } = move
        const isOpen = file !== undefined && 'descriptor' in file
        const directory = isOpen && file.isNew ? dirname(state.path) : undefined
        if (isOpen) {
          await fileSystem.sync(file.descriptor)
          if (directory !== undefined) directories.add(directory)
        }
        written.push({ move, directory })
      }
      await Promise.all(moves.map((move) => this.#limiter.run(() => sync(move)).catch(failing)))
      const unsynced = new Set<string>()
      for (const directory of directories) {
        await syncDirectory(fileSystem, directory).catch((error: unknown) => {
          unsynced.add(directory)
          failing(error)
        })
      }
      for (const { move, directory } of written) if (directory === undefined || !unsynced.has(directory)) this.#commit(move)
    } finally {
      const close = async ({ file }: Move): Promise<void> => {
        if (file !== undefined && 'descriptor' in file) await fileSystem.close(file.descriptor)
      }
      await Promise.all(moves.map((move) => this.#limiter.run(() => close(move)).catch(failing)))
      for (const { release } of moves) release()
    }
    return failure
  }

  async #write(state: LogState, segments: OpenSegments, moves: Move[]): Promise<void> {
    const writing = { ...this.#options.writing, segments }
    const release = await this.#exclusively(state)
    try {
      await this.#removeStale(state)
      const extents = state.extents.slice()
      if (extents.length === 0) return release()
      state.taken = extents.length
      await loadForMove(writing.fileSystem, state, (extent) => readExtent(writing.fileSystem, writing.wal, extent))
      moves.push({ state, extents, release, file: await writeOwnFile(writing, state, extents) })
    } catch (error) {
      state.taken = 0
      release()
      throw error
    }
  }

  #commit({ state, extents, file }: Move): void {
    // The log was deleted meanwhile; its own file goes next.
    if (file === undefined || state.extents[0] !== extents[0]) return
    state.own = 'descriptor' in file ? file.own : file
    state.isReplayed = false
    this.#options.table.release(state, extents.length)
  }

  async #removeStale(state: LogState): Promise<void> {
    if (!state.isOwnFileStale) return
    await removeOwnFiles(this.#options.writing, state.path)
    state.own = undefined
    this.#options.table.release(state, 1)
    state.isReplayed = false
  }

  async #exclusively(state: LogState): Promise<() => void> {
    while (state.busy !== undefined) await state.busy
    const { promise, resolve } = Promise.withResolvers<void>()
    state.busy = promise
    return () => {
      if (state.busy === promise) state.busy = undefined
      resolve()
    }
  }
}

// More than the header of a segment has, and less than a line.
const emptySegmentBytes = 100
