/** What a store knows of one log: the lines that are not in its own file yet, and what of the log they and that file say. */
import type { BeamClawError, FencingToken, StoreKey } from '@beamclaw/core'
import { logCorrupt } from './failures.ts'
import type { OwnFile } from './own-file.ts'
import type { LineHead, LineKey, LineKind } from './wal-line.ts'

/** Lines of one log that lie side by side in a segment. A `damaged` one is moved as it is, so that its log stays refused. */
export interface Extent {
  readonly kind: LineKind | 'damaged'
  readonly segment: number
  readonly offset: number
  bytes: number
  readonly firstSeq: number
  lastSeq: number
}

/**
 * Owns the extents of a log that are not moved yet.
 *
 * - I1: the own file up to `own.bytes` and the extents after it are the log, each line once and in order.
 * - I2: `lastSeq`, `token` and `snapshotSeq` describe durable lines only; undefined while nothing has read them.
 * - I3: an extent that a move has taken (`taken`) does not grow.
 * - I4: what is known to a later segment is known to be newer: segments go from the oldest on, so the log in memory is a suffix without holes.
 */
export class LogState {
  readonly key: StoreKey
  readonly lineKey: LineKey
  /** The path of its own file, without an ending. */
  readonly path: string
  extents: Extent[] = []
  /** Extents at the head of the list that a move has taken. */
  taken = 0
  own: OwnFile | undefined
  lastSeq: number | undefined
  token: FencingToken | undefined
  snapshotSeq: number | undefined
  /** The records up to this one are dropped. */
  droppedSeq = 0
  /** True when the replay found the log: its own file may hold lines that were never synced. */
  isReplayed = false
  damage: BeamClawError | undefined
  /** Handles and calls that use it; without any, and without extents, it leaves memory. */
  users = 0
  /** The look at the own file that is under way. */
  loading: Promise<void> | undefined
  /** The move or removal of the own file that is under way. */
  busy: Promise<void> | undefined

  constructor(key: StoreKey, lineKey: LineKey, path: string) {
    this.key = key
    this.lineKey = lineKey
    this.path = path
  }

  /** True when lines before the extents are those of a log that was deleted. */
  get isOwnFileStale(): boolean {
    return this.extents[0]?.kind === 'deleted'
  }

  /** True when records of the own file, or of extents, are to be dropped. */
  get isDropPending(): boolean {
    return this.extents.some(({ kind }) => kind === 'drop')
  }

  /** Adds durable lines. Returns the extents that they end: those of a log that they delete. */
  add(extent: Extent, owner?: { readonly token: FencingToken; readonly snapshotSeq: number }): Extent[] {
    if (owner !== undefined) {
      this.token = owner.token
      this.snapshotSeq = Math.max(owner.snapshotSeq, this.snapshotSeq ?? 0)
    }
    if (extent.kind === 'deleted') return this.#delete(extent)
    if (extent.kind === 'record') {
      this.lastSeq = extent.lastSeq
      const last = this.extents.at(-1)
      const isBeside = last?.segment === extent.segment && last.offset + last.bytes === extent.offset
      if (isBeside && last.kind === 'record' && this.extents.length > this.taken && last.lastSeq + 1 === extent.firstSeq) {
        last.bytes += extent.bytes
        last.lastSeq = extent.lastSeq
        return []
      }
    } else if (extent.kind !== 'damaged') this.snapshotSeq = extent.lastSeq
    if (extent.kind === 'drop') this.droppedSeq = extent.lastSeq
    this.extents.push(extent)
    return []
  }

  /** Adds a line that the replay found. Returns as `add` does. A line out of order makes the log refused. */
  replay(file: string, head: LineHead, extent: Extent): Extent[] {
    this.isReplayed = true
    const isExpected = head.kind !== 'record' || this.lastSeq === undefined || head.seq === this.lastSeq + 1
    if (!isExpected) this.damage ??= logCorrupt(file, extent.offset, `expected seq ${(this.lastSeq ?? 0) + 1}, found seq ${head.seq}`)
    return this.add(extent, head.owner)
  }

  /** Removes the first extents, which are in the own file now. Returns them. */
  release(count: number): Extent[] {
    this.taken = 0
    return this.extents.splice(0, count)
  }

  #delete(extent: Extent): Extent[] {
    const ended = this.extents
    this.extents = [extent]
    this.taken = 0
    this.lastSeq = 0
    this.token = undefined
    this.snapshotSeq = 0
    this.droppedSeq = 0
    this.damage = undefined
    return ended
  }
}

/** Returns the first record in the extents. */
export function firstRecordOf(extents: readonly Extent[]): number | undefined {
  return extents.find(({ kind }) => kind === 'record')?.firstSeq
}
