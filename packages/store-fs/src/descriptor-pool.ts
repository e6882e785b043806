/** Keeps a bounded number of segment files open, so that a process can own more logs than its limit of open files. */
import { fenced, systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'

/** A file that the pool may close and reopen. */
export interface PooledFile {
  readonly path: string
  /** Device and inode of the file when it was created, as `FileSystem.identify` returns them. */
  readonly identity: string
}

interface Slot {
  readonly descriptor: number
  users: number
}

/**
 * A least-recently-used cache of open files. Owns every descriptor that it opened or adopted; a caller borrows one during `use`.
 *
 * - I1: `#held` counts files that are open or about to be, and never exceeds `maxOpen`.
 * - I2: only a file without users is closed to make room; while all are in use, callers wait in order of arrival.
 * - I3: a reopened file is the one that was closed (`identity`), or `use` rejects `fenced`.
 */
export class DescriptorPool {
  readonly #fileSystem: FileSystem
  readonly #maxOpen: number
  // In order of use: the first is the least recently used.
  readonly #slots = new Map<PooledFile, Slot>()
  readonly #waiting: (() => void)[] = []
  #held = 0

  constructor(fileSystem: FileSystem, maxOpen: number) {
    this.#fileSystem = fileSystem
    this.#maxOpen = maxOpen
  }

  /** Number of files that are open or about to be. */
  get size(): number {
    return this.#held
  }

  /** Runs `work` with the file open. Rejects `fenced` when the path no longer leads to the same file. */
  async use<T>(file: PooledFile, work: (descriptor: number) => Promise<T>): Promise<T> {
    let slot = this.#slots.get(file)
    if (slot === undefined) slot = await this.#open(file)
    else {
      slot.users += 1
      this.#slots.delete(file)
      this.#slots.set(file, slot)
    }
    try {
      return await work(slot.descriptor)
    } finally {
      slot.users -= 1
      this.#waiting.shift()?.()
    }
  }

  /** Takes ownership of a descriptor that is open already. */
  async adopt(file: PooledFile, descriptor: number): Promise<void> {
    await this.#reserve()
    this.#slots.set(file, { descriptor, users: 0 })
  }

  /** Closes a file that has no users. */
  async release(file: PooledFile): Promise<void> {
    const slot = this.#slots.get(file)
    if (slot !== undefined) await this.#close(file, slot)
  }

  async #open(file: PooledFile): Promise<Slot> {
    await this.#reserve()
    try {
      const slot = { descriptor: await this.#reopen(file), users: 1 }
      this.#slots.set(file, slot)
      return slot
    } catch (error) {
      this.#giveBack()
      throw error
    }
  }

  async #reserve(): Promise<void> {
    while (this.#held >= this.#maxOpen) {
      const idle = this.#oldestIdle()
      if (idle === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve))
      else await this.#close(...idle)
    }
    this.#held += 1
  }

  #giveBack(): void {
    this.#held -= 1
    this.#waiting.shift()?.()
  }

  async #reopen({ path, identity }: PooledFile): Promise<number> {
    let descriptor: number
    try {
      descriptor = await this.#fileSystem.open(path, 'r+')
    } catch (error) {
      const code = systemCode(error)
      // A sealed segment cannot be opened for writing; a deleted one cannot be opened.
      if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT' || code === 'ENOTDIR') throw fenced('its segment is gone or sealed')
      throw error
    }
    if (this.#fileSystem.identify(descriptor) === identity) return descriptor
    await this.#fileSystem.close(descriptor)
    throw fenced('the log was deleted and created again')
  }

  #oldestIdle(): readonly [PooledFile, Slot] | undefined {
    for (const [file, slot] of this.#slots) if (slot.users === 0) return [file, slot]
    return undefined
  }

  async #close(file: PooledFile, { descriptor }: Slot): Promise<void> {
    this.#slots.delete(file)
    try {
      await this.#fileSystem.close(descriptor)
    } finally {
      this.#giveBack()
    }
  }
}
