/** Keeps a bounded number of segment files open, so that a process can own far more logs than it may open files. */
import { fenced, systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'

/** A file that the pool may close and open again. */
export interface PooledFile {
  readonly path: string
  /** What the path led to when the file was created. */
  readonly identity: string
}

interface Slot {
  readonly descriptor: number
  users: number
}

/** Least recently used files are closed first; callers wait while all files are in use. */
export class DescriptorPool {
  readonly #fileSystem: FileSystem
  readonly #maxOpen: number
  // In order of use: the first is the one that was used longest ago.
  readonly #slots = new Map<PooledFile, Slot>()
  readonly #waiting: (() => void)[] = []
  #held = 0

  constructor(fileSystem: FileSystem, maxOpen: number) {
    this.#fileSystem = fileSystem
    this.#maxOpen = maxOpen
  }

  /** Files that are open or about to be. */
  get size(): number {
    return this.#held
  }

  /** Runs `work` with the file open. Rejects `fenced` when the path leads elsewhere by now. */
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

  /** Takes over a descriptor that is open already. */
  async adopt(file: PooledFile, descriptor: number): Promise<void> {
    await this.#reserve()
    this.#slots.set(file, { descriptor, users: 0 })
  }

  /** Closes a file that nobody uses. */
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
      // A sealed segment cannot be opened for writing, a deleted one not at all.
      if (code === 'EACCES' || code === 'EPERM' || code === 'ENOENT' || code === 'ENOTDIR') throw fenced('its segment is gone or sealed')
      throw error
    }
    if (this.#fileSystem.identify(descriptor) === identity) return descriptor
    await this.#fileSystem.close(descriptor)
    throw fenced('the log was deleted and made again')
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
