/** Gives a file that cannot be used another name beside it, so that nothing is lost and nothing stands in the way. */
import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isAbsent, removeIfThere, syncDirectory } from './atomic-write.ts'
import { systemCode } from './failures.ts'
import type { FileSystem } from './file-system.ts'

/**
 * Renames `path` to `path.damaged-<time>`, durably; resolves with the new name. A name that is taken is left alone: the next free one is chosen. The caller owns
 * the directory, so no other process takes the name in between.
 */
export async function setAside(fileSystem: FileSystem, path: string, at: Date): Promise<string> {
  const name = `${path}.damaged-${at.toISOString().replace(/[-:]/g, '').replace('.', '')}`
  let target = name
  for (let count = 2; await isTaken(target); count++) target = `${name}-${count}`
  await fileSystem.rename(path, target)
  await syncDirectory(fileSystem, dirname(path))
  return target
}

/** Removes a file; a directory of its name is given another one, for there may be something in it. */
export async function removeOrSetAside(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await removeIfThere(fileSystem, path)
  } catch (error) {
    // EPERM is what macOS says of a directory.
    if (!['EISDIR', 'EPERM'].includes(systemCode(error) ?? '')) throw error
    await setAside(fileSystem, path, new Date())
  }
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}
