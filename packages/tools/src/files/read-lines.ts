/** Reads some lines of a file of any size, chunk by chunk. */
import type { FileHandle } from 'node:fs/promises'
import { StringDecoder } from 'node:string_decoder'

/** Which lines, and how much of them. */
export interface LineRange {
  /** The first line; counts from 1. */
  readonly from: number
  readonly count: number
  readonly maxCharacters: number
  /** Bytes up to which the lines behind the range are counted. */
  readonly maxCountedBytes: number
  readonly signal: AbortSignal
}

/** Some lines of a file. */
export interface LinesRead {
  readonly text: string
  /** How many lines are in `text`; the last one may be cut. */
  readonly lines: number
  /** Whether the last line was too long for the range, and is cut. */
  readonly isCut: boolean
  readonly hasMore: boolean
  /** Lines of the whole file; `undefined` when it was not read to its end. */
  readonly total: number | undefined
}

const chunkBytes = 64 * 1024

/** Resolves with the lines of a range; line ends stay as they are. Rejects with the reason of `signal`. */
export async function readLines(file: FileHandle, range: LineRange): Promise<LinesRead> {
  const decoder = new StringDecoder('utf8')
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const collector = new LineCollector(range)
  for (let position = 0; ; ) {
    range.signal.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position)
    position += bytesRead
    if (bytesRead === 0) {
      collector.take(decoder.end())
      return collector.end()
    }
    collector.take(decoder.write(buffer.subarray(0, bytesRead)))
    if (collector.isDone && position > range.maxCountedBytes) return collector.soFar()
  }
}

/** Collects the lines of a range; of a line that is longer than the range it holds no more than its beginning. */
class LineCollector {
  readonly #range: LineRange
  readonly #kept: string[] = []
  #characters = 0
  /** Complete lines that went by. */
  #passed = 0
  /** The beginning of the line that is not complete. */
  #pending = ''
  #pendingLength = 0
  #isFull = false
  #isCut = false

  constructor(range: LineRange) {
    this.#range = range
  }

  /** Whether no further line is kept. */
  get isDone(): boolean {
    return this.#isFull || this.#passed >= this.#range.from - 1 + this.#range.count
  }

  take(text: string): void {
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\n', at)
      const piece = end === -1 ? text.slice(at) : text.slice(at, end + 1)
      at += piece.length
      this.#pending += piece.slice(0, Math.max(0, this.#range.maxCharacters + 1 - this.#pending.length))
      this.#pendingLength += piece.length
      if (end !== -1) this.#complete()
    }
  }

  end(): LinesRead {
    if (this.#pendingLength > 0) this.#complete()
    const { from } = this.#range
    return { ...this.#read(), hasMore: from + this.#kept.length <= this.#passed, total: this.#passed }
  }

  soFar(): LinesRead {
    return { ...this.#read(), hasMore: true, total: undefined }
  }

  #read(): Pick<LinesRead, 'text' | 'lines' | 'isCut'> {
    return { text: this.#kept.join('').toWellFormed(), lines: this.#kept.length, isCut: this.#isCut }
  }

  #complete(): void {
    const { from, maxCharacters } = this.#range
    const [line, length] = [this.#pending, this.#pendingLength]
    this.#pending = ''
    this.#pendingLength = 0
    const isWanted = !this.isDone && this.#passed >= from - 1
    this.#passed++
    if (!isWanted) return
    const fits = this.#characters + length <= maxCharacters
    this.#isFull = !fits
    if (!fits && this.#kept.length > 0) return
    this.#isCut = !fits
    this.#kept.push(fits ? line : line.slice(0, maxCharacters))
    this.#characters += length
  }
}
