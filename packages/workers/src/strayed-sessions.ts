/** Sessions that are in memory at another worker than that of their shard: they stay there until they leave memory. */
import type { KeyRegistry } from './key-registry.ts'
import type { ShardTable } from './shard-table.ts'
import { shardOfLease } from './shards.ts'

export class StrayedSessions {
  readonly #keys: KeyRegistry
  readonly #table: ShardTable
  #byShard = new Map<number, Set<string>>()

  constructor(keys: KeyRegistry, table: ShardTable) {
    this.#keys = keys
    this.#table = table
  }

  /** The shards that have some. */
  get shards(): readonly number[] {
    return [...this.#byShard.keys()]
  }

  /** Looks for them anew: the map has changed, or a worker has gone. */
  look(): void {
    this.#byShard = new Map()
    for (const key of this.#keys.held) {
      const shard = shardOfLease(key)
      if (shard === undefined || this.#keys.ownerOf(key)?.incarnation === this.#table.ownerOf(shard)?.incarnation) continue
      this.#byShard.set(shard, (this.#byShard.get(shard) ?? new Set()).add(key))
    }
  }

  /** Takes that a session was released. Returns true when its shard has none any more. */
  released(key: string): boolean {
    const shard = shardOfLease(key)
    const keys = shard === undefined ? undefined : this.#byShard.get(shard)
    if (shard === undefined || keys?.delete(key) !== true || keys.size > 0) return false
    return this.#byShard.delete(shard)
  }
}
