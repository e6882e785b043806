/** Walks through a folder of the workspace, without following a link. */
import { join } from 'node:path'
import { type FolderEntry, listInside } from '../workspace/files-inside.ts'

/** An entry with its path below the folder where the walk began. */
export interface WalkedEntry extends FolderEntry {
  readonly path: string
  /** 1 for the entries of the folder where the walk began. */
  readonly depth: number
}

/** What a walk enters. */
export interface WalkOptions {
  readonly maxDepth: number
  readonly signal: AbortSignal
}

// What they hold is made by programs, and drowns everything else.
const notEntered: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules'])

/** Yields the entries of a folder and of those below, each folder before its entries. A folder that is gone or closed meanwhile is passed over. */
export async function* walk(root: string, folder: string, { maxDepth, signal }: WalkOptions): AsyncGenerator<WalkedEntry> {
  const waiting: WalkedEntry[] = (await listInside(root, folder)).map((entry) => ({ ...entry, path: entry.name, depth: 1 })).reverse()
  for (let entry = waiting.pop(); entry !== undefined; entry = waiting.pop()) {
    signal.throwIfAborted()
    yield entry
    const { path, depth } = entry
    if (entry.type !== 'folder' || depth >= maxDepth || notEntered.has(entry.name)) continue
    const inner = await listInside(root, join(folder, path)).catch(() => [])
    waiting.push(...inner.map((one) => ({ ...one, path: `${path}/${one.name}`, depth: depth + 1 })).reverse())
  }
}
