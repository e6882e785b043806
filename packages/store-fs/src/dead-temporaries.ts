/** Finds the temporary files of processes that are gone, and says whether a directory is a data directory at all. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isAbsent, removeIfThere } from './atomic-write.ts'
import { walkDataDirectory } from './backup-walk.ts'
import type { FileSystem } from './file-system.ts'
import { listSegments, walDirectoryName } from './wal-segments.ts'

const temporary = /^\.tmp-(?:doc|log)-/
const mostKept = 100_000

/** Resolves with true for a directory with a write-ahead log, or with the journal of a session. */
export async function isDataDirectory(fileSystem: FileSystem, root: string): Promise<boolean> {
  if ((await namesIn(join(root, walDirectoryName))).length > 0 && (await listSegments(fileSystem, join(root, walDirectoryName))).length > 0)
    return true
  for (const tenant of await namesIn(root))
    for (const agent of await namesIn(join(root, tenant, 'sessions')))
      if ((await namesIn(join(root, tenant, 'sessions', agent))).some((name) => name.endsWith('.log.jsonl'))) return true
  return false
}

/** Resolves with the paths of temporary files, at most 100,000 of them. Taken before the lock, they are not those of its holder-to-be. */
export async function temporariesIn(root: string): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { path } of walkDataDirectory(root)) {
    for (const name of await namesIn(join(root, path))) if (temporary.test(name)) found.push(join(root, path, name))
    if (found.length >= mostKept) break
  }
  return found
}

/** Removes those that are still there; resolves with their number. The caller holds the lock. */
export async function removeTemporaries(fileSystem: FileSystem, paths: readonly string[], signal?: AbortSignal): Promise<number> {
  let removed = 0
  for (const path of paths) {
    signal?.throwIfAborted()
    if (await removeIfThere(fileSystem, path)) removed += 1
  }
  return removed
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}
