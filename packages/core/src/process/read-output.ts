/** Reads text from the output of a process by byte numbers. Pure. */
import type { OutputRing } from './output-ring.ts'
import { brokenEnd, brokenStart } from './utf8-window.ts'

/** A piece of what a process has printed, output and errors in the order in which they came. */
export interface ProcessOutput {
  /** Well-formed text; bytes that are no UTF-8 are U+FFFD. */
  readonly text: string
  /** Number of the first byte of the text; the first byte that was printed has the number 0. */
  readonly from: number
  /** Where to read on: the `from` of the next read. */
  readonly next: number
  /** Bytes printed so far. */
  readonly total: number
  /** Bytes between the `from` that was asked for and the first one that is still kept. */
  readonly missed: number
  /** True when the process has ended and `next` is the end of its output. */
  readonly isEnd: boolean
}

/**
 * Returns the text from byte number `from` on. It begins and ends between characters: the beginning of one at the end is left for the next read, unless the
 * output `hasEnded`.
 */
export function readOutput(ring: OutputRing, from: number, maxBytes: number, hasEnded: boolean): ProcessOutput {
  const { bytes, from: start } = ring.read(from, maxBytes)
  const isCutBefore = start > 0
  const skipped = isCutBefore ? brokenStart(bytes) : 0
  const isLast = start + bytes.length === ring.total
  const held = hasEnded && isLast ? 0 : brokenEnd(bytes.subarray(skipped))
  const next = start + bytes.length - held
  return {
    text: decode(bytes.subarray(skipped, bytes.length - held)),
    from: start + skipped,
    next,
    total: ring.total,
    missed: Math.max(0, start - from),
    isEnd: hasEnded && next === ring.total,
  }
}

/** Returns the last bytes as text. */
export function tailOf(ring: OutputRing, maxBytes: number, hasEnded: boolean): ProcessOutput {
  return readOutput(ring, Math.max(ring.first, ring.total - maxBytes), maxBytes, hasEnded)
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
}
