/** Which lines of a log are shown, and in which order, when it is read from its own file and the write-ahead log at once. Pure. */

import type { DamagedLine, LogLine } from './log-line.ts'
import { isSnapshotLine, keyTextOf } from './parsed-line.ts'
import type { LineHead } from './wal-line.ts'
import type { ViewedLine } from './wal-view.ts'

/** What becomes of a line. */
export interface Taken {
  /** Findings that come before it. */
  readonly before: readonly LogLine[]
  readonly isShown: boolean
  /** True when the rest of the own file is in the write-ahead log, too. */
  readonly isEnd: boolean
}

/**
 * - I1: the own file ends at the first record that is in the write-ahead log: what lies behind was moved, or is being moved, and may be torn.
 * - I2: a hole is reported once: as damaged lines where they stand, as missing records where nothing stands.
 */
export class LogOrder {
  readonly #keyJson: string
  readonly #fromSeq: number
  /** The first record in the write-ahead log. */
  readonly #walFirst: number
  /** The records up to this one are dropped by a line in the write-ahead log. */
  readonly #dropped: number
  readonly #walSnapshots: ReadonlySet<number>
  #damaged: DamagedLine[] = []
  #hasDamage = false
  #nextSeq = 1

  constructor(lines: readonly ViewedLine[], keyJson: string, fromSeq: number) {
    this.#keyJson = keyJson
    this.#fromSeq = fromSeq
    this.#walFirst = lines.find(({ kind }) => kind === 'record')?.seq ?? Number.POSITIVE_INFINITY
    this.#dropped = Math.max(0, ...lines.filter(({ kind }) => kind === 'drop').map(({ seq }) => seq))
    this.#walSnapshots = new Set(lines.filter(({ kind }) => kind === 'snapshot' || kind === 'drop').map(({ seq }) => seq))
    this.#nextSeq = this.#dropped + 1
  }

  /** Takes a line of the own file; `head` is undefined for a damaged one. */
  takeOwn(head: LineHead | undefined, damage: DamagedLine): Taken {
    if (head === undefined || keyTextOf(head.key) !== this.#keyJson) {
      // It may be the torn beginning of lines that are in the write-ahead log.
      this.#damaged.push(damage)
      return nothing
    }
    if (isSnapshotLine(head)) {
      if (head.kind === 'drop') this.#nextSeq = Math.max(this.#nextSeq, head.seq + 1)
      return { before: [], isShown: head.seq >= this.#fromSeq && !this.#walSnapshots.has(head.seq), isEnd: false }
    }
    if (head.seq >= this.#walFirst) return { before: [], isShown: false, isEnd: true }
    return { ...this.#record(head.seq), isEnd: false }
  }

  /** Returns what is known once the own file has ended. */
  endOwn(): readonly LogLine[] {
    const isWhole = this.#walFirst !== Number.POSITIVE_INFINITY && this.#walFirst <= this.#nextSeq
    const damaged = isWhole ? [] : this.#damaged
    this.#damaged = []
    this.#hasDamage ||= damaged.length > 0
    return damaged
  }

  /** Takes a line of the write-ahead log. */
  takeWal({ kind, seq }: ViewedLine, damage: DamagedLine): Taken {
    if (kind === 'damaged') {
      this.#hasDamage = true
      return { before: [damage], isShown: false, isEnd: false }
    }
    if (kind === 'record') return { ...this.#record(seq), isEnd: false }
    return { before: [], isShown: seq >= this.#fromSeq, isEnd: false }
  }

  #record(seq: number): Omit<Taken, 'isEnd'> {
    if (seq <= this.#dropped) return { before: [], isShown: false }
    const before: LogLine[] = this.#damaged
    const isExplained = this.#hasDamage || before.length > 0
    this.#damaged = []
    this.#hasDamage = false
    if (seq > this.#nextSeq && !isExplained) before.push({ kind: 'missing', firstSeq: this.#nextSeq, lastSeq: seq - 1 })
    this.#nextSeq = Math.max(this.#nextSeq, seq + 1)
    return { before, isShown: seq >= this.#fromSeq }
  }
}

const nothing: Taken = { before: [], isShown: false, isEnd: false }
