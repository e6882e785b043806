import { clusterContract, storeContract, storeKey } from '@beamclaw/testkit'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { quick } from './testing/cluster-nodes.ts'
import { RedisClusterServers } from './testing/failover-servers.ts'
import { noRedis } from './testing/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`over a Redis Cluster${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let servers: RedisClusterServers
  let count = 0
  beforeAll(async () => {
    servers = await RedisClusterServers.start('{beamclaw}')
  }, 30_000)
  afterAll(() => servers.dispose())

  test('an address of one of its servers is refused, with the address that it needs', async () => {
    const store = new RedisStore({ url: servers.primary.url })
    await expect(store.get(storeKey('a'))).rejects.toThrow('redis+cluster://')
    await store.stop()
  })

  const makeStore = () => {
    const prefix = `store${++count}`
    const made = [new RedisStore({ url: servers.url, prefix })]
    return {
      store: made[0] as RedisStore,
      async reopen() {
        const store = new RedisStore({ url: servers.url, prefix })
        made.push(store)
        return store
      },
      async dispose() {
        for (const store of made) await store.stop()
      },
    }
  }
  storeContract('RedisStore', makeStore, { describe, it, deadlineMs: 25_000 })

  const makeCluster = async () => {
    const prefix = `cluster${++count}`
    const made: RedisCluster[] = []
    const make = async (nodeId: string): Promise<RedisCluster> => {
      const cluster = new RedisCluster({ url: servers.url, prefix, nodeId, ...quick, ttlMs: 3_000, deadlineMs: 2_000 })
      made.push(cluster)
      return cluster
    }
    let nodes = 0
    return {
      cluster: await make('node-a'),
      join: () => make(`node-${++nodes}`),
      withinMs: 10_000,
      async dispose() {
        await Promise.all(made.map((cluster) => cluster.stop()))
      },
    }
  }
  const reason = 'the same as over a single server: no other keys and scripts'
  const skip = { restart: reason, death: reason, isolation: reason }
  clusterContract('RedisCluster', makeCluster, { describe, it, deadlineMs: 25_000, skip })
})
