/** The children of directories, sorted: a page of a long list must not read and sort its directory again. */
import { join } from 'node:path'
import { BeamClawError } from '@beamclaw/core'
import { isAbsent } from './atomic-write.ts'
import { readAt } from './backward-scan.ts'
import { readDocument } from './document-file.ts'
import type { DirectoryEntry, FileSystem } from './file-system.ts'
import { decodePart } from './key-path.ts'
import { ownFileComponent } from './own-file.ts'
import { isIntact, lineEnd } from './wal-line.ts'

/** What a child is; several at once. */
export const childKinds = { document: 1, log: 2, directory: 4 } as const

/** Sorted by part. The name of a child's directory differs from `encodePart(part)` never, so it is not kept. */
export interface Children {
  readonly parts: readonly string[]
  readonly kinds: Uint8Array
}

interface Cached {
  readonly stamp: string
  readonly children: Children
}

// A change within the same tick of the file system's clock as the listing might not show.
const settledMs = 100
const mostCached = 1_000_000

/** Owns the listings that are cached. A listing counts as long as the time of the directory's last change is the same. */
export class DirectoryChildren {
  readonly #fileSystem: FileSystem
  readonly #cached = new Map<string, Cached>()
  #count = 0

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem
  }

  /** Resolves with the children of a directory, none when it is missing. `depth` is the number of parts of its key. */
  async of(path: string, depth: number): Promise<Children> {
    const changedMs = await this.#fileSystem.changedAt(path).catch((error: unknown) => {
      if (isAbsent(error)) return undefined
      throw error
    })
    if (changedMs === undefined) return { parts: [], kinds: new Uint8Array() }
    const stamp = String(changedMs)
    const cached = this.#cached.get(path)
    if (cached?.stamp === stamp) return cached.children
    const isSettled = Date.now() - changedMs > settledMs
    const children = await childrenOf(this.#fileSystem, path, depth)
    this.#forget(path)
    if (isSettled) this.#keep(path, { stamp, children })
    return children
  }

  #keep(path: string, cached: Cached): void {
    this.#cached.set(path, cached)
    this.#count += cached.children.parts.length + 1
    for (const oldest of this.#cached.keys()) {
      if (this.#count <= mostCached) break
      this.#forget(oldest)
    }
  }

  #forget(path: string): void {
    this.#count -= (this.#cached.get(path)?.children.parts.length ?? -1) + 1
    this.#cached.delete(path)
  }
}

async function childrenOf(fileSystem: FileSystem, path: string, depth: number): Promise<Children> {
  const found = new Map<string, number>()
  for (const entry of await entriesOf(fileSystem, path)) {
    const child = componentOf(entry)
    if (child === undefined) continue
    const decoded = decodePart(child.component)
    if (decoded === undefined) continue
    const part = decoded === 'hashed' ? await partFromFiles(fileSystem, join(path, entry.name), child.kind, depth) : decoded.part
    if (part !== undefined) found.set(part, (found.get(part) ?? 0) | child.kind)
  }
  const parts = [...found.keys()].sort()
  return { parts, kinds: Uint8Array.from(parts, (part) => found.get(part) ?? 0) }
}

function componentOf({ name, mayHoldEntries }: DirectoryEntry): { readonly component: string; readonly kind: number } | undefined {
  if (mayHoldEntries) return { component: name, kind: childKinds.directory }
  const log = ownFileComponent(name)
  if (log !== undefined) return { component: log, kind: childKinds.log }
  return name.endsWith('.json') ? { component: name.slice(0, -5), kind: childKinds.document } : undefined
}

/** Returns a part that was too long for a file name, from the files at it or below it, which hold their whole key. */
async function partFromFiles(fileSystem: FileSystem, path: string, kind: number, depth: number): Promise<string | undefined> {
  if (kind === childKinds.document) return (await unlessDamaged(readDocument(fileSystem, path)))?.key[depth]
  if (kind === childKinds.log) return (await unlessGone(keyOfLog(fileSystem, path)))?.[depth]
  for (const entry of await entriesOf(fileSystem, path)) {
    const child = componentOf(entry)
    if (child === undefined || decodePart(child.component) === undefined) continue
    const part = await partFromFiles(fileSystem, join(path, entry.name), child.kind, depth)
    if (part !== undefined) return part
  }
  return undefined
}

/** Each line of an own file names the key. */
async function keyOfLog(fileSystem: FileSystem, path: string): Promise<readonly string[] | undefined> {
  const descriptor = await fileSystem.open(path, 'r')
  try {
    const size = await fileSystem.size(descriptor)
    for (let length = 64 * 1024; ; length *= 4) {
      const bytes = await readAt(fileSystem, descriptor, 0, Math.min(length, size))
      const end = lineEnd(bytes, 0)
      if (end >= 0 && isIntact(bytes, 0, end)) return (JSON.parse(bytes.toString('utf8', 0, end)) as { readonly k: readonly string[] }).k
      if (end >= 0 || length >= size) return undefined
    }
  } finally {
    await fileSystem.close(descriptor)
  }
}

/** A file that was listed may be deleted before it is read. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

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
