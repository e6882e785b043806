/** SQLite's write-ahead log of the index, as a killed process left it: whether SQLite will find in it all that was written. */
import { isAbsent } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import type { FileSystem } from './file-system.ts'

// SQLite's file format, section "The Write-Ahead Log": https://www.sqlite.org/fileformat2.html#walformat
const [headerBytes, frameHeaderBytes, leastPageBytes] = [32, 24, 512]
const [magic, bigEndianMagic] = [0x377f0682, 0x377f0683]

/** Bytes that are read and summed up at once: about a millisecond. */
const chunkBytes = 1024 * 1024

/**
 * Resolves with false when a whole frame of the log, or its header, is not what was written. SQLite ends its reading there without a word, so that everything
 * behind it, which may have been acknowledged, would be missing. A kill leaves at most a part of a frame at the end, and that was not acknowledged.
 */
export async function isLogWhole(fileSystem: FileSystem, path: string): Promise<boolean> {
  let descriptor: number
  try {
    descriptor = await fileSystem.open(path, 'r')
  } catch (error) {
    if (isAbsent(error)) return true
    throw error
  }
  try {
    const size = await fileSystem.size(descriptor)
    if (size < headerBytes + frameHeaderBytes + leastPageBytes) return true
    const log = new LogFrames(await readAt(fileSystem, descriptor, 0, headerBytes))
    if (!log.isHeaderIntact) return false
    const atOnce = Math.max(1, Math.floor(chunkBytes / log.frameBytes)) * log.frameBytes
    for (let at = headerBytes; at + log.frameBytes <= size; at += atOnce) {
      const bytes = await readAt(fileSystem, descriptor, at, Math.min(atOnce, size - at))
      for (let start = 0; start + log.frameBytes <= bytes.length; start += log.frameBytes)
        if (!log.isNext(bytes.subarray(start, start + log.frameBytes))) return false
    }
    return true
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Compares frame after frame with its checksum, which goes on from that of the frame before. */
class LogFrames {
  readonly frameBytes: number
  readonly isHeaderIntact: boolean
  readonly #isLittleEndian: boolean
  readonly #salts: Buffer
  #sums: readonly [number, number] = [0, 0]

  constructor(header: Buffer) {
    const kind = header.readUInt32BE(0)
    this.#isLittleEndian = kind !== bigEndianMagic
    this.#salts = header.subarray(16, 24)
    this.frameBytes = frameHeaderBytes + header.readUInt32BE(8)
    this.#add(header.subarray(0, 24))
    this.isHeaderIntact = (kind === magic || kind === bigEndianMagic) && this.#areSums(header, 24)
  }

  isNext(frame: Buffer): boolean {
    this.#add(frame.subarray(0, 8))
    this.#add(frame.subarray(frameHeaderBytes))
    return this.#salts.equals(frame.subarray(8, 16)) && this.#areSums(frame, 16)
  }

  #add(bytes: Buffer): void {
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let [first, second] = this.#sums
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      first = (first + words.getUint32(at, this.#isLittleEndian) + second) >>> 0
      second = (second + words.getUint32(at + 4, this.#isLittleEndian) + first) >>> 0
    }
    this.#sums = [first, second]
  }

  #areSums(bytes: Buffer, at: number): boolean {
    return bytes.readUInt32BE(at) === this.#sums[0] && bytes.readUInt32BE(at + 4) === this.#sums[1]
  }
}
