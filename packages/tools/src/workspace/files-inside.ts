/** What tools do with files of the workspace: read, write, list and remove, each inside a folder that is checked and held open. */
import { randomBytes } from 'node:crypto'
import { constants, type Dirent, type Stats } from 'node:fs'
import { lstat, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import { BeamClawError } from '@beamclaw/core'
import { type CheckedDirectory, openDirectoryInside } from './checked-directory.ts'
import { checkRegular, entryInside, openIn, openInside } from './open-inside.ts'
import { systemCode } from './path-refused.ts'

/** What an entry of a folder is; a link is not followed. */
export type EntryType = 'file' | 'folder' | 'link' | 'other'

/** One entry of a folder. */
export interface FolderEntry {
  readonly name: string
  readonly type: EntryType
}

/** Resolves with the content of a file; rejects `document-too-large` before it reads more than `maxBytes`. */
export async function readInside(root: string, path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await openInside(root, path)
  try {
    const bytes = Buffer.allocUnsafe(Math.min((await file.stat()).size, maxBytes) + 1)
    let size = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, size, bytes.length - size, null)
      size += bytesRead
      // A file that grows while it is read ends at the size that it had.
      if (bytesRead === 0 || size === bytes.length) break
    }
    if (size > maxBytes) {
      throw new BeamClawError('document-too-large', `File ${JSON.stringify(path)} has more than ${maxBytes} bytes. Read a part of it.`)
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, size)
  } finally {
    await file.close()
  }
}

/** Replaces or creates a file as a whole, and creates the folders on the way. A reader sees the old content or the new one. The mode stays. */
export async function writeInside(root: string, path: string, content: Uint8Array | string): Promise<void> {
  const { folder, name } = await entryInside(root, path)
  const directory = await openDirectoryInside(root, folder, true)
  try {
    const old = await statOf(directory, name)
    if (old !== undefined) checkRegular(old, path)
    const temporary = `.beamclaw-${randomBytes(8).toString('hex')}.tmp`
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    const file = await openIn(directory, temporary, path, flags)
    try {
      if (old !== undefined) await file.chmod(old.mode & 0o777)
      await file.writeFile(content)
      await file.sync()
      await file.close()
      await rename(directory.child(temporary), directory.child(name))
    } catch (error) {
      await file.close()
      await unlink(directory.child(temporary)).catch(() => undefined)
      throw error
    }
  } finally {
    await directory.close()
  }
}

/** Resolves with the entries of a folder, by name. */
export async function listInside(root: string, path: string): Promise<readonly FolderEntry[]> {
  const directory = await openDirectoryInside(root, path)
  try {
    return await entriesOf(directory)
  } finally {
    await directory.close()
  }
}

/** Resolves with what a path is, without following a link as its last name; with undefined when there is nothing. */
export async function statInside(root: string, path: string): Promise<Stats | undefined> {
  const { folder, name } = await entryInside(root, path)
  let directory: CheckedDirectory
  try {
    directory = await openDirectoryInside(root, folder)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    return await statOf(directory, name)
  } finally {
    await directory.close()
  }
}

/** Removes a file, a link (not what it leads to) or an empty folder; with `isRecursive` a folder with all in it. */
export async function removeInside(root: string, path: string, isRecursive = false): Promise<void> {
  const { folder, name } = await entryInside(root, path)
  const directory = await openDirectoryInside(root, folder)
  try {
    await removeIn(directory, name, isRecursive)
  } finally {
    await directory.close()
  }
}

async function removeIn(directory: CheckedDirectory, name: string, isRecursive: boolean): Promise<void> {
  const found = await lstat(directory.child(name))
  if (!found.isDirectory()) return unlink(directory.child(name))
  if (isRecursive) {
    const inner = await directory.enter(name)
    try {
      for (const entry of await entriesOf(inner)) await removeIn(inner, entry.name, true)
    } finally {
      await inner.close()
    }
  }
  await rmdir(directory.child(name))
}

async function entriesOf(directory: CheckedDirectory): Promise<readonly FolderEntry[]> {
  const entries = await readdir(directory.child(), { withFileTypes: true })
  return entries.map((entry) => ({ name: entry.name, type: typeOf(entry) })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

function typeOf(entry: Dirent): EntryType {
  if (entry.isSymbolicLink()) return 'link'
  if (entry.isDirectory()) return 'folder'
  return entry.isFile() ? 'file' : 'other'
}

async function statOf(directory: CheckedDirectory, name: string): Promise<Stats | undefined> {
  return lstat(directory.child(name)).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
}

function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR'
}
