/** The blobs of owners: one file for each in a directory beside the owner's log, named by the SHA-256 of its bytes. */
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { BeamClawError, type BlobId, type BlobInfo } from '@beamclaw/core'
import { type DirectoryMaker, isAbsent, removeIfThere, replaceFile, syncDirectory } from './atomic-write.ts'
import { logCorrupt, storeFailure, systemCode } from './failures.ts'
import type { DirectoryEntry, FileSystem } from './file-system.ts'
import type { StaleTemporaries } from './stale-temporaries.ts'

/** Bytes of a piece of a stream. */
const pieceBytes = 256 * 1024

/** Systems without hard links, or with too many of one file. */
const noLink: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV'])

/** Returns the directory of an owner's blobs; `path` is that of its key. No part of a key is encoded with a dot. */
export function blobDirectory(path: string): string {
  return `${path}.blobs`
}

/**
 * The files of blobs.
 *
 * I1: A name is given to a file only once all of its bytes are synced, so that a name never stands for other bytes after a crash.
 * I2: The directory is synced before a call resolves, also for a blob that was there: the process that wrote it may have died before.
 * I3: A file that two owners have is one file with two names: the file system counts the owners.
 * Calls for one directory must not overlap.
 */
export class BlobFiles {
  readonly #fileSystem: FileSystem
  readonly #directories: DirectoryMaker
  readonly #stale: StaleTemporaries
  #temporaries = 0

  constructor(fileSystem: FileSystem, directories: DirectoryMaker, stale: StaleTemporaries) {
    this.#fileSystem = fileSystem
    this.#directories = directories
    this.#stale = stale
  }

  async put(directory: string, id: BlobId, bytes: Buffer): Promise<void> {
    const path = join(directory, id)
    await this.#directories.within(directory, async () => {
      // A damaged file is replaced.
      if (!(await this.#holds(path, bytes))) {
        await this.#stale.removeFrom(directory)
        await replaceFile(this.#fileSystem, path, this.#temporaryIn(directory), bytes)
      }
      await syncDirectory(this.#fileSystem, directory)
    })
  }

  /** Resolves with the size of a blob; undefined when there is none. */
  async sizeOf(directory: string, id: BlobId): Promise<number | undefined> {
    return await unlessAbsent(this.#opened(join(directory, id), (descriptor) => this.#fileSystem.size(descriptor)))
  }

  /**
   * The bytes of a blob in pieces. Throws `log-corrupt` before the last one when they are not those of the name, and for a blob that is gone. `check` is
   * called before each piece, and may throw.
   */
  async *pieces(directory: string, id: BlobId, check: () => void): AsyncGenerator<Uint8Array> {
    const path = join(directory, id)
    const hash = createHash('sha256')
    check()
    const descriptor = await unlessAbsent(this.#fileSystem.open(path, 'r'))
    if (descriptor === undefined) throw logCorrupt(path, 0, 'the attachment was deleted while it was read')
    let position = 0
    try {
      let held: Uint8Array | undefined
      for (;;) {
        check()
        const bytes = Buffer.allocUnsafe(pieceBytes)
        const count = await this.#fileSystem.read(descriptor, bytes, 0, bytes.length, position)
        if (count === 0) break
        if (held !== undefined) yield held
        held = bytes.subarray(0, count)
        hash.update(held)
        position += count
      }
      if (hash.digest('hex') !== id)
        throw logCorrupt(path, 0, 'the attachment does not match its name: it is damaged. Restore it from a backup, or delete it')
      if (held !== undefined) yield held
    } catch (error) {
      throw storeFailure(error, `reading ${path}`)
    } finally {
      await this.#fileSystem.close(descriptor)
    }
  }

  async list(directory: string): Promise<BlobInfo[]> {
    const found: BlobInfo[] = []
    for (const { name, mayHoldEntries } of await this.#entries(directory)) {
      if (mayHoldEntries || !/^[0-9a-f]{64}$/.test(name)) continue
      const size = await this.sizeOf(directory, name)
      if (size !== undefined) found.push({ id: name, size })
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Gives blobs a second name in `to`. Resolves with those that `to` has then. */
  async share(from: string, to: string, ids: readonly BlobId[]): Promise<BlobId[]> {
    const shared: BlobId[] = []
    for (const id of ids) {
      const isThere = (await this.sizeOf(to, id)) !== undefined
      if (isThere || (await this.#link(from, to, id))) shared.push(id)
    }
    if (shared.length > 0) await syncDirectory(this.#fileSystem, to)
    return shared
  }

  /** Removes a directory of blobs with all that is in it. */
  async deleteAll(directory: string): Promise<void> {
    const entries = await this.#entries(directory)
    for (const { name, mayHoldEntries } of entries) if (!mayHoldEntries) await removeIfThere(this.#fileSystem, join(directory, name))
    try {
      await this.#fileSystem.removeDirectory(directory)
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
    await syncDirectory(this.#fileSystem, dirname(directory))
  }

  /** Resolves with false when `from` has no such blob. */
  async #link(from: string, to: string, id: BlobId): Promise<boolean> {
    const [source, target] = [join(from, id), join(to, id)]
    const linked = await unlessAbsent(
      this.#opened(source, async (descriptor) => {
        try {
          // A file that may not be written, as a copy from a backup may be, is copied.
          return (await this.#directories.within(to, () => this.#fileSystem.link(source, target, () => descriptor))) ? 'linked' : 'copy'
        } catch (error) {
          const code = systemCode(error)
          if (code === 'EEXIST') return 'linked'
          if (noLink.has(code)) return 'copy'
          throw error
        }
      }),
    )
    return linked === 'copy' ? this.#copy(from, to, id) : linked === 'linked'
  }

  /** Resolves with false for a blob that is damaged, or was deleted meanwhile: nothing else may have its name. */
  async #copy(from: string, to: string, id: BlobId): Promise<boolean> {
    const pieces: Uint8Array[] = []
    try {
      for await (const piece of this.pieces(from, id, () => {})) pieces.push(piece)
    } catch (error) {
      if (BeamClawError.isInstance(error, 'log-corrupt')) return false
      throw error
    }
    await this.put(to, id, Buffer.concat(pieces))
    return true
  }

  async #holds(path: string, bytes: Buffer): Promise<boolean> {
    const isSame = await unlessAbsent(
      this.#opened(path, async (descriptor) => {
        if ((await this.#fileSystem.size(descriptor)) !== bytes.length) return false
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, bytes.length))
        for (let position = 0; position < bytes.length; ) {
          const count = await this.#fileSystem.read(descriptor, piece, 0, piece.length, position)
          if (count === 0 || piece.compare(bytes, position, position + count, 0, count) !== 0) return false
          position += count
        }
        return true
      }),
    )
    return isSame === true
  }

  async #opened<T>(path: string, work: (descriptor: number) => Promise<T>): Promise<T> {
    const descriptor = await this.#fileSystem.open(path, 'r')
    try {
      return await work(descriptor)
    } finally {
      await this.#fileSystem.close(descriptor)
    }
  }

  async #entries(directory: string): Promise<DirectoryEntry[]> {
    return (await unlessAbsent(this.#fileSystem.list(directory))) ?? []
  }

  #temporaryIn(directory: string): string {
    return join(directory, `${this.#stale.nameOf(++this.#temporaries)}-blob`)
  }
}

async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
