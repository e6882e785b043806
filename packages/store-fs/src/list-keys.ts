/** Walks the data directory in key order, and stops when the page is full. */
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { compareStoreKeys, isBelowStoreKey } from '@beamclaw/core/adapter'
import { childKinds, type DirectoryChildren } from './directory-children.ts'
import { encodePart } from './key-path.ts'

/** Where keys are found. */
export interface KeySources {
  readonly directories: DirectoryChildren
  readonly root: string
  readonly logs: {
    /** Keys of logs that may have no own file yet. */
    keysInMemory(): StoreKey[]
    /** True when the own file of a log counts no more. */
    isDeleted(key: StoreKey): boolean
  }
}

/** Which keys of those below a prefix. */
interface KeyRange {
  readonly after: StoreKey | undefined
  readonly limit: number
}

/**
 * Returns the keys of documents and logs below `prefix` and after `after`, at most `limit`. A log whose lines move into its first own file while the directory is
 * walked may be in no directory yet, and in memory no more: what was in memory before counts, too.
 */
export async function listKeys(sources: KeySources, prefix: StoreKey, range: KeyRange): Promise<StoreKey[]> {
  const { after, limit } = range
  const isWanted = (key: StoreKey): boolean => isBelowStoreKey(key, prefix) && (after === undefined || compareStoreKeys(key, after) > 0)
  const inMemory = (): StoreKey[] => sources.logs.keysInMemory().filter(isWanted).sort(compareStoreKeys)
  const before = inMemory()
  const found = await filesIn(sources, prefix, range)
  return merged(merged(found, inMemory(), limit), before, limit)
}

async function filesIn({ directories, root, logs }: KeySources, prefix: StoreKey, { after, limit }: KeyRange): Promise<StoreKey[]> {
  const found: StoreKey[] = []
  const walk = async (key: StoreKey, path: string): Promise<void> => {
    const { parts, kinds } = await directories.of(path, key.length)
    for (let index = firstIndex(parts, key, after); index < parts.length && found.length < limit; index++) {
      const part = parts[index] as string
      const kind = kinds[index] ?? 0
      const child: StoreKey = [...key, part]
      const isKey = (kind & childKinds.document) !== 0 || ((kind & childKinds.log) !== 0 && !logs.isDeleted(child))
      if (isKey && (after === undefined || compareStoreKeys(child, after) > 0)) found.push(child)
      if ((kind & childKinds.directory) !== 0) await walk(child, join(path, encodePart(part)))
    }
  }
  await walk(prefix, join(root, ...prefix.map(encodePart)))
  return found
}

/** Returns the index of the first part that is at `after` or behind it, or holds keys that are. */
function firstIndex(parts: readonly string[], key: StoreKey, after: StoreKey | undefined): number {
  if (after === undefined || !isBelowStoreKey(after, key))
    return after === undefined || compareStoreKeys(key, after) >= 0 ? 0 : parts.length
  const part = after[key.length] as string
  let [low, high] = [0, parts.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((parts[middle] as string) < part) low = middle + 1
    else high = middle
  }
  return low
}

/** Each key once: a log may be in both. */
function merged(a: readonly StoreKey[], b: readonly StoreKey[], limit: number): StoreKey[] {
  const all: StoreKey[] = []
  for (let left = 0, right = 0; all.length < limit && (left < a.length || right < b.length); ) {
    const [one, other] = [a[left], b[right]]
    const order = one === undefined ? 1 : other === undefined ? -1 : compareStoreKeys(one, other)
    const key = (order <= 0 ? one : other) as StoreKey
    const last = all.at(-1)
    if (last === undefined || compareStoreKeys(last, key) !== 0) all.push(key)
    if (order <= 0) left += 1
    if (order >= 0) right += 1
  }
  return all
}
