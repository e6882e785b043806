/** Walks a data directory for a backup: which names are logs, documents and blobs, and which are none of ours. */
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent } from './atomic-write.ts'
import { decodePart } from './key-path.ts'
import { ownFileComponent } from './own-file.ts'
import { walDirectoryName } from './wal-segments.ts'

/** The names in one directory; all paths are relative to the data directory. */
export interface FoundDirectory {
  readonly path: string
  /** Paths of own files, without their endings. */
  readonly logs: readonly string[]
  /** The same of lists of busy sessions. */
  readonly activity: readonly string[]
  readonly documents: readonly string[]
  readonly blobs: readonly string[]
  /** Symbolic links, and names that the store does not give. */
  readonly unknown: readonly string[]
}

type Kind = 'log' | 'document' | 'blob' | 'directory' | 'blobs' | 'ignored' | 'unknown'

const blobsEnding = '.blobs'
const blobName = /^[0-9a-f]{64}$/
const activityLog = /^activity(?:-[0-9]+)?$/
// A change within the same tick of the file system's clock as the listing might not show.
const settledMs = 100
const mostListings = 4

/** Returns true for the list of busy sessions of a tenant, which is made anew from the journals when it is missing. */
export function isActivityLog(path: string): boolean {
  const [, name = '', ...more] = path.split(/[\\/]/)
  return more.length === 0 && activityLog.test(name)
}

/** Walks the directories below `root`, each before those in it. Symbolic links are not followed. */
export async function* walkDataDirectory(root: string, path = ''): AsyncGenerator<FoundDirectory> {
  const found: Record<Kind, string[]> = { log: [], document: [], blob: [], directory: [], blobs: [], ignored: [], unknown: [] }
  for (const entry of await entriesOf(join(root, path))) {
    const kind = kindOf(entry, path)
    found[kind].push(join(path, kind === 'log' ? (ownFileComponent(entry.name) ?? '') : entry.name))
  }
  const { log, document, blob, unknown, directory, blobs } = found
  const all = [...new Set(log)]
  const [logs, activity] = [all.filter((one) => !isActivityLog(one)), all.filter(isActivityLog)]
  yield { path, logs, activity, documents: document, blobs: blob, unknown }
  for (const child of [...directory, ...blobs]) yield* walkDataDirectory(root, child)
}

function kindOf(entry: Dirent, path: string): Kind {
  const { name } = entry
  const isRoot = path === ''
  if (name.startsWith('.tmp-') || (isRoot && isNodesOwn(name))) return 'ignored'
  const isBlobs = path.endsWith(blobsEnding)
  if (entry.isDirectory() && !isBlobs) {
    if (decodePart(name) !== undefined) return 'directory'
    const component = name.endsWith(blobsEnding) ? name.slice(0, -blobsEnding.length) : ''
    return !isRoot && decodePart(component) !== undefined ? 'blobs' : 'unknown'
  }
  if (!entry.isFile() || isRoot) return 'unknown'
  if (isBlobs) return blobName.test(name) ? 'blob' : 'unknown'
  const component = ownFileComponent(name)
  if (component !== undefined) return decodePart(component) === undefined ? 'unknown' : 'log'
  return name.endsWith('.json') && decodePart(name.slice(0, -5)) !== undefined ? 'document' : 'unknown'
}

/** The lock, the write-ahead log, and the index, which is made anew when it is missing. */
function isNodesOwn(name: string): boolean {
  return name.startsWith('.lock') || name.startsWith('index.sqlite') || name === walDirectoryName
}

/** Resolves with the names in a directory, those that a change during the listing might have hidden included: a file may be replaced by one of another name. */
async function entriesOf(path: string): Promise<readonly Dirent[]> {
  const found = new Map<string, Dirent>()
  try {
    for (let listing = 0; listing < mostListings; listing++) {
      const before = await changedAt(path)
      for (const entry of await readdir(path, { withFileTypes: true })) found.set(entry.name, entry)
      if (before === (await changedAt(path)) && Date.now() - before > settledMs) break
    }
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function changedAt(path: string): Promise<number> {
  return (await stat(path)).mtimeMs
}
