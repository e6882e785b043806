/** A folder of the workspace that is held open, so that what is done in it happens there even when its path leads elsewhere meanwhile. */
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readlink, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { namesBelow } from './lexical-path.ts'
import { pathRefused, systemCode } from './path-refused.ts'
import { isWithin, resolveInside } from './resolve-inside.ts'

/**
 * Owns one file descriptor until `close`. On Linux every path of `child` goes through the descriptor (`/proc/self/fd`), like `openat`: swapping a folder
 * for a symbolic link changes nothing. Elsewhere `child` is an ordinary path, and `recheck` finds a swap after the fact.
 */
export class CheckedDirectory {
  /** Real path at the time of the check. */
  readonly path: string
  readonly #root: string
  readonly #handle: FileHandle | undefined

  constructor(root: string, path: string, handle: FileHandle | undefined) {
    this.path = path
    this.#root = root
    this.#handle = handle
  }

  /** Returns a path to the folder itself, or to the entry with this name. */
  child(name = ''): string {
    return join(this.#handle === undefined ? this.path : procPath(this.#handle), name)
  }

  /** Rejects `path-outside-workspace` when the open file is not below the root. */
  async recheck(handle: FileHandle, name: string): Promise<void> {
    const expected = join(this.path, name)
    if (this.#handle !== undefined) {
      if (!isWithin(this.#root, await readlink(procPath(handle)))) throw pathRefused(expected, 'it was moved out of the workspace')
      return
    }
    const [real, there, opened] = [await realpath(expected), await lstat(expected), await handle.stat()]
    if (!isWithin(this.#root, real) || there.dev !== opened.dev || there.ino !== opened.ino) {
      throw pathRefused(expected, 'it was exchanged while it was opened')
    }
  }

  /** Opens a folder in this one, never through a symbolic link. */
  async enter(name: string): Promise<CheckedDirectory> {
    if (this.#handle === undefined) return openRealDirectory(this.#root, join(this.path, name))
    const handle = await openFolder(this.child(name), join(this.path, name))
    return new CheckedDirectory(this.#root, join(this.path, name), handle)
  }

  async close(): Promise<void> {
    await this.#handle?.close()
  }
}

/**
 * Opens the folder at `path`, with the links in it resolved; with `isCreated` makes the folders that are missing. Rejects `path-outside-workspace`, or
 * with the system's error when it does not exist or is not a folder. The caller closes it.
 */
export async function openDirectoryInside(root: string, path: string, isCreated = false): Promise<CheckedDirectory> {
  const realRoot = await realpath(root)
  const real = await resolveInside(root, path)
  if (!isCreated) return openRealDirectory(realRoot, real)
  let folder = await openRealDirectory(realRoot, realRoot)
  for (const name of namesBelow(realRoot, real)) {
    try {
      const next = await enterOrCreate(folder, name)
      await folder.close()
      folder = next
    } catch (error) {
      await folder.close()
      throw error
    }
  }
  return folder
}

async function enterOrCreate(folder: CheckedDirectory, name: string): Promise<CheckedDirectory> {
  await mkdir(folder.child(name)).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error
  })
  return folder.enter(name)
}

async function openRealDirectory(realRoot: string, real: string): Promise<CheckedDirectory> {
  if (process.platform !== 'linux') {
    const now = await realpath(real)
    if (now !== real || !isWithin(realRoot, now)) throw pathRefused(real, 'it was exchanged while it was opened')
    return new CheckedDirectory(realRoot, real, undefined)
  }
  const handle = await openFolder(real, real)
  try {
    // The parents were resolved before; that none was exchanged since, only the descriptor can tell.
    if ((await readlink(procPath(handle))) !== real) throw pathRefused(real, 'it was exchanged while it was opened')
    return new CheckedDirectory(realRoot, real, handle)
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function openFolder(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    if (systemCode(error) === 'ELOOP' || (systemCode(error) === 'ENOTDIR' && (await isLink(path)))) {
      throw pathRefused(shown, 'a symbolic link stands where a folder was', error)
    }
    throw error
  }
}

async function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  )
}

function procPath(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`
}
