/** The lines of a log as a reader beside its owner gives them. */
import type { JsonValue, LogEntry } from '@beamclaw/core'

/** A record. */
export interface RecordLine {
  readonly kind: 'record'
  readonly record: LogEntry
}

/** A snapshot. */
export interface SnapshotLine {
  readonly kind: 'snapshot'
  /** It has all records up to this one. */
  readonly seq: number
  /** True when the records up to `seq` were dropped with it. */
  readonly isDrop: boolean
  /** Bytes of the line. */
  readonly bytes: number
  readonly state: JsonValue
}

/** A line that cannot be read. */
export interface DamagedLine {
  readonly kind: 'damaged'
  /** The file in the data directory. */
  readonly file: string
  readonly offset: number
  /** The number of the line, from 1; undefined in the write-ahead log. */
  readonly line: number | undefined
}

/** Records that are in no line, and no damaged line is where they were. */
export interface MissingLines {
  readonly kind: 'missing'
  readonly firstSeq: number
  readonly lastSeq: number
}

/** One line of a log, as `readLogBeside` gives it. */
export type LogLine = RecordLine | SnapshotLine | DamagedLine | MissingLines
