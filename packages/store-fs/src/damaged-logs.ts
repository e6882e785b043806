/** Finds the damaged lines of logs while this process owns their directory and moves their lines. */
import { join, sep } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import type { FileSystem } from './file-system.ts'
import { decodePart } from './key-path.ts'
import type { DamagedLine, MissingLines } from './log-line.ts'
import { openOwnFile } from './own-file.ts'
import { ownFileLines } from './own-file-lines.ts'
import { keyTextOf } from './parsed-line.ts'
import { readLogBeside } from './read-log-beside.ts'
import { WalView } from './wal-view.ts'

/** Lines that were looked at between two looks at the signal. */
export interface LookedAtLog {
  readonly bytes: number
  /** Undefined when nothing in the file says whose it is. */
  readonly key: StoreKey | undefined
  readonly lines: readonly (DamagedLine | MissingLines)[]
}

/** Resolves with the logs that have damaged lines in the write-ahead log; paths are below the data directory. */
export async function damagedInWal(fileSystem: FileSystem, root: string): Promise<ReadonlySet<string>> {
  const view = new WalView(fileSystem, root)
  try {
    await view.refresh()
    return new Set([...view.paths()].filter((path) => view.linesOf(path).some(({ kind }) => kind === 'damaged')))
  } finally {
    await view.close()
  }
}

/**
 * Looks at every line of an own file. What seems damaged is read again together with the write-ahead log: an end that is being written, or that a crash has torn
 * and the write-ahead log has whole, is no damage.
 */
export async function lookAtLog(
  fileSystem: FileSystem,
  root: string,
  path: string,
  isSuspect: boolean,
  signal?: AbortSignal,
): Promise<LookedAtLog> {
  const own = await openOwnFile(fileSystem, join(root, path))
  let key = keyOfPath(path)
  const damaged: DamagedLine[] = []
  if (own !== undefined) {
    try {
      for await (const lines of ownFileLines(fileSystem, own)) {
        signal?.throwIfAborted()
        for (const { head, number, offset } of lines) {
          if (head === undefined) damaged.push({ kind: 'damaged', file: own.file.slice(root.length + 1), line: number, offset })
          else key ??= JSON.parse(keyTextOf(head.key)) as StoreKey
        }
        // Enough to know that the log has to be read line by line.
        if (damaged.length > 0 && key !== undefined) break
      }
    } finally {
      await fileSystem.close(own.descriptor)
    }
  }
  const bytes = own?.size ?? 0
  if (damaged.length === 0 && !isSuspect) return { bytes, key, lines: [] }
  return { bytes, key, lines: key === undefined ? damaged : await damagedLinesOf(fileSystem, root, key, signal) }
}

/** Resolves with the damaged and missing lines of a log, at most 1,000. */
export async function damagedLinesOf(
  fileSystem: FileSystem,
  root: string,
  key: StoreKey,
  signal?: AbortSignal,
): Promise<readonly (DamagedLine | MissingLines)[]> {
  const found: (DamagedLine | MissingLines)[] = []
  for await (const line of readLogBeside({ path: root, key, fileSystem })) {
    signal?.throwIfAborted()
    if (line.kind === 'damaged' || line.kind === 'missing') found.push(line)
    if (found.length >= mostNamed) break
  }
  return found
}

const mostNamed = 1_000

/** Returns the key of a path; undefined where a part of it is too long for a file name. */
export function keyOfPath(path: string): StoreKey | undefined {
  const parts: string[] = []
  for (const component of path.split(sep)) {
    const decoded = decodePart(component)
    if (decoded === undefined || decoded === 'hashed') return undefined
    parts.push(decoded.part)
  }
  return parts as unknown as StoreKey
}
