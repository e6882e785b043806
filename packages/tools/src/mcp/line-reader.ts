/** Cuts a stream of bytes into lines of a bounded size. */

const lineFeed = 0x0a

/**
 * Owns the bytes of the line that has begun.
 *
 * I1  It never holds more than `maxBytes` and one chunk.
 */
export class LineReader {
  readonly #maxBytes: number
  #pieces: Uint8Array[] = []
  #held = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Returns the lines that the chunk completes; undefined once a line is longer than allowed, and nothing after it counts. */
  push(chunk: Uint8Array): readonly string[] | undefined {
    const lines: string[] = []
    let begin = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, begin)) {
      const last = chunk.subarray(begin, end)
      if (this.#held + last.byteLength > this.#maxBytes) return undefined
      lines.push(Buffer.concat([...this.#pieces, last]).toString('utf8'))
      this.#pieces = []
      this.#held = 0
      begin = end + 1
    }
    const rest = chunk.subarray(begin)
    this.#held += rest.byteLength
    if (this.#held > this.#maxBytes) return undefined
    if (rest.byteLength > 0) this.#pieces.push(rest)
    return lines
  }
}
