/** The write-ahead log as another process sees it: the lines of each log in it, while its owner writes and retires segments. */
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { isAbsent } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import { logCorrupt } from './failures.ts'
import type { FileSystem } from './file-system.ts'
import { encodePart } from './key-path.ts'
import { keyTextOf } from './parsed-line.ts'
import { isIntact, type LineKind, proveHead, readHead } from './wal-line.ts'
import { walkSegment } from './wal-replay.ts'
import { linesStart, listSegments, segmentPath, walDirectoryName } from './wal-segments.ts'
import { type ChainSegment, chainOf } from './wal-takeover.ts'

/** One line of a log in the write-ahead log. */
export interface ViewedLine {
  readonly kind: LineKind | 'damaged'
  readonly seq: number
  readonly segment: number
  readonly offset: number
  readonly bytes: number
}

/** A line and its bytes. */
export interface ReadLine {
  readonly line: ViewedLine
  readonly bytes: Buffer
}

interface ViewedSegment {
  readonly number: number
  readonly descriptor: number
  /** The lines up to here are in `lines`. */
  end: number
  readonly lines: Map<string, ViewedLine[]>
}

const mostAttempts = 50

/**
 * Owns a descriptor of each segment that counts, so that their bytes stay readable when the owner retires them. Creates nothing, and takes no lock.
 *
 * What a caller read of own files and documents before a `refresh` that returns true, and the lines after it, are together one state of each log: a line leaves
 * the write-ahead log only with its segment, after it is durable in the own file; and a deletion or a drop is a durable line before an own file changes by it.
 *
 * - I1: the lines of a log are those of consecutive segments, in order: segments go from the oldest on.
 * - I2: bytes that do not count by the header of the next segment are in no list.
 */
export class WalView {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  readonly #isWanted: (path: string) => boolean
  readonly #paths = new Map<string, string>()
  #segments: ViewedSegment[] = []

  /**
   * @param root the data directory.
   * @param isWanted says of the path of a log, below the data directory, whether its lines are kept.
   */
  constructor(fileSystem: FileSystem, root: string, isWanted: (path: string) => boolean = () => true) {
    this.#fileSystem = fileSystem
    this.#directory = join(root, walDirectoryName)
    this.#isWanted = isWanted
  }

  /**
   * Reads what is new. Resolves with true when no segment has gone since the refresh before. Rejects `log-corrupt` for damage of which nothing says whose lines
   * are lost.
   */
  async refresh(): Promise<boolean> {
    const [oldest] = this.#segments
    let failure: unknown
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      const numbers = await listSegments(this.#fileSystem, this.#directory)
      try {
        const chain = await chainOf(this.#fileSystem, this.#directory, numbers)
        const next = await this.#opened(chain)
        // A segment that went meanwhile looks like one that never counted.
        const still = new Set(await listSegments(this.#fileSystem, this.#directory))
        if (next === undefined || numbers.some((number) => !still.has(number))) continue
        for (const [index, segment] of next.entries()) await this.#read(segment, chain[index]?.length, index === next.length - 1)
        return oldest === undefined || numbers.includes(oldest.number)
      } catch (error) {
        const isChanged = BeamClawError.isInstance(error, 'log-corrupt') || isAbsent(error)
        if (!isChanged || (failure !== undefined && sameText(failure, error))) throw error
        // Seen once, it may be a segment that has gone meanwhile, or bytes that are being written.
        failure = error
        await this.close()
      }
    }
    throw failure ?? new BeamClawError('store-io', `${this.#directory}: its segments change too fast to be read. Try again`)
  }

  /** Paths of the logs that have lines, below the data directory. */
  paths(): Set<string> {
    return new Set(this.#segments.flatMap(({ lines }) => [...lines.keys()]))
  }

  /** Returns the lines of a log in order, without those that a later deletion ends. */
  linesOf(path: string): readonly ViewedLine[] {
    const lines = this.#segments.flatMap((segment) => segment.lines.get(path) ?? [])
    return lines.slice(
      Math.max(
        0,
        lines.findLastIndex(({ kind }) => kind === 'deleted'),
      ),
    )
  }

  /** Reads lines in order, some at a time: each with its bytes, its newline included. */
  async *read(path: string, lines: readonly ViewedLine[]): AsyncGenerator<readonly ReadLine[]> {
    for (let index = 0; index < lines.length; ) {
      const span = spanFrom(lines, index)
      const [first, last] = [span[0] as ViewedLine, span.at(-1) as ViewedLine]
      const descriptor = this.#segments.find(({ number }) => number === first.segment)?.descriptor
      const length = last.offset + last.bytes - first.offset
      const block = descriptor === undefined ? Buffer.alloc(0) : await readAt(this.#fileSystem, descriptor, first.offset, length)
      yield span.map((line) => {
        const start = line.offset - first.offset
        const bytes = block.subarray(start, start + line.bytes)
        if (!this.#isStill(path, line, bytes))
          throw new BeamClawError(
            'store-io',
            'A line of the write-ahead log has changed since it was found: a write of its owner failed. Try again',
          )
        return { line, bytes }
      })
      index += span.length
    }
  }

  async close(): Promise<void> {
    const segments = this.#segments
    this.#segments = []
    for (const { descriptor } of segments) await this.#fileSystem.close(descriptor)
  }

  /** Resolves with the segments that count, each open; undefined when one has gone meanwhile. */
  async #opened(chain: readonly ChainSegment[]): Promise<readonly ViewedSegment[] | undefined> {
    const next: ViewedSegment[] = []
    let isWhole = true
    for (const { number } of chain) {
      const known = this.#segments.find((segment) => segment.number === number)
      if (known !== undefined) next.push(known)
      else {
        const descriptor = await this.#fileSystem.open(segmentPath(this.#directory, number), 'r').catch((error: unknown) => {
          if (!isAbsent(error)) throw error
          isWhole = false
          return undefined
        })
        if (descriptor !== undefined) next.push({ number, descriptor, end: 0, lines: new Map() })
      }
    }
    for (const gone of this.#segments) if (!next.includes(gone)) await this.#fileSystem.close(gone.descriptor)
    this.#segments = next
    return isWhole ? next : undefined
  }

  async #read(segment: ViewedSegment, length: number | undefined, isLast: boolean): Promise<void> {
    const { number, descriptor, lines } = segment
    const file = segmentPath(this.#directory, number)
    const size = length ?? (await this.#fileSystem.size(descriptor))
    if (size < segment.end) {
      // A group that failed was cut off.
      segment.end = 0
      lines.clear()
    }
    if (size === segment.end) return
    const from = segment.end
    const bytes = await readAt(this.#fileSystem, descriptor, from, size - from)
    const start = from > 0 ? 0 : linesStart(file, bytes)
    const good = walkSegment(bytes, start, bytes.length, isLast || length === undefined, {
      line: ({ key, kind, seq }, offset, count) =>
        this.#add(lines, key, { kind, seq, segment: number, offset: from + offset, bytes: count }),
      damage: (proof, offset, count) => {
        if (proof === undefined)
          throw logCorrupt(file, from + offset, 'the line does not match its checksum, and nothing says of which log it is')
        this.#add(lines, proof.key, { kind: 'damaged', seq: proof.seq, segment: number, offset: from + offset, bytes: count })
      },
    })
    segment.end = from + good
  }

  #isStill(path: string, { kind, seq, bytes: length }: ViewedLine, bytes: Buffer): boolean {
    const isWhole = bytes.length === length && (kind === 'damaged' || isIntact(bytes, 0, length - 1))
    const head = kind === 'damaged' ? proveHead(bytes, 0, length) : readHead(bytes, 0, length - 1)
    return isWhole && head?.seq === seq && this.#pathOf(head.key) === path
  }

  #add(lines: Map<string, ViewedLine[]>, key: string, line: ViewedLine): void {
    const path = this.#pathOf(key)
    if (!this.#isWanted(path)) return
    const known = lines.get(path)
    if (known === undefined) lines.set(path, [line])
    else known.push(line)
  }

  #pathOf(key: string): string {
    const known = this.#paths.get(key)
    if (known !== undefined) return known
    const path = join(...(JSON.parse(keyTextOf(key)) as string[]).map(encodePart))
    if (this.#paths.size >= mostPaths) this.#paths.clear()
    this.#paths.set(key, path)
    return path
  }
}

const mostPaths = 100_000
// Reading what lies between two lines costs less than another call to the system.
const largestGap = 16 * 1024
const largestSpan = 1024 * 1024

function spanFrom(lines: readonly ViewedLine[], from: number): ViewedLine[] {
  const first = lines[from] as ViewedLine
  const span = [first]
  for (let index = from + 1; index < lines.length; index++) {
    const line = lines[index] as ViewedLine
    const last = span.at(-1) as ViewedLine
    if (line.segment !== first.segment || line.offset - last.offset - last.bytes > largestGap) break
    if (line.offset + line.bytes - first.offset > largestSpan) break
    span.push(line)
  }
  return span
}

function sameText(a: unknown, b: unknown): boolean {
  return a instanceof Error && b instanceof Error && a.message === b.message
}
