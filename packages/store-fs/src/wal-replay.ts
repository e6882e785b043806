/** Walks the lines of a segment of the write-ahead log, and decides what is a torn write and what is damage. */
import { isFirstOfGroup, isIntact, type LineHead, type LineProof, lineEnd, lineStart, proveHead, readHead } from './wal-line.ts'

/** Called with what is found, in the order of the file. */
export interface SegmentVisitor {
  line(head: LineHead, offset: number, bytes: number): void
  /** A damaged part; `proof` says whose line it was, undefined when nothing proves it. */
  damage(proof: LineProof | undefined, offset: number, bytes: number): void
}

/**
 * Walks the lines from `start` to `end`. Returns the length that can be trusted: `end`, or less in the last segment when it ends in a torn write. Lines of a
 * group are written together and synced once, so a bad line is torn when no group began after it, and damaged when one did.
 */
export function walkSegment(bytes: Buffer, start: number, end: number, isLast: boolean, visitor: SegmentVisitor): number {
  const part = end === bytes.length ? bytes : bytes.subarray(0, end)
  let offset = start
  while (offset < end) {
    const found = lineEnd(part, offset)
    const head = found >= 0 && isIntact(part, offset, found) ? readHead(part, offset, found) : undefined
    if (head !== undefined) {
      visitor.line(head, offset, found + 1 - offset)
      offset = found + 1
      continue
    }
    const next = nextIntact(part, offset + 1)
    if (isLast && !hasLaterGroup(part, next)) return offset
    reportDamage(part, offset, next, visitor)
    offset = next
  }
  return offset
}

/** Returns where the next intact line starts; the end when there is none. */
function nextIntact(bytes: Buffer, from: number): number {
  for (let start = bytes.indexOf(lineStart, from); start >= 0; start = bytes.indexOf(lineStart, start + 1)) {
    const end = lineEnd(bytes, start)
    if (end >= 0 && isIntact(bytes, start, end) && readHead(bytes, start, end) !== undefined) return start
  }
  return bytes.length
}

/** Returns true when a line from `from` on is the first of its group. */
function hasLaterGroup(bytes: Buffer, from: number): boolean {
  for (let start = from; start < bytes.length; start = nextIntact(bytes, start + 1)) {
    if (isFirstOfGroup(bytes, lineEnd(bytes, start))) return true
  }
  return false
}

/** Several lines may be damaged, or one newline between two lines. */
function reportDamage(bytes: Buffer, from: number, to: number, visitor: SegmentVisitor): void {
  const starts = [from]
  for (let start = bytes.indexOf(lineStart, from + 1); start >= 0 && start < to; start = bytes.indexOf(lineStart, start + 1)) {
    if (proveHead(bytes, start, to) !== undefined) starts.push(start)
  }
  for (let newline = lineEnd(bytes, from); newline >= 0 && newline + 1 < to; newline = lineEnd(bytes, newline + 1)) {
    if (!starts.includes(newline + 1)) starts.push(newline + 1)
  }
  starts.sort((a, b) => a - b)
  for (const [index, start] of starts.entries()) {
    const end = starts[index + 1] ?? to
    visitor.damage(proveHead(bytes, start, end), start, end - start)
  }
}
