/** Reads the lines of one segment file and decides where it stops being trustworthy. */
import type { LogEntry } from '@beamclaw/core'
import { logCorrupt } from './failures.ts'
import { lineEnd, parseLine, recordStart } from './record-line.ts'

/** What a segment must hold. */
export interface SegmentExpectation {
  readonly file: string
  readonly generation: number
  readonly firstSeq: number
  /** A sealed segment is good to its last byte; the last one of a log may end in a torn write. */
  readonly isSealed: boolean
}

// How many lines are read before other work of the process gets a turn.
const linesAtATime = 4_000

/**
 * Appends the segment's records to `into` and resolves with the number of good bytes. Rejects `log-corrupt` for a bad record that
 * cannot be a torn write: one in a sealed segment, or one before a record that was written when it was durable.
 */
export async function readSegment(bytes: Buffer, expected: SegmentExpectation, into: LogEntry[]): Promise<number> {
  let offset = 0
  let seq = expected.firstSeq
  while (offset < bytes.length) {
    const end = lineEnd(bytes, offset)
    const line = end < 0 ? undefined : parseLine(bytes, offset, end)
    if (line === undefined) {
      checkTorn(bytes, offset, expected)
      return offset
    }
    if (line.s !== seq || line.g !== expected.generation) {
      const found = `seq ${line.s} of generation ${line.g}`
      throw logCorrupt(expected.file, offset, `expected seq ${seq} of generation ${expected.generation}, found ${found}`)
    }
    into.push({ seq, type: line.t, id: line.id, ts: line.ts, data: line.d })
    seq += 1
    offset = end + 1
    if ((seq - expected.firstSeq) % linesAtATime === 0) await new Promise(setImmediate)
  }
  return offset
}

function checkTorn(bytes: Buffer, badOffset: number, { file, isSealed }: SegmentExpectation): void {
  if (isSealed) throw logCorrupt(file, badOffset, 'the record does not match its checksum')
  // Wherever a record may start, and not only after a newline: that may be what went bad.
  for (let start = bytes.indexOf(recordStart, badOffset + 1); start >= 0; start = bytes.indexOf(recordStart, start + 1)) {
    const end = lineEnd(bytes, start)
    const line = end < 0 ? undefined : parseLine(bytes, start, end)
    if (line !== undefined && start - (line.b ?? 0) > badOffset) {
      throw logCorrupt(file, badOffset, 'the record does not match its checksum, though later records say that it was durable')
    }
  }
}
