/** Which worker has which shard of the data directory. */
import type { NodeRef } from '@beamclaw/core'
import { allShards } from './shards.ts'

/** Called with the owners of all shards, before any worker is told. Throws when they could not be kept, as on a full disk. */
export type KeepOwners = (owners: readonly (NodeRef | null)[]) => void

/**
 * Owns the map of shards. I1: a map is kept before it is told, unless the disk refuses it: the locks of the shards decide, and what is kept is for people. I2: a shard leaves a worker only when the process of that worker has ended, because the lock of
 * its directory goes with the process, or when it says itself that it has given the shard away.
 */
export class ShardTable {
  #owners: readonly (NodeRef | null)[] = allShards.map(() => null)
  readonly #keep: KeepOwners
  readonly #onNotKept: (error: unknown) => void

  constructor(keep: KeepOwners = () => {}, onNotKept: (error: unknown) => void = () => {}) {
    this.#keep = keep
    this.#onNotKept = onNotKept
  }

  get owners(): readonly (NodeRef | null)[] {
    return this.#owners
  }

  ownerOf(shard: number): NodeRef | undefined {
    return this.#owners[shard] ?? undefined
  }

  /** Gives the shards without an owner, and those of `ended`, to the workers that have the fewest; without workers they have no owner. */
  deal(workers: readonly NodeRef[], ended?: NodeRef): void {
    const left = this.#owners.map((owner) => (owner?.incarnation === ended?.incarnation ? null : owner))
    const counts = new Map(workers.map(({ incarnation }) => [incarnation, 0]))
    for (const owner of left) {
      const count = owner === null ? undefined : counts.get(owner.incarnation)
      if (owner !== null && count !== undefined) counts.set(owner.incarnation, count + 1)
    }
    const next = left.map((owner) => {
      if (owner !== null) return owner
      const [fewest] = [...workers].sort((a, b) => (counts.get(a.incarnation) ?? 0) - (counts.get(b.incarnation) ?? 0))
      if (fewest === undefined) return null
      counts.set(fewest.incarnation, (counts.get(fewest.incarnation) ?? 0) + 1)
      return { id: fewest.id, incarnation: fewest.incarnation }
    })
    this.#set(next)
  }

  /** Gives one shard to a worker. */
  give(shard: number, { id, incarnation }: NodeRef): void {
    this.#set(this.#owners.map((owner, index) => (index === shard ? { id, incarnation } : owner)))
  }

  #set(next: readonly (NodeRef | null)[]): void {
    if (next.every((owner, shard) => owner?.incarnation === this.#owners[shard]?.incarnation)) return
    this.#owners = next
    try {
      this.#keep(next)
    } catch (error) {
      this.#onNotKept(error)
    }
  }
}
