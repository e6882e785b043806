/** Counts how much of each segment of the write-ahead log is not in an own file yet, and so which segments may go. */
import type { Extent } from './log-state.ts'

interface Counted {
  bytes: number
  unmoved: number
}

/**
 * - I1: a segment goes only when none of its lines is unmoved, and no older segment is left: the lines of a log in memory are a suffix without holes.
 * - I2: the segment that is being written never goes.
 */
export class SegmentTable {
  readonly #segments = new Map<number, Counted>()
  #current = 0
  #bytes = 0

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#bytes
  }

  /** Number of the segment that is being written. */
  get current(): number {
    return this.#current
  }

  /** Number of segments, the one that is being written included. */
  get count(): number {
    return this.#segments.size
  }

  /** Numbers, ascending. */
  get numbers(): number[] {
    return [...this.#segments.keys()]
  }

  /** Begins a segment with a number above all others. */
  begin(number: number, bytes: number): void {
    this.#segments.set(number, { bytes, unmoved: 0 })
    this.#current = number
    this.#bytes += bytes
  }

  grow(number: number, bytes: number): void {
    const segment = this.#segments.get(number)
    if (segment === undefined) return
    segment.bytes += bytes
    this.#bytes += bytes
  }

  hold({ segment, bytes }: Pick<Extent, 'segment' | 'bytes'>): void {
    const counted = this.#segments.get(segment)
    if (counted !== undefined) counted.unmoved += bytes
  }

  free(extents: readonly Extent[]): void {
    for (const { segment, bytes } of extents) {
      const counted = this.#segments.get(segment)
      if (counted !== undefined) counted.unmoved -= bytes
    }
  }

  /** Returns the oldest segment when it may go. */
  oldestFree(): number | undefined {
    for (const [number, { unmoved }] of this.#segments) return number !== this.#current && unmoved === 0 ? number : undefined
    return undefined
  }

  remove(number: number): void {
    this.#bytes -= this.#segments.get(number)?.bytes ?? 0
    this.#segments.delete(number)
  }

  /** Returns the newest segment that has to go so that at most `target` bytes are left; 0 for none. Never the one that is being written. */
  surplus(target: number): number {
    let left = this.#bytes
    let newest = 0
    for (const [number, { bytes }] of this.#segments) {
      if (left <= target || number === this.#current) break
      left -= bytes
      newest = number
    }
    return newest
  }
}
