/** The last bytes that a process has printed, in a buffer of bounded size. */

/** Bytes of a first buffer: most commands print little. */
const firstSize = 4_096

/**
 * Keeps the last `capacity` bytes of a stream and counts all of them. Byte numbers count from 0 at the beginning of the stream, so a reader goes on where it
 * stopped, and is told how much it has missed.
 *
 * Owns one buffer, which grows up to the capacity and is then written over and over.
 * I1: The byte with number `n` is at `n % buffer.length`. I2: The buffer has the bytes from `first` up to, not including, `total`.
 */
export class OutputRing {
  readonly #capacity: number
  #buffer: Uint8Array
  #kept = 0
  #total = 0

  /** @param tail last bytes of a stream of `total` bytes, of which the ones before are not kept any more */
  constructor(capacity: number, tail: Uint8Array = new Uint8Array(), total: number = tail.length) {
    this.#capacity = capacity
    this.#buffer = new Uint8Array(Math.min(capacity, firstSize))
    this.#total = Math.max(0, total - tail.length)
    this.append(tail)
  }

  /** Number of bytes printed so far. */
  get total(): number {
    return this.#total
  }

  /** Number of the oldest byte that is kept. */
  get first(): number {
    return this.#total - this.#kept
  }

  /** Adds a copy of the bytes. */
  append(chunk: Uint8Array): void {
    const added = chunk.length > this.#capacity ? chunk.subarray(chunk.length - this.#capacity) : chunk
    this.#total += chunk.length - added.length
    if (added.length < chunk.length) this.#kept = 0
    this.#grow(this.#kept + added.length)
    const size = this.#buffer.length
    const at = this.#total % size
    const untilEnd = Math.min(added.length, size - at)
    this.#buffer.set(added.subarray(0, untilEnd), at)
    this.#buffer.set(added.subarray(untilEnd), 0)
    this.#total += added.length
    this.#kept = Math.min(size, this.#kept + added.length)
  }

  /** Returns a copy of at most `maxBytes` bytes from number `from` on, or from the first that is kept, and the number of its first byte. */
  read(from: number, maxBytes: number): { readonly bytes: Uint8Array; readonly from: number } {
    const start = Math.min(this.#total, Math.max(from, this.first))
    const length = Math.min(maxBytes, this.#total - start)
    const size = this.#buffer.length
    const at = start % size
    const bytes = new Uint8Array(length)
    const untilEnd = Math.min(length, size - at)
    bytes.set(this.#buffer.subarray(at, at + untilEnd))
    bytes.set(this.#buffer.subarray(0, length - untilEnd), untilEnd)
    return { bytes, from: start }
  }

  #grow(needed: number): void {
    const size = this.#buffer.length
    if (needed <= size || size === this.#capacity) return
    const { bytes, from } = this.read(this.first, this.#kept)
    this.#buffer = new Uint8Array(Math.min(this.#capacity, Math.max(needed, size * 2)))
    const at = from % this.#buffer.length
    const untilEnd = Math.min(bytes.length, this.#buffer.length - at)
    this.#buffer.set(bytes.subarray(0, untilEnd), at)
    this.#buffer.set(bytes.subarray(untilEnd), 0)
  }
}
