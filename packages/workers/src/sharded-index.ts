/** The index of all shards as one: each session has its entry in the shard of its journal. */
import type { SessionIndex, SessionIndexEntry, SessionIndexQuery, SessionIndexStatus, SessionKey, Store, TenantId } from '@beamclaw/core'
import { checkIndexKeys, checkIndexQuery, checkIndexTenant, compareIndexPlaces, encodeIndexEntries } from '@beamclaw/core/adapter'
import { allShards, shardOfSession } from './shards.ts'

export interface ShardedIndexOptions {
  readonly maxBytes: number
  /** Returns the store of a shard. Throws `store-stopped`. */
  readonly at: (shard: number) => Store
}

export class ShardedIndex implements SessionIndex {
  readonly #options: ShardedIndexOptions

  constructor(options: ShardedIndexOptions) {
    this.#options = options
  }

  async put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void> {
    checkIndexTenant(tenant)
    // Of a list with a bad entry nothing is written, in no shard.
    const copies = encodeIndexEntries(entries, this.#options.maxBytes).map(({ json }) => JSON.parse(json) as SessionIndexEntry)
    await this.#inShards(
      tenant,
      copies,
      ({ sessionKey }) => sessionKey,
      (index, some) => index.put(tenant, some),
    )
  }

  async delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void> {
    checkIndexTenant(tenant)
    await this.#inShards(
      tenant,
      checkIndexKeys(keys),
      (key) => key,
      (index, some) => index.delete(tenant, some),
    )
  }

  async get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]> {
    checkIndexTenant(tenant)
    return (
      await this.#inShards(
        tenant,
        checkIndexKeys(keys),
        (key) => key,
        (index, some) => index.get(tenant, some),
      )
    ).flat()
  }

  async page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]> {
    checkIndexTenant(tenant)
    const checked = checkIndexQuery(query)
    const { sort, limit } = checked
    const pages = await this.#inAll((index) => index.page(tenant, checked))
    const placeOf = (entry: SessionIndexEntry): { readonly sessionKey: string; readonly at: number } => ({
      sessionKey: entry.sessionKey,
      at: sort === 'key' ? 0 : (entry[sort] ?? 0),
    })
    return pages
      .flat()
      .sort((a, b) => compareIndexPlaces(sort, placeOf(a), placeOf(b)))
      .slice(0, limit)
  }

  async status(tenant: TenantId): Promise<SessionIndexStatus> {
    checkIndexTenant(tenant)
    const all = await this.#inAll((index) => index.status(tenant))
    return all.find(({ isComplete }) => !isComplete) ?? { isComplete: true }
  }

  async complete(tenant: TenantId): Promise<void> {
    checkIndexTenant(tenant)
    await this.#inAll((index) => index.complete(tenant))
  }

  async clear(tenant: TenantId): Promise<void> {
    checkIndexTenant(tenant)
    await this.#inAll((index) => index.clear(tenant))
  }

  async #inAll<T>(work: (index: SessionIndex) => Promise<T>): Promise<T[]> {
    return await Promise.all(allShards.map((shard) => work(this.#options.at(shard).index)))
  }

  /** Does the work in each shard that has some of the items. */
  async #inShards<T, R>(
    tenant: TenantId,
    items: readonly T[],
    keyOf: (item: T) => SessionKey,
    work: (index: SessionIndex, items: readonly T[]) => Promise<R>,
  ): Promise<R[]> {
    const groups = new Map<number, T[]>()
    for (const item of items) {
      const shard = shardOfSession(tenant, keyOf(item))
      groups.set(shard, [...(groups.get(shard) ?? []), item])
    }
    // A stopped store refuses an empty list, too.
    if (groups.size === 0) void this.#options.at(0)
    return await Promise.all([...groups].map(([shard, some]) => work(this.#options.at(shard).index, some)))
  }
}
