/** Reads the lines of a file forwards, in chunks. */
import { readAt } from './backward-scan.ts'
import type { FileSystem } from './file-system.ts'
import { lineEnd } from './wal-line.ts'

/** Options of `forEachLine`. */
export interface ScanOptions {
  /** @default 262144 */
  readonly chunkBytes?: number
  /** Called after the lines of a chunk. */
  readonly afterChunk?: () => Promise<void>
}

/** Calls `visit` with each line from `from` to `to`, until it returns true. A rest without a newline counts as a line. The bytes are valid during the call only. */
export async function forEachLine(
  fileSystem: FileSystem,
  descriptor: number,
  from: number,
  to: number,
  visit: (bytes: Buffer, start: number, end: number, offset: number) => boolean,
  { chunkBytes = 256 * 1024, afterChunk }: ScanOptions = {},
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0)
  let length = chunkBytes
  for (let position = from; position < to; ) {
    const read = await readAt(fileSystem, descriptor, position, Math.min(length, to - position))
    if (read.length === 0) return
    position += read.length
    const block = rest.length === 0 ? read : Buffer.concat([rest, read])
    const base = position - block.length
    let start = 0
    for (let end = lineEnd(block, start); end >= 0; end = lineEnd(block, start)) {
      if (visit(block, start, end, base + start)) return
      start = end + 1
    }
    await afterChunk?.()
    rest = block.subarray(start)
    length = start === 0 ? length * 2 : chunkBytes
    if (position >= to && rest.length > 0 && visit(rest, 0, rest.length, base + start)) return
  }
}
