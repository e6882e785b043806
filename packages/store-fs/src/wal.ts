/** The write-ahead log of a store: group commit over all logs, one write and one sync at a time. */
import { BeamClawError } from '@beamclaw/core'
import { removeAsOwner, syncDirectory, writeFully } from './atomic-write.ts'
import { fenced, isNoRoom, storeFailure } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import type { LogTable } from './log-table.ts'
import type { SyncMode } from './options.ts'
import { encodeGroup, takeDeletions, takeGroup, type WalItem } from './wal-group.ts'
import { abandonSegment, beginSegment, type CurrentSegment, claimSegment, segmentPath } from './wal-segments.ts'
import { takeWal } from './wal-takeover.ts'

/** What a write-ahead log needs of its store. */
export interface WalOptions {
  readonly fileSystem: FileSystem
  readonly directory: string
  readonly table: LogTable
  readonly sync: SyncMode
  /** A segment of this many bytes is followed by the next. */
  readonly segmentBytes: number
  /** Appends wait while all segments have more bytes than this. */
  readonly maxBytes: number
  /** Resolves after the time that appends get to join a group. */
  readonly gather: () => Promise<void>
  /** Called when the log has grown, or waits for room. */
  readonly onGrown: () => void
}

// Bytes of appends that may wait in memory.
const mostWaiting = 32 * 1024 * 1024

/**
 * Phases: `open ⇄ abandoned → failed | ended`. `abandoned`: a write or sync failed and the segment cannot be trusted behind its last acknowledged byte; the next
 * group begins a new segment. Owns the queue, the descriptor of the current segment, and the order of groups.
 *
 * - I1: an item is durable (with `sync: os`: written) when it is resolved, and its segment was still unsealed after that.
 * - I2: what an item resolved with is in the table before its caller hears of it.
 * - I3: bytes behind `#segment.bytes` never count: the header of the next segment says how many do.
 * - I4: after `fail` nothing is written, and every item is rejected with the first reason.
 */
export class Wal {
  readonly #options: WalOptions
  #segment: CurrentSegment
  #syncedBytes: number
  #isAbandoned = false
  // A segment that could not be begun may be left behind under its name.
  #lastTried = 0
  #queue: WalItem[] = []
  #waiting = 0
  #held = 0
  #draining: Promise<void> | undefined
  #rotations: PromiseWithResolvers<void>[] = []
  #room: PromiseWithResolvers<void> | undefined
  #failure: BeamClawError | undefined
  #ending: Promise<void> | undefined

  private constructor(options: WalOptions, segment: CurrentSegment) {
    this.#options = options
    this.#segment = segment
    this.#syncedBytes = segment.bytes
  }

  /** Takes the log in `directory` over, and reads it into the table. */
  static async open(options: WalOptions): Promise<Wal> {
    const { fileSystem, directory, table, sync } = options
    return new Wal(options, await takeWal(fileSystem, directory, table, sync))
  }

  /** The descriptor of the current segment: while it is unsealed, this process owns the directory. */
  get witness(): number {
    return this.#segment.descriptor
  }

  /** True while this process has not been fenced by a later owner. */
  isOwner(): boolean {
    return this.#failure === undefined && this.#options.fileSystem.isUnsealed(this.#segment.descriptor)
  }

  /** Throws `overloaded` when too many bytes wait; else nothing. */
  checkRoom(bytes: number): void {
    const waiting = this.#waiting + this.#held
    if (waiting === 0 || waiting + bytes <= mostWaiting) return
    throw new BeamClawError('overloaded', `${waiting} bytes of appends wait for the disk; the limit is ${mostWaiting}. Try again later`, {
      isRetryable: true,
      retryAfterMs: 100,
    })
  }

  /** Counts bytes that wait outside of the queue, until the returned function is called. Throws as `checkRoom` does. */
  hold(bytes: number): () => void {
    this.checkRoom(bytes)
    this.#held += bytes
    let isHeld = true
    return () => {
      if (isHeld) this.#held -= bytes
      isHeld = false
    }
  }

  /** Writes an item after those before it. */
  push(item: WalItem): void {
    if (this.#failure !== undefined) {
      item.reject(this.#failure)
      return
    }
    this.#queue.push(item)
    this.#waiting += item.size
    this.#draining ??= this.#drain()
    // It makes room.
    if (item.kind === 'deleted') this.#wakeWaiting()
  }

  /** Rejects what waits for room, because `cause` keeps the room from coming. Without it, callers would wait for as long as that lasts. */
  refuseWaiting(cause: unknown): void {
    if (this.#room === undefined) return
    const failure = storeFailure(cause, 'making room in the write-ahead log')
    for (const item of this.#queue.splice(0)) {
      this.#waiting -= item.size
      item.reject(failure)
    }
    this.#wakeWaiting()
  }

  /** Begins a new segment; the current one may go when its lines are moved. */
  async rotate(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const rotation = Promise.withResolvers<void>()
    this.#rotations.push(rotation)
    this.#draining ??= this.#drain()
    // Appends that wait for room must not hold it up: room may come by it.
    this.#wakeWaiting()
    await rotation.promise
  }

  /** Removes the oldest segments that nothing needs any more, one durably after the other. */
  async retire(): Promise<void> {
    const { fileSystem, directory, table } = this.#options
    const witness = () => this.witness
    let hasRoom = false
    for (;;) {
      const number = table.segments.oldestFree()
      if (number === undefined) break
      if (this.#failure !== undefined) throw this.#failure
      // A process that was suspended must not remove what a later owner reads.
      await removeAsOwner(fileSystem, segmentPath(directory, number), witness)
      await removeAsOwner(fileSystem, `${segmentPath(directory, number)}.torn`, witness)
      await syncDirectory(fileSystem, directory)
      table.segments.remove(number)
      hasRoom = true
    }
    if (hasRoom) this.#wakeWaiting()
  }

  /** Rejects what waits, and everything later, with `reason`. */
  fail(reason: BeamClawError): void {
    if (this.#failure !== undefined) return
    this.#failure = reason
    for (const item of this.#queue.splice(0)) item.reject(reason)
    for (const { reject } of this.#rotations.splice(0)) reject(reason)
    this.#waiting = 0
    this.#wakeWaiting()
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#draining
  }

  /** Releases the segment, once: the system gives the descriptor to another file after that. */
  end(reason: BeamClawError): Promise<void> {
    this.#ending ??= this.#end(reason)
    return this.#ending
  }

  async #end(reason: BeamClawError): Promise<void> {
    this.fail(reason)
    await this.#draining
    await this.#options.fileSystem.close(this.#segment.descriptor).catch(() => undefined)
  }

  async #drain(): Promise<void> {
    if (this.#queue.length > 0) await this.#options.gather()
    while (this.#queue.length > 0 || this.#rotations.length > 0) {
      const rotations = this.#rotations.splice(0)
      if (rotations.length > 0) await this.#rotate(rotations)
      // Before a wait for room, which may come by it. Else the group begins the segment, once, and hears of the error.
      if (this.#isFull() && this.#isDue()) await this.#next().catch(() => undefined)
      const may = await this.#mayWrite()
      if (may === 'nothing') continue
      const group = may === 'all' ? takeGroup(this.#queue) : takeDeletions(this.#queue)
      if (group.length > 0) await this.#commit(group)
    }
    this.#draining = undefined
  }

  #isDue(): boolean {
    return this.#queue.length > 0 && !this.#isAbandoned && this.#segment.bytes >= this.#options.segmentBytes
  }

  #isFull(): boolean {
    const { table, maxBytes } = this.#options
    return table.segments.bytes >= maxBytes
  }

  async #rotate(rotations: readonly PromiseWithResolvers<void>[]): Promise<void> {
    try {
      await this.#next()
      for (const { resolve } of rotations) resolve()
    } catch (error) {
      for (const { reject } of rotations) reject(error)
    }
  }

  /** Waits for room. A rotation comes before what waits, and so do deletions: they are small, and make room. */
  async #mayWrite(): Promise<'all' | 'deletions' | 'nothing'> {
    const { table, onGrown } = this.#options
    // Only segments that are not written any more can go; without one, waiting would be for nothing.
    while (this.#isFull() && table.segments.count > 1 && this.#failure === undefined && this.#queue.length > 0) {
      if (this.#rotations.length > 0) return 'nothing'
      if (this.#queue.some(({ kind }) => kind === 'deleted')) return 'deletions'
      this.#room ??= Promise.withResolvers()
      const { promise } = this.#room
      onGrown()
      await promise
    }
    return 'all'
  }

  #wakeWaiting(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  async #commit(group: readonly WalItem[]): Promise<void> {
    for (const { size } of group) this.#waiting -= size
    try {
      await this.#write(group)
    } catch (error) {
      const failure = storeFailure(error, `writing to ${segmentPath(this.#options.directory, this.#segment.number)}`)
      if (failure.code === 'fenced') this.fail(failure)
      for (const { reject } of group) reject(this.#failure ?? failure)
      return
    }
    for (const { resolve } of group) resolve()
    this.#options.onGrown()
  }

  async #write(group: readonly WalItem[]): Promise<void> {
    const { fileSystem, sync, table } = this.#options
    if (this.#isAbandoned || this.#segment.bytes >= this.#options.segmentBytes) await this.#next()
    const segment = this.#segment
    const { bytes, lengths } = encodeGroup(group, this.#syncedBytes === segment.bytes)
    try {
      await writeFully(fileSystem, segment.descriptor, bytes, segment.bytes, sync === 'os' ? 'write' : 'writeDurably')
    } catch (error) {
      // The kernel reports a lost page once and forgets it, so a later successful sync of this file proves nothing. A disk without room has lost none.
      await this.#cutBack(sync === 'os' || isNoRoom(error))
      throw error
    }
    // Checked after the sync: a later owner that sealed this segment earlier may have read it before the write.
    if (!fileSystem.isUnsealed(segment.descriptor)) throw fenced()
    if (this.#failure !== undefined) throw this.#failure
    let offset = segment.bytes
    segment.bytes += bytes.length
    table.segments.grow(segment.number, bytes.length)
    if (sync !== 'os') this.#syncedBytes = segment.bytes
    for (const [index, item] of group.entries()) {
      const length = lengths[index] ?? 0
      const { kind, firstSeq, lastSeq, owner } = item
      table.add(item.state, { kind, segment: segment.number, offset, bytes: length, firstSeq, lastSeq }, owner)
      offset += length
    }
  }

  async #cutBack(isSyncTrusted: boolean): Promise<void> {
    const { fileSystem } = this.#options
    const { descriptor, bytes } = this.#segment
    if (!isSyncTrusted) this.#isAbandoned = true
    try {
      if (!(await fileSystem.truncate(descriptor, bytes, () => descriptor))) throw fenced()
      if (isSyncTrusted) await fileSystem.datasync(descriptor)
    } catch (error) {
      this.#isAbandoned = true
      if (BeamClawError.isInstance(error)) throw error
    }
  }

  /** Begins the next segment. What the current one holds is durable first: the header says how much of it counts. */
  async #next(): Promise<void> {
    const { fileSystem, directory, table, sync } = this.#options
    const { number: previous, bytes, descriptor } = this.#segment
    const number = Math.max(previous, this.#lastTried) + 1
    if (sync === 'os' && !this.#isAbandoned) await fileSystem.datasync(descriptor)
    const claimed = await claimSegment(fileSystem, directory, number, sync).catch((error: unknown) => {
      // It may be there: found again, it must not be taken for that of a later owner.
      this.#lastTried = number
      throw error
    })
    if (claimed === undefined || !fileSystem.isUnsealed(descriptor)) {
      if (claimed !== undefined) await abandonSegment(fileSystem, directory, number, claimed)
      throw fenced('a later owner has the data directory')
    }
    try {
      this.#segment = await beginSegment(fileSystem, directory, claimed, { number, previous, bytes })
    } catch (error) {
      this.#lastTried = number
      await abandonSegment(fileSystem, directory, number, claimed).catch(() => undefined)
      throw error
    }
    table.segments.begin(number, this.#segment.bytes)
    this.#syncedBytes = this.#segment.bytes
    this.#isAbandoned = false
    await fileSystem.close(descriptor)
  }
}
