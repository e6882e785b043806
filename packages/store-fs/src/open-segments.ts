/** Segments of the write-ahead log that are open for reading, so that the moves of many logs open each of them once. */
import type { FileSystem } from './file-system.ts'
import { segmentPath } from './wal-segments.ts'

/** Owns the descriptors until `close`, which the creator must call. */
export class OpenSegments {
  readonly #fileSystem: FileSystem
  readonly #directory: string
  readonly #open = new Map<number, Promise<number>>()

  constructor(fileSystem: FileSystem, directory: string) {
    this.#fileSystem = fileSystem
    this.#directory = directory
  }

  /** Resolves with the descriptor of a segment. Rejects with the system's ENOENT when the segment is gone. */
  descriptor(number: number): Promise<number> {
    const known = this.#open.get(number)
    if (known !== undefined) return known
    const opening = this.#fileSystem.open(segmentPath(this.#directory, number), 'r')
    this.#open.set(number, opening)
    opening.catch(() => this.#open.delete(number))
    return opening
  }

  /** Closes all; no read may be under way. */
  async close(): Promise<void> {
    for (const result of await Promise.allSettled(this.#open.values()))
      if (result.status === 'fulfilled') await this.#fileSystem.close(result.value)
    this.#open.clear()
  }
}
