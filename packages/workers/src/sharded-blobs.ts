/** The attachments of all shards: each is in the shard of its owner. */
import type { BlobId, BlobInfo, BlobStore, Store, StoredBlob, StoreKey } from '@beamclaw/core'
import { checkBlobId, checkStoreKey } from '@beamclaw/core/adapter'
import { shardOfKey } from './shards.ts'
import { wholeBlob } from './whole-blob.ts'

export class ShardedBlobs implements BlobStore {
  readonly #at: (shard: number) => Store

  /** `at` returns the store of a shard. Throws `store-stopped`. */
  constructor(at: (shard: number) => Store) {
    this.#at = at
  }

  async put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    return await this.#of(owner).put(owner, bytes)
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    return await this.#of(owner).read(owner, id)
  }

  async list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    return await this.#of(owner).list(owner)
  }

  async share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    const [source, target] = [this.#of(from), this.#of(to)]
    if (shardOfKey(from) === shardOfKey(to)) return await source.share(from, to, ids)
    for (const id of ids) checkBlobId(id)
    const there = new Set((await target.list(to)).map(({ id }) => id))
    const shared: BlobId[] = []
    // Two shards share no file: the bytes are copied, one attachment after the other.
    for (const id of new Set(ids)) {
      if (!there.has(id)) {
        const blob = await source.read(from, id)
        if (blob === undefined) continue
        await target.put(to, await wholeBlob(blob.bytes))
      }
      shared.push(id)
    }
    return shared
  }

  async deleteAll(owner: StoreKey): Promise<void> {
    await this.#of(owner).deleteAll(owner)
  }

  #of(owner: StoreKey): BlobStore {
    checkStoreKey(owner, 1)
    return this.#at(shardOfKey(owner)).blobs
  }
}
