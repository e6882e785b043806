import { clusterContract } from '@beamclaw/testkit'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { RedisCluster } from './redis-cluster.ts'
import { quick } from './testing/cluster-nodes.ts'
import { RedisProxy } from './testing/redis-proxy.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`over a real server${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let clusters = 0
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.dispose())

  const makeCluster = async () => {
    // A busy machine answers late.
    const options = { prefix: `cluster${++clusters}`, ...quick, deadlineMs: 1_000 }
    // Each node has a way of its own to the server: a process that crashes loses all its connections at once.
    const ways = new Map<string, RedisProxy>()
    const made: RedisCluster[] = []
    const open = async (nodeId: string): Promise<void> => {
      ways.set(nodeId, await RedisProxy.start(server.folder, server.socket, `${clusters}-${nodeId}`))
    }
    const close = async (nodeId: string): Promise<void> => {
      await ways.get(nodeId)?.stop()
      ways.delete(nodeId)
    }
    const make = async (nodeId: string): Promise<RedisCluster> => {
      await open(nodeId)
      const cluster = new RedisCluster({ url: ways.get(nodeId)?.url as string, nodeId, ...options })
      made.push(cluster)
      return cluster
    }
    let nodes = 0
    return {
      cluster: await make('node-a'),
      async restart() {
        await close('node-a')
        const restarted = new RedisCluster({ url: server.url, nodeId: 'node-a', ...options })
        made.push(restarted)
        return restarted
      },
      join: () => make(`node-${++nodes}`),
      kill: close,
      async isolate(nodeId: string) {
        ways.get(nodeId)?.unplug()
        return async () => ways.get(nodeId)?.plug()
      },
      withinMs: 10_000,
      async dispose() {
        await Promise.all(made.map((cluster) => cluster.stop()))
        await Promise.all([...ways.keys()].map(close))
      },
    }
  }

  clusterContract('RedisCluster', makeCluster, { describe, it, deadlineMs: 25_000 })
})
