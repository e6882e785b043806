/** Writes whole files so that a crash leaves the old state or the new one, and makes directories that survive it. */
import { dirname } from 'node:path'
import { fenced, systemCode } from './failures.ts'
import type { FileSystem, Witness } from './file-system.ts'

/** Writes all of `bytes` at `position`, continuing after partial writes. */
export async function writeFully(
  fileSystem: FileSystem,
  descriptor: number,
  bytes: Buffer,
  position: number,
  write: 'write' | 'writeDurably' = 'write',
): Promise<void> {
  let offset = 0
  while (offset < bytes.length) {
    offset += await fileSystem[write](descriptor, bytes, offset, bytes.length - offset, position + offset)
  }
}

/** Reads up to `length` bytes from the start; fewer when the file is shorter. */
async function readFully(fileSystem: FileSystem, descriptor: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let offset = 0
  while (offset < length) {
    const count = await fileSystem.read(descriptor, bytes, offset, length - offset, offset)
    if (count === 0) break
    offset += count
  }
  return offset === length ? bytes : bytes.subarray(0, offset)
}

/** Returns the whole file, or undefined when there is none. */
export async function readWhole(fileSystem: FileSystem, path: string): Promise<Buffer | undefined> {
  let descriptor: number
  try {
    descriptor = await fileSystem.open(path, 'r')
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
  try {
    return await readFully(fileSystem, descriptor, await fileSystem.size(descriptor))
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Writes a new file and syncs it; its name is not durable before `syncDirectory`. Leaves nothing behind when it fails. */
export async function writeNew(fileSystem: FileSystem, path: string, bytes: Buffer): Promise<void> {
  const descriptor = await fileSystem.open(path, 'wx')
  try {
    try {
      await writeFully(fileSystem, descriptor, bytes, 0)
      await fileSystem.sync(descriptor)
    } finally {
      await fileSystem.close(descriptor)
    }
  } catch (error) {
    await removeIfThere(fileSystem, path)
    throw error
  }
}

/**
 * Replaces `path` through `temporary`, which must be in the same directory. The new name is durable after `syncDirectory`.
 * `beforeRename` runs at the last moment and may throw.
 */
export async function replaceFile(
  fileSystem: FileSystem,
  path: string,
  temporary: string,
  bytes: Buffer,
  beforeRename?: () => void,
): Promise<void> {
  await writeNew(fileSystem, temporary, bytes)
  try {
    beforeRename?.()
    await fileSystem.rename(temporary, path)
  } catch (error) {
    await removeIfThere(fileSystem, temporary)
    throw error
  }
}

/** Syncs a directory, which makes the names in it durable. */
export async function syncDirectory(fileSystem: FileSystem, path: string): Promise<void> {
  // Windows cannot open a directory for syncing, and its file systems journal names by themselves.
  if (process.platform === 'win32') return
  const descriptor = await fileSystem.open(path, 'r')
  try {
    await fileSystem.sync(descriptor)
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Makes the removal of a name in a directory durable; the directory itself may have been removed meanwhile. */
export async function syncAfterRemoval(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await syncDirectory(fileSystem, path)
  } catch (error) {
    if (!isAbsent(error)) throw error
    await syncAfterRemoval(fileSystem, dirname(path))
  }
}

/** Removes a directory if it is empty. Its name may say as much as what was in it. */
export async function removeIfEmpty(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.removeDirectory(path)
  } catch {
    // It has other names, or was removed or filled meanwhile. What it had is gone in any case.
    return
  }
  await syncAfterRemoval(fileSystem, dirname(path))
}

/** Removes a file; returns whether there was one. */
export async function removeIfThere(fileSystem: FileSystem, path: string): Promise<boolean> {
  try {
    await fileSystem.unlink(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

/** Removes a file, if there is one, unless a later owner has sealed the open file `witness`. Rejects `fenced` then. */
export async function removeAsOwner(fileSystem: FileSystem, path: string, witness: Witness): Promise<void> {
  try {
    if (!(await fileSystem.unlink(path, witness))) throw fenced()
  } catch (error) {
    if (!isAbsent(error)) throw error
    if (!fileSystem.isUnsealed(witness())) throw fenced()
  }
}

/** Returns true for the error of a path that does not exist. */
export function isAbsent(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

const mostRemembered = 10_000

/** Creates directories and syncs every parent, so that the whole path is durable before a file is written into it. */
export class DirectoryMaker {
  readonly #fileSystem: FileSystem
  readonly #root: string
  readonly #made = new Map<string, Promise<void>>()

  constructor(fileSystem: FileSystem, root: string) {
    this.#fileSystem = fileSystem
    this.#root = root
  }

  /** Creates `path`, which is below the root, and its missing parents. */
  make(path: string): Promise<void> {
    if (path === this.#root) return Promise.resolve()
    const known = this.#made.get(path)
    if (known !== undefined) return known
    if (this.#made.size >= mostRemembered) this.#made.clear()
    const making = this.#make(path)
    this.#made.set(path, making)
    making.catch(() => this.#made.delete(path))
    return making
  }

  /** Runs `write`; when the directory was removed meanwhile, creates it again and runs `write` once more. */
  async within<T>(path: string, write: () => Promise<T>): Promise<T> {
    await this.make(path)
    try {
      return await write()
    } catch (error) {
      if (!isAbsent(error)) throw error
      this.#made.clear()
      await this.make(path)
      return await write()
    }
  }

  async #make(path: string): Promise<void> {
    const parent = dirname(path)
    await this.make(parent)
    try {
      await this.#fileSystem.makeDirectory(path)
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    // Synced even if it existed: the process that created it may have died before its sync.
    await syncDirectory(this.#fileSystem, parent)
  }
}
