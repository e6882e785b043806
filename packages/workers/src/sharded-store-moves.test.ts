import { MemoryStore, type NodeRef, type StoreKey } from '@beamclaw/core'
import { expectRejection, fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { Hub } from './hub.ts'
import { ShardedStore } from './sharded-store.ts'
import { allShards, markedName, shardOfKey, shardOfLease } from './shards.ts'
import { startWorkers, type TestWorker } from './testing/workers.ts'

let workers: readonly TestWorker[] = []
afterEach(() => {
  for (const { kill } of workers) kill()
})

/** Two workers, and a store for each, over shards whose data outlives them. */
async function pair() {
  const disks = allShards.map(() => new MemoryStore())
  workers = startWorkers(new Hub(), 'one', 'two')
  const stores = workers.map(
    ({ cluster }) => new ShardedStore({ network: cluster.shards, openShard: (shard) => disks[shard] as MemoryStore, waitMs: 5_000 }),
  )
  await Promise.all(workers.map(({ cluster }) => cluster.locate('any')))
  return { one: stores[0] as ShardedStore, two: stores[1] as ShardedStore, network: (workers[0] as TestWorker).cluster.shards }
}

/** Returns a document of a shard of this worker. */
function keyAt(owner: (shard: number) => NodeRef | undefined, id: string): StoreKey {
  for (let index = 0; ; index++) {
    const key = storeKey('notes', `n${index}`)
    if (owner(shardOfKey(key))?.id === id) return key
  }
}

describe('a shard whose worker has died', () => {
  test('is served by the other one, and a call waits for it', async () => {
    const { one, two, network } = await pair()
    const key = keyAt(network.ownerOf, 'two')
    await two.put(key, 'kept')
    workers[1]?.kill()
    expect((await one.get(key))?.value).toBe('kept')
    expect(await one.put(key, 'changed', { expectedVersion: 1 })).toBe(2)
  })

  test('breaks the handles that it held for others with an error that can be tried again', async () => {
    const { one, network } = await pair()
    const key = keyAt(network.ownerOf, 'two')
    const log = await one.openLog(key, fencingToken())
    await log.append(logRecords(1))
    workers[1]?.kill()
    const error = await expectRejection(log.append(logRecords(2)), 'store-io')
    expect(error.isRetryable).toBe(true)
    await expectRejection(log.append(logRecords(2)), 'store-io')
    await log.close()
    const again = await one.openLog(key, fencingToken())
    await again.append(logRecords(2))
    expect((await again.read()).records).toHaveLength(2)
  })

  test('calls that are forged are refused, and the worker serves on', async () => {
    const { one, network } = await pair()
    const [, two] = workers as readonly [TestWorker, TestWorker]
    const forged = [
      null,
      1,
      {},
      { type: 'worker.store', shard: 0, method: 'constructor', args: [] },
      { type: 'worker.store', shard: 'x', method: 'get', args: [] },
    ]
    for (const body of forged) await expectRejection(network.ask(two.cluster.self, body, 5_000), 'unknown-message')
    for (const shard of [-1, 16, 1e9])
      await expectRejection(network.ask(two.cluster.self, { type: 'worker.store', shard, method: 'get', args: [] }, 5_000), 'moved')
    const handles = {
      type: 'worker.store',
      shard: allShards.find((shard) => network.ownerOf(shard)?.id === 'two') ?? 0,
      method: 'log.close',
      args: [1],
    }
    const key = keyAt(network.ownerOf, 'two')
    await two.cluster.locate('any')
    const log = await one.openLog(key, fencingToken())
    // A handle belongs to the worker that opened it.
    await expectRejection(two.cluster.shards.ask(two.cluster.self, handles, 5_000), 'store-stopped')
    await log.append(logRecords(1))
  })
})

describe('the places of keys', () => {
  test('never change: what is stored would be hidden', () => {
    expect(['a', 'b', 'c', 'd'].map((name) => shardOfKey(storeKey('sessions', 'main', name)))).toMatchInlineSnapshot(`
      [
        7,
        14,
        2,
        11,
      ]
    `)
    expect(['a', 'b', 'c', 'd'].map((name) => shardOfKey(storeKey('grants', name)))).toMatchInlineSnapshot(`
      [
        3,
        7,
        5,
        12,
      ]
    `)
  })

  test('a session, what is below it, and its lease are in one shard', () => {
    for (let index = 0; index < 200; index++) {
      const shard = shardOfKey(storeKey('sessions', 'main', `chat:${index}`))
      expect(shardOfKey(storeKey('sessions', 'main', `chat:${index}`, 'settings'))).toBe(shard)
      expect(shardOfLease(`default:agent:main:chat:${index}`)).toBe(shard)
    }
  })

  test('a list of busy sessions is in the shard that its worker names', () => {
    for (const shard of allShards) {
      expect(shardOfKey(storeKey('work', markedName('worker-1-ab', shard)))).toBe(shard)
      expect(shardOfKey(storeKey('work', `${markedName('worker-1-ab', shard)}.2`))).toBe(shard)
    }
    expect(shardOfKey(storeKey('work', 'x-s16'))).toBeLessThan(16)
  })
})
