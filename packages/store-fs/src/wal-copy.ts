/** Writes a write-ahead log that no process owns yet: lines of many logs, in segments as an owner would leave them. */
import { writeFully } from './atomic-write.ts'
import type { FileSystem } from './file-system.ts'
import { encodeOtherLine } from './wal-line.ts'
import { segmentPath } from './wal-segments.ts'

const segmentBytes = 32 * 1024 * 1024

/**
 * - I1: at most one segment is open, and each segment before it is synced.
 * - I2: the last segment has no line but its header, which says how many bytes of the one before it count: nothing that was copied can be taken for a torn write.
 */
export class WalCopy {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  #number = 0
  #descriptor: number | undefined
  #position = 0

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem
    this.#directory = directory
  }

  /** Adds whole lines. */
  async add(bytes: Buffer): Promise<void> {
    if (this.#descriptor === undefined || this.#position >= segmentBytes) await this.#next()
    await this.#write(bytes)
    // A damaged line may have lost its newline.
    if (bytes.length > 0 && bytes.at(-1) !== 0x0a) await this.#write(Buffer.from('\n'))
  }

  /** Ends the log durably; the caller syncs its directory. */
  async finish(): Promise<void> {
    await this.#next()
    await this.close(true)
  }

  async close(isSynced = false): Promise<void> {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor === undefined) return
    try {
      if (isSynced) await this.#fileSystem.sync(descriptor)
    } finally {
      await this.#fileSystem.close(descriptor)
    }
  }

  async #next(): Promise<void> {
    const previous = { previous: this.#number, bytes: this.#position }
    await this.close(true)
    this.#number += 1
    this.#position = 0
    this.#descriptor = await this.#fileSystem.open(segmentPath(this.#directory, this.#number), 'wx')
    await this.#write(Buffer.from(encodeOtherLine({ wal: 1, number: this.#number, ...previous })))
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#descriptor === undefined) return
    await writeFully(this.#fileSystem, this.#descriptor, bytes, this.#position)
    this.#position += bytes.length
  }
}
