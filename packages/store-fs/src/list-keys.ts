/** Walks the data directory in key order, and stops when the page is full. */
import { join } from 'node:path'
import { BeamClawError, type StoreKey } from '@beamclaw/core'
import { compareStoreKeys } from '@beamclaw/core/adapter'
import { isAbsent, readWhole } from './atomic-write.ts'
import { readDocument } from './document-file.ts'
import type { DirectoryEntry, FileSystem } from './file-system.ts'
import { decodePart, encodePart } from './key-path.ts'
import { isManifestName } from './log-directory.ts'
import { decodeManifest, type Manifest } from './manifest.ts'

interface Child {
  readonly part: string
  isDocument: boolean
  directory: string | undefined
}

/** Returns the keys of documents and logs below `prefix` and after `after`, at most `limit`. */
export async function listKeys(
  fileSystem: FileSystem,
  root: string,
  prefix: StoreKey,
  { after, limit }: { readonly after: StoreKey | undefined; readonly limit: number },
): Promise<StoreKey[]> {
  const found: StoreKey[] = []
  const walk = async (key: StoreKey, path: string, entries: readonly DirectoryEntry[]): Promise<void> => {
    for (const { part, isDocument, directory } of await childrenOf(fileSystem, path, entries, key.length)) {
      if (found.length >= limit) return
      const child: StoreKey = [...key, part]
      const order = after === undefined ? 1 : compareStoreKeys(child, after)
      // Before `after` and not a prefix of it: nothing below can come later.
      if (after !== undefined && order < 0 && !child.every((name, index) => name === after[index])) continue
      const below = directory === undefined ? [] : await entriesOf(fileSystem, directory)
      if (order > 0 && (isDocument || below.some(({ name }) => isManifestName(name)))) found.push(child)
      if (directory !== undefined) await walk(child, directory, below)
    }
  }
  const path = join(root, ...prefix.map(encodePart))
  await walk(prefix, path, await entriesOf(fileSystem, path))
  return found.slice(0, limit)
}

async function childrenOf(fileSystem: FileSystem, path: string, entries: readonly DirectoryEntry[], depth: number): Promise<Child[]> {
  const children = new Map<string, Child>()
  for (const { name, mayHoldEntries } of entries) {
    const isDocument = !mayHoldEntries && name.endsWith('.json')
    if (!isDocument && !mayHoldEntries) continue
    const decoded = decodePart(isDocument ? name.slice(0, -5) : name)
    if (decoded === undefined) continue
    const entry = join(path, name)
    const part = decoded === 'hashed' ? await partFromFiles(fileSystem, entry, isDocument, depth) : decoded.part
    if (part === undefined) continue
    const child = children.get(part) ?? { part, isDocument: false, directory: undefined }
    if (isDocument) child.isDocument = true
    else child.directory = entry
    children.set(part, child)
  }
  return [...children.values()].sort((a, b) => (a.part < b.part ? -1 : 1))
}

/** Returns a part that was too long for a file name, from the files below it, which hold their whole key. */
async function partFromFiles(fileSystem: FileSystem, path: string, isDocument: boolean, depth: number): Promise<string | undefined> {
  if (isDocument) return (await unlessDamaged(readDocument(fileSystem, path)))?.key[depth]
  for (const { name, mayHoldEntries } of await entriesOf(fileSystem, path)) {
    const entry = join(path, name)
    const isManifest = isManifestName(name)
    const isChildDocument = !mayHoldEntries && name.endsWith('.json') && decodePart(name.slice(0, -5)) !== undefined
    if (!isManifest && !mayHoldEntries && !isChildDocument) continue
    const part = isManifest
      ? (await unlessDamaged(readManifestFile(fileSystem, entry)))?.key[depth]
      : await partFromFiles(fileSystem, entry, isChildDocument, depth)
    if (part !== undefined) return part
  }
  return undefined
}

async function readManifestFile(fileSystem: FileSystem, path: string): Promise<Manifest | undefined> {
  const bytes = await readWhole(fileSystem, path)
  return bytes === undefined ? undefined : decodeManifest(bytes, path)
}

/** Returns undefined for a damaged file, so that it does not hide all the others from a list; opening it reports the damage. */
async function unlessDamaged<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (BeamClawError.isInstance(error)) return undefined
    throw error
  }
}

async function entriesOf(fileSystem: FileSystem, path: string): Promise<DirectoryEntry[]> {
  try {
    return await fileSystem.list(path)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}
