/** The index of sessions in memory: that of `MemoryStore`, and one for stores that can do without a durable one. */
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { SessionIndex, SessionIndexEntry, SessionIndexQuery, SessionIndexSort, SessionIndexStatus } from '../ports/session-index.ts'
import {
  checkIndexKeys,
  checkIndexQuery,
  checkIndexTenant,
  compareIndexPlaces,
  type EncodedIndexEntry,
  encodeIndexEntries,
} from './index-input.ts'

/** Options of `memoryIndex`. */
export interface MemoryIndexOptions {
  /** Why it is not complete at the start of a process, in words for the log. @default 'it is new' */
  readonly reason?: string
  /** Largest entry as UTF-8 JSON, in bytes. @default 67108864 */
  readonly maxEntryBytes?: number
}

interface TenantEntries {
  readonly byKey: Map<SessionKey, EncodedIndexEntry>
  /** The entries in the orders that were asked for since the last change. */
  readonly sorted: Map<SessionIndexSort, readonly EncodedIndexEntry[]>
  isComplete: boolean
}

/**
 * Returns an index in memory. It ends with the process, so core fills it at each start from the journals. For authors of stores: call its `stop` in the
 * store's own.
 *
 * @example
 * class MyStore implements Store { readonly index = memoryIndex(); async stop() { this.index.stop() } … }
 */
export function memoryIndex(options: MemoryIndexOptions = {}): MemoryIndex {
  return new MemoryIndex(options)
}

/** Phases: `open → stopped`. Owns the entries of all tenants as JSON text. I1: no object is shared with a caller. I2: an order is kept until the next change. */
export class MemoryIndex implements SessionIndex {
  readonly #reason: string
  readonly #maxBytes: number
  readonly #tenants = new Map<TenantId, TenantEntries>()
  #isStopped = false

  constructor({ reason = 'it is new', maxEntryBytes = 64 * 1024 * 1024 }: MemoryIndexOptions = {}) {
    this.#reason = reason
    this.#maxBytes = maxEntryBytes
  }

  async put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void> {
    const own = this.#of(tenant)
    const encoded = encodeIndexEntries(entries, this.#maxBytes)
    for (const entry of encoded) own.byKey.set(entry.sessionKey, entry)
    own.sorted.clear()
  }

  async delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void> {
    const own = this.#of(tenant)
    for (const key of checkIndexKeys(keys)) own.byKey.delete(key)
    own.sorted.clear()
  }

  async get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]> {
    const { byKey } = this.#of(tenant)
    return checkIndexKeys(keys).flatMap((key) => {
      const found = byKey.get(key)
      return found === undefined ? [] : [decoded(found)]
    })
  }

  async page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]> {
    const own = this.#of(tenant)
    const { sort, prefix, label, owner, after, limit } = checkIndexQuery(query)
    const all = sortedBy(own, sort)
    const found: SessionIndexEntry[] = []
    const start = after === undefined ? 0 : indexAfter(all, sort, { at: after.at ?? 0, sessionKey: after.sessionKey })
    for (let index = start; index < all.length && found.length < limit; index++) {
      const entry = all[index] as EncodedIndexEntry
      if (label !== undefined && entry.label !== label) continue
      if (owner !== undefined && entry.owner !== owner) continue
      if (entry.sessionKey.startsWith(prefix)) found.push(decoded(entry))
    }
    return found
  }

  async status(tenant: TenantId): Promise<SessionIndexStatus> {
    return this.#of(tenant).isComplete ? { isComplete: true } : { isComplete: false, reason: this.#reason }
  }

  async complete(tenant: TenantId): Promise<void> {
    this.#of(tenant).isComplete = true
  }

  async clear(tenant: TenantId): Promise<void> {
    this.#of(tenant)
    this.#tenants.delete(tenant)
  }

  /** Later calls reject `store-stopped`. */
  stop(): void {
    this.#isStopped = true
    this.#tenants.clear()
  }

  #of(tenant: TenantId): TenantEntries {
    if (this.#isStopped) throw new BeamClawError('store-stopped', 'The call came too late: the store was stopped')
    checkIndexTenant(tenant)
    const known = this.#tenants.get(tenant)
    if (known !== undefined) return known
    const fresh: TenantEntries = { byKey: new Map(), sorted: new Map(), isComplete: false }
    this.#tenants.set(tenant, fresh)
    return fresh
  }
}

function sortedBy({ byKey, sorted }: TenantEntries, sort: SessionIndexSort): readonly EncodedIndexEntry[] {
  const known = sorted.get(sort)
  if (known !== undefined) return known
  const entries = [...byKey.values()].sort((a, b) => compareIndexPlaces(sort, placeOf(a, sort), placeOf(b, sort)))
  sorted.set(sort, entries)
  return entries
}

/** Returns the index of the first entry behind the place. */
function indexAfter(
  entries: readonly EncodedIndexEntry[],
  sort: SessionIndexSort,
  place: { readonly sessionKey: string; readonly at: number },
): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareIndexPlaces(sort, placeOf(entries[middle] as EncodedIndexEntry, sort), place) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

function placeOf(entry: EncodedIndexEntry, sort: SessionIndexSort): { readonly sessionKey: string; readonly at: number } {
  return { sessionKey: entry.sessionKey, at: sort === 'key' ? 0 : entry[sort] }
}

function decoded({ json }: EncodedIndexEntry): SessionIndexEntry {
  return JSON.parse(json) as SessionIndexEntry
}
