/** The logs that are in memory: those that are in use, and those that have lines in the write-ahead log. */
import { join } from 'node:path'
import type { StoreKey, TenantId } from '@beamclaw/core'
import { logCorrupt } from './failures.ts'
import { encodePart } from './key-path.ts'
import { type Extent, LogState } from './log-state.ts'
import { keyTextOf } from './parsed-line.ts'
import type { SegmentTable } from './segment-table.ts'
import { type LineHead, lineKey } from './wal-line.ts'
import type { SegmentVisitor } from './wal-replay.ts'

/**
 * - I1: a log without extents and without users is not in the table.
 * - I2: each extent of each log is held in the table of segments, until it is moved or its log is deleted.
 */
export class LogTable {
  readonly segments: SegmentTable
  readonly #root: string
  readonly #logs = new Map<string, LogState>()

  constructor(root: string, segments: SegmentTable) {
    this.#root = root
    this.segments = segments
  }

  get size(): number {
    return this.#logs.size
  }

  values(): IterableIterator<LogState> {
    return this.#logs.values()
  }

  get(key: StoreKey): LogState | undefined {
    return this.#logs.get(JSON.stringify(key))
  }

  /** Returns the state of a log, a new one when the log is not in the table; it does not enter the table by that. */
  stateOf(key: StoreKey): LogState {
    const line = lineKey(key)
    return this.#logs.get(line.json) ?? new LogState(key, line, join(this.#root, ...key.map(encodePart)))
  }

  /** Counts a user of a log, which keeps it in the table. Returns the state that is in the table then. */
  use(key: StoreKey): LogState {
    const state = this.stateOf(key)
    this.#logs.set(state.lineKey.json, state)
    state.users += 1
    return state
  }

  leave(state: LogState): void {
    state.users -= 1
    this.#dropIfIdle(state)
  }

  /** Adds durable lines. */
  add(state: LogState, extent: Extent, owner?: Parameters<LogState['add']>[1]): void {
    this.segments.hold(extent)
    this.segments.free(state.add(extent, owner))
    this.#logs.set(state.lineKey.json, state)
  }

  /** Lines that are in an own file now, or that no file needs any more. */
  release(state: LogState, count: number): void {
    this.segments.free(state.release(count))
    this.#dropIfIdle(state)
  }

  /** Returns a visitor that adds what a replay finds in a segment. */
  replayer(segment: number, file: string, lost: LostLines): SegmentVisitor {
    const logOf = (key: string): LogState => {
      const known = lost.byKey.get(key)
      if (known !== undefined) return known
      const state = this.stateOf(JSON.parse(keyTextOf(key)) as [TenantId, ...string[]])
      lost.byKey.set(key, state)
      this.#logs.set(state.lineKey.json, state)
      return state
    }
    return {
      line: (head: LineHead, offset: number, bytes: number) => {
        const { kind, seq, key } = head
        const state = logOf(key)
        const extent: Extent = { kind, segment, offset, bytes, firstSeq: seq, lastSeq: seq }
        if (kind === 'record' && state.lastSeq !== undefined) lost.gaps += Math.max(0, seq - state.lastSeq - 1)
        this.segments.hold(extent)
        this.segments.free(state.replay(file, head, extent))
      },
      damage: (proof, offset, bytes) => {
        const extent: Extent = { kind: 'damaged', segment, offset, bytes, firstSeq: proof?.seq ?? 0, lastSeq: proof?.seq ?? 0 }
        const problem = logCorrupt(file, offset, 'the line does not match its checksum')
        if (proof === undefined) {
          lost.unproven.push(problem)
          return
        }
        const state = logOf(proof.key)
        state.isReplayed = true
        // A snapshot gives way to the one before it; its records are there.
        if (proof.kind !== 'snapshot') state.damage ??= problem
        if (proof.kind === 'record') lost.proven += 1
        this.segments.hold(extent)
        state.extents.push(extent)
      },
    }
  }

  #dropIfIdle(state: LogState): void {
    if (state.users === 0 && state.extents.length === 0 && this.#logs.get(state.lineKey.json) === state)
      this.#logs.delete(state.lineKey.json)
  }
}

/** What a replay has found of damage so far. */
export class LostLines {
  readonly byKey = new Map<string, LogState>()
  /** Damaged lines of which nothing says whose they were. */
  readonly unproven: ReturnType<typeof logCorrupt>[] = []
  /** Records that are missing between two others. */
  gaps = 0
  /** Records that are damaged, and whose they are. */
  proven = 0
}
