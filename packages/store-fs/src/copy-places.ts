/** Where a copy of a data directory goes: to one directory, or to several by the key of what is copied. */
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { DirectoryMaker, isAbsent, syncDirectory } from './atomic-write.ts'
import type { FileSystem } from './file-system.ts'
import { PathKeys } from './path-keys.ts'
import { WalCopy } from './wal-copy.ts'
import { walDirectoryName } from './wal-segments.ts'

/** A directory that a copy goes to. */
export interface CopyPlace {
  readonly path: string
  readonly directories: DirectoryMaker
  readonly wal: WalCopy
}

/** Owns the write-ahead logs of the copies. I1: what is at one path goes to one place. */
export class CopyPlaces {
  readonly all: readonly CopyPlace[]
  readonly #fileSystem: FileSystem
  readonly #indexOf: ((key: StoreKey) => number) | undefined
  readonly #keys = new PathKeys()

  /**
   * @param paths the directories, which exist.
   * @param indexOf returns which of them a key goes to; unneeded for one directory.
   */
  constructor(fileSystem: FileSystem, paths: readonly string[], indexOf?: (key: StoreKey) => number) {
    this.#fileSystem = fileSystem
    this.#indexOf = indexOf
    this.all = paths.map((path) => ({
      path,
      directories: new DirectoryMaker(fileSystem, path),
      wal: new WalCopy(fileSystem, join(path, walDirectoryName)),
    }))
  }

  /** Returns the place of what is at a path; undefined when nothing has said whose it is. */
  of(path: string): CopyPlace | undefined {
    if (this.#indexOf === undefined) return this.all[0]
    const key = this.#keys.keyOf(path)
    return key === undefined ? undefined : this.all[this.#indexOf(key)]
  }

  /** Keeps what a file says of the key of its path. */
  learn(path: string, key: StoreKey): void {
    this.#keys.learn(path, key)
  }

  /** Makes the directories of the write-ahead logs. */
  async begin(): Promise<void> {
    for (const { path, directories } of this.all) await directories.make(join(path, walDirectoryName))
  }

  /** Ends the write-ahead logs, durably. */
  async finish(): Promise<void> {
    for (const { path, wal } of this.all) {
      await wal.finish()
      await syncDirectory(this.#fileSystem, join(path, walDirectoryName))
    }
  }

  /** Makes the names in a directory durable, in each copy that has it. */
  async sync(directory: string): Promise<void> {
    for (const { path } of this.all)
      await syncDirectory(this.#fileSystem, join(path, directory)).catch((error: unknown) => {
        // None was made when all files in it were deleted meanwhile, or are in another copy.
        if (!isAbsent(error)) throw error
      })
  }

  async close(): Promise<void> {
    for (const { wal } of this.all) await wal.close()
  }
}
