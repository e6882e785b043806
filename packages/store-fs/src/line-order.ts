/** Collects the lines of a log from its end, and decides when an owner has what it needs: the newest good snapshot and every record after it. */

import type { LogContents, LogEntry, LogSnapshot } from '@beamclaw/core'
import { logCorrupt } from './failures.ts'
import { isOwnHeader } from './own-file.ts'
import { isSnapshotLine, parseRecord, parseSnapshot } from './parsed-line.ts'
import { isIntact, readHead } from './wal-line.ts'

/** Where a damaged line is. */
interface Damage {
  readonly file: string
  readonly offset: number
  /** The line stood right before this record; Infinity at the end. */
  readonly before: number
}

/**
 * Takes lines from the last to the first.
 *
 * - I1: `#records` holds the records after the snapshot that was found, newest first; a damaged snapshot is as if it was not there.
 * - I2: `contents` has each seq from the snapshot to the last one, or throws `log-corrupt` with the place of the damage.
 */
export class LineCollector {
  readonly #records: LogEntry[] = []
  #snapshot: LogSnapshot | undefined
  #damage: Damage | undefined
  #oldest: number
  readonly #lastSeq: number
  readonly #droppedSeq: number

  /** @param droppedSeq records up to this one do not count; without its snapshot, the log cannot be read. */
  constructor(lastSeq: number, droppedSeq: number) {
    this.#lastSeq = lastSeq
    this.#droppedSeq = droppedSeq
    this.#oldest = lastSeq + 1
  }

  /** Takes one line; returns true when no earlier one is needed. */
  take(file: string, bytes: Buffer, start: number, end: number, offset: number): boolean {
    const head = isIntact(bytes, start, end) ? readHead(bytes, start, end) : undefined
    if (head === undefined) {
      if (!isOwnHeader(bytes, start, end, offset)) this.#damage = { file, offset, before: this.#oldest }
      return false
    }
    if (isSnapshotLine(head)) {
      if (this.#snapshot === undefined && head.seq >= this.#droppedSeq) this.#snapshot = parseSnapshot(bytes, start, end)
      return this.#isDone()
    }
    if (head.kind !== 'record') return true
    if (this.#snapshot !== undefined && head.seq <= this.#snapshot.seq) return true
    if (head.seq !== this.#oldest - 1) throw this.#missing({ file, offset, before: this.#oldest })
    this.#records.push(parseRecord(bytes, start, end))
    this.#oldest = head.seq
    return this.#isDone()
  }

  /** Returns what was collected, with the records from `fromSeq` on. */
  contents(fromSeq: number, file: string): LogContents {
    const after = this.#snapshot?.seq ?? 0
    if (this.#oldest > after + 1) throw this.#missing({ file, offset: 0, before: this.#oldest })
    const from = Math.max(after + 1, fromSeq)
    const records = this.#records.reverse()
    return { snapshot: this.#snapshot, records: (records[0]?.seq ?? from) >= from ? records : records.filter(({ seq }) => seq >= from) }
  }

  #isDone(): boolean {
    return this.#snapshot !== undefined && this.#oldest <= this.#snapshot.seq + 1
  }

  #missing(otherwise: Damage): ReturnType<typeof logCorrupt> {
    const { file, offset } = this.#damage?.before === this.#oldest ? this.#damage : otherwise
    const problem = this.#oldest > this.#lastSeq ? `the last record, ${this.#lastSeq},` : `record ${this.#oldest - 1}`
    return logCorrupt(file, offset, `${problem} is damaged or missing`)
  }
}
