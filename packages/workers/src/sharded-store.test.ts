import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { storeContract } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { Hub } from './hub.ts'
import { ShardedStore } from './sharded-store.ts'
import { folderOfShard, shardOfKey } from './shards.ts'
import { startWorkers, type TestWorker } from './testing/workers.ts'

/** A store of the first of `ids`, over shards that all of them share. */
function makeStore(...ids: string[]) {
  return async () => {
    const path = await mkdtemp(join(tmpdir(), 'beamclaw-shards-'))
    const folder = (shard: number): string => join(path, folderOfShard(shard))
    let workers: readonly TestWorker[] = []
    let stores: readonly ShardedStore[] = []
    const close = async (): Promise<void> => {
      for (const store of stores) await store.stop()
      for (const { kill } of workers) kill()
    }
    const open = async (): Promise<ShardedStore> => {
      await close()
      workers = startWorkers(new Hub(), ...ids)
      stores = workers.map(
        ({ cluster }) =>
          new ShardedStore({ network: cluster.shards, openShard: (shard) => new FsStore({ path: folder(shard), sync: 'os' }) }),
      )
      // A node has its map of shards before it uses its store: it joins first.
      await Promise.all(workers.map(({ cluster }) => cluster.locate('any')))
      return stores[0] as ShardedStore
    }
    return {
      store: await open(),
      reopen: open,
      async damageBlob(owner: StoreKey, id: string) {
        const file = join(folder(shardOfKey(owner)), `${join(...owner)}.blobs`, id)
        const bytes = await readFile(file)
        bytes[0] = (bytes[0] ?? 0) ^ 1
        await writeFile(file, bytes)
      },
      async dispose() {
        await close()
        await rm(path, { recursive: true, force: true })
      },
    }
  }
}

storeContract('ShardedStore with all shards', makeStore('worker-1'), { describe, it, deadlineMs: 25_000 })
storeContract('ShardedStore with half of the shards', makeStore('worker-1', 'worker-2'), { describe, it, deadlineMs: 25_000 })
