/** Files and names that survive a power cut once a promise has resolved, and the removal of a folder. */
import { dirname, join } from 'node:path'
import type { FileSystem } from '@beamclaw/store-fs'

/** Writes a file through `temporary`, in the same folder; what was there before is replaced. */
export async function writeFileDurably(fileSystem: FileSystem, path: string, temporary: string, text: string): Promise<void> {
  await removeTree(fileSystem, temporary)
  const descriptor = await fileSystem.open(temporary, 'wx')
  try {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; ) at += await fileSystem.write(descriptor, bytes, at, bytes.length - at, at)
    await fileSystem.sync(descriptor)
  } finally {
    await fileSystem.close(descriptor)
  }
  await fileSystem.rename(temporary, path)
  await syncFolder(fileSystem, dirname(path))
}

/** Makes a folder unless it is there, durably. */
export async function makeFolder(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.makeDirectory(path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  await syncFolder(fileSystem, dirname(path))
}

/** Makes the names in a folder durable. */
export async function syncFolder(fileSystem: FileSystem, path: string): Promise<void> {
  // Windows cannot open a folder for this, and its file systems keep names by themselves.
  if (process.platform === 'win32') return
  const descriptor = await fileSystem.open(path, 'r')
  try {
    await fileSystem.sync(descriptor)
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** Removes a file, or a folder with all that is in it, unless it is gone already. A symbolic link is removed, and not what it leads to. */
export async function removeTree(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.unlink(path)
    return
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    // What POSIX says of a folder, and what Linux says.
    if (codeOf(error) !== 'EPERM' && codeOf(error) !== 'EISDIR') throw error
  }
  for (const { name } of await fileSystem.list(path)) await removeTree(fileSystem, join(path, name))
  await fileSystem.removeDirectory(path)
}

/** Returns the code of an error of the operating system. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
