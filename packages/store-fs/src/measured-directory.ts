/** What a copy of a data directory needs. */
import { lstat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isAbsent } from './atomic-write.ts'
import { walkDataDirectory } from './backup-walk.ts'
import type { FileSystem } from './file-system.ts'
import { ownFileNames } from './own-file.ts'
import { listSegments, segmentPath, walDirectoryName } from './wal-segments.ts'

/** What is in a data directory, as its names say. */
export interface DirectoryMeasure {
  /** Logs that have a file of their own; others may be in the write-ahead log alone. */
  readonly logs: number
  readonly documents: number
  readonly blobs: number
  /** Bytes of all files that a copy has. */
  readonly bytes: number
  /** Bytes that a copy takes on the disk: whole blocks, and the directories. */
  readonly diskBytes: number
  /** Symbolic links, and what an earlier release left; a copy would not have what they stand for. */
  readonly obstacles: readonly string[]
  /** Other names that the store does not give. */
  readonly unknown: readonly string[]
}

const blockBytes = 4096
const earlier = /^MANIFEST-[0-9]+$/

/** Counts what is in a data directory. */
export async function measureDirectory(fileSystem: FileSystem, root: string, signal?: AbortSignal): Promise<DirectoryMeasure> {
  const counts = { logs: 0, documents: 0, blobs: 0, bytes: 0, diskBytes: 0 }
  const [obstacles, unknown]: [string[], string[]] = [[], []]
  const add = async (file: string): Promise<void> => {
    signal?.throwIfAborted()
    const size = await sizeOf(join(root, file))
    counts.bytes += size
    counts.diskBytes += Math.ceil(size / blockBytes) * blockBytes
  }
  for await (const found of walkDataDirectory(root)) {
    counts.diskBytes += blockBytes
    counts.logs += found.logs.length + found.activity.length
    counts.documents += found.documents.length
    counts.blobs += found.blobs.length
    for (const path of [...found.logs, ...found.activity]) for (const name of ownFileNames(path)) await add(name)
    for (const file of [...found.documents, ...found.blobs]) await add(file)
    for (const name of found.unknown) {
      const list = (await isObstacle(root, name)) ? obstacles : unknown
      list.push(name)
    }
  }
  const wal = join(root, walDirectoryName)
  for (const number of await listSegments(fileSystem, wal)) await add(segmentPath(walDirectoryName, number))
  return { ...counts, obstacles, unknown }
}

async function isObstacle(root: string, name: string): Promise<boolean> {
  if (earlier.test(basename(name))) return true
  try {
    return (await lstat(join(root, name))).isSymbolicLink()
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

/** Resolves with 0 for a file that is not there. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).size
  } catch (error) {
    if (isAbsent(error)) return 0
    throw error
  }
}
