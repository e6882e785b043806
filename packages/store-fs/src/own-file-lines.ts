/** The lines of an own file from its beginning, some at a time. */
import { readAt } from './backward-scan.ts'
import type { FileSystem } from './file-system.ts'
import { isOwnHeader, type OpenOwnFile } from './own-file.ts'
import { isIntact, type LineHead, lineEnd, readHead } from './wal-line.ts'

/** A line of an own file, without its newline. */
export interface OwnFileLine {
  readonly bytes: Buffer
  /** Undefined for a damaged line. */
  readonly head: LineHead | undefined
  /** Counts from 1. */
  readonly number: number
  readonly offset: number
}

const chunkBytes = 256 * 1024

/** Reads the lines of an own file in order, its header left out. A rest without a newline counts as a line. Holds one chunk and one line in memory. */
export async function* ownFileLines(fileSystem: FileSystem, { descriptor, size }: OpenOwnFile): AsyncGenerator<readonly OwnFileLine[]> {
  let rest: Buffer = Buffer.alloc(0)
  let number = 0
  let length = chunkBytes
  for (let position = 0; position < size; ) {
    const read = await readAt(fileSystem, descriptor, position, Math.min(length, size - position))
    if (read.length === 0) break
    position += read.length
    const block = rest.length === 0 ? read : Buffer.concat([rest, read])
    const base = position - block.length
    const lines: OwnFileLine[] = []
    let start = 0
    const take = (end: number): void => {
      number += 1
      const isHeader = isOwnHeader(block, start, end, base + start)
      const head = isIntact(block, start, end) ? readHead(block, start, end) : undefined
      if (!isHeader) lines.push({ bytes: block.subarray(start, end), head, number, offset: base + start })
      start = end + 1
    }
    for (let end = lineEnd(block, start); end >= 0; end = lineEnd(block, start)) take(end)
    if (position >= size && start < block.length) take(block.length)
    yield lines
    rest = block.subarray(start)
    length = start === 0 ? length * 2 : chunkBytes
  }
}
