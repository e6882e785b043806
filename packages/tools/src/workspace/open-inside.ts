/** Opens a file of the workspace, so that no link, device or exchange on the way leads to another one. */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type CheckedDirectory, openDirectoryInside } from './checked-directory.ts'
import { pathRefused, systemCode } from './path-refused.ts'
import { locateInside } from './resolve-inside.ts'

/** A path in two parts: the folder, and the name in it. */
interface EntryPath {
  readonly folder: string
  readonly name: string
}

/** Splits a path by its words; the root itself has no name and is refused. */
export async function entryInside(root: string, path: string): Promise<EntryPath> {
  const { names } = await locateInside(root, path)
  const name = names.at(-1)
  if (name === undefined) throw pathRefused(path, 'it is the workspace itself')
  return { folder: join('.', ...names.slice(0, -1)), name }
}

/**
 * Opens the regular file at `path` with the flags of `fs.constants`; the caller closes it. Links in the folders are followed inside the workspace, a link
 * as the last name never: give the result of `resolveInside` to follow it. Never waits for a FIFO, opens no device, and truncates only what is checked.
 * Rejects `path-outside-workspace` also for a file with several hard links, whose other name may lie outside; with the system's error when it is missing.
 */
export async function openInside(root: string, path: string, flags: number = constants.O_RDONLY): Promise<FileHandle> {
  const { folder, name } = await entryInside(root, path)
  const directory = await openDirectoryInside(root, folder)
  try {
    return await openIn(directory, name, path, flags)
  } finally {
    await directory.close()
  }
}

/** As `openInside`, in a folder that is checked already. `path` is for messages. */
export async function openIn(directory: CheckedDirectory, name: string, path: string, flags: number): Promise<FileHandle> {
  // Before it is opened: opening a device can set it going.
  const before = await lstat(directory.child(name)).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT' && (flags & constants.O_CREAT) !== 0) return undefined
    throw error
  })
  if (before !== undefined) checkRegular(before, path)
  const handle = await openNamed(directory, name, path, flags & ~constants.O_TRUNC)
  try {
    checkRegular(await handle.stat(), path)
    await directory.recheck(handle, name)
    if ((flags & constants.O_TRUNC) !== 0) await handle.truncate()
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Refuses everything but a regular file with one name. */
export function checkRegular(found: Stats, path: string): void {
  if (found.isSymbolicLink()) throw pathRefused(path, 'it is a symbolic link')
  if (found.isDirectory()) throw pathRefused(path, 'it is a folder')
  if (!found.isFile()) throw pathRefused(path, 'it is not a regular file')
  if (found.nlink > 1) throw pathRefused(path, 'it has several hard links, and another of its names may lie outside')
}

async function openNamed(directory: CheckedDirectory, name: string, path: string, flags: number): Promise<FileHandle> {
  try {
    return await open(directory.child(name), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o666)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ELOOP') throw pathRefused(path, 'it is a symbolic link', error)
    if (code === 'ENXIO') throw pathRefused(path, 'it is not a regular file', error)
    throw error
  }
}
