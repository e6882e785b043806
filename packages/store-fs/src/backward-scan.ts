/** Reads the lines of a file from its end, in chunks, because what an owner needs is near the end as a rule. */
import type { FileSystem } from './file-system.ts'

const firstChunk = 64 * 1024
const largestChunk = 4 * 1024 * 1024

/** Called with each line from the last to the first, without its newline; returns true to stop. The bytes are valid during the call only. */
export type LineVisitor = (bytes: Buffer, start: number, end: number, offset: number) => boolean

/** Reads exactly the bytes from `position` on; fewer when the file is shorter. */
export async function readAt(fileSystem: FileSystem, descriptor: number, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let offset = 0
  while (offset < length) {
    const count = await fileSystem.read(descriptor, bytes, offset, length - offset, position + offset)
    if (count === 0) break
    offset += count
  }
  return offset === length ? bytes : bytes.subarray(0, offset)
}

/** Visits the lines before byte `end`. A rest without a newline at the end counts as a line. */
export async function scanBackwards(fileSystem: FileSystem, descriptor: number, end: number, visit: LineVisitor): Promise<void> {
  let position = end
  let chunk = firstChunk
  let carry: Buffer = Buffer.alloc(0)
  while (position > 0) {
    const length = Math.min(chunk, position)
    position -= length
    chunk = Math.min(chunk * 2, largestChunk)
    const read = await readAt(fileSystem, descriptor, position, length)
    const block = carry.length === 0 ? read : Buffer.concat([read, carry])
    const first = position === 0 ? 0 : block.indexOf(0x0a) + 1
    if (first === block.length || (position > 0 && first === 0)) {
      carry = block
      continue
    }
    if (visitLines(block, first, position, visit)) return
    carry = block.subarray(0, first)
  }
}

function visitLines(block: Buffer, first: number, position: number, visit: LineVisitor): boolean {
  let end = block.at(-1) === 0x0a ? block.length - 1 : block.length
  for (;;) {
    const start = end <= first ? first : Math.max(first, block.lastIndexOf(0x0a, end - 1) + 1)
    if (visit(block, start, end, position + start)) return true
    if (start === first) return false
    end = start - 1
  }
}
