/** Reads the lines of one segment file and decides up to where it can be trusted. */
import type { LogEntry } from '@beamclaw/core'
import { logCorrupt } from './failures.ts'
import { lineEnd, parseLine, recordStart } from './record-line.ts'

/** What a segment is expected to hold. */
export interface SegmentExpectation {
  readonly file: string
  readonly generation: number
  readonly firstSeq: number
  /** A sealed segment must be good to its last byte; the last one of a log may end in a torn write. */
  readonly isSealed: boolean
}

// Number of lines after which reading yields to other work of the process.
const linesAtATime = 4_000

/**
 * Appends the segment's records to `into` and resolves with the number of good bytes. Rejects `log-corrupt` for a bad record that
 * cannot be a torn write: one in a sealed segment, or one that was durable before a later record was written.
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
  // Searches at every possible start of a record, not only after newlines, because a newline itself may be damaged.
  for (let start = bytes.indexOf(recordStart, badOffset + 1); start >= 0; start = bytes.indexOf(recordStart, start + 1)) {
    const end = lineEnd(bytes, start)
    const line = end < 0 ? undefined : parseLine(bytes, start, end)
    if (line !== undefined && start - (line.b ?? 0) > badOffset) {
      throw logCorrupt(file, badOffset, 'the record does not match its checksum, although later records prove that it was durable')
    }
  }
}
