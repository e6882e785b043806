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
    const options = { prefix: `cluster${++clusters}`, ...quick }
    // A process that crashes loses its connections, all at once.
    const proxy = await RedisProxy.start(server.folder, server.socket)
    const cluster = new RedisCluster({ url: proxy.url, nodeId: 'node-a', ...options })
    const made = [cluster]
    let nodes = 0
    return {
      cluster,
      async restart() {
        await proxy.stop()
        const restarted = new RedisCluster({ url: server.url, nodeId: 'node-a', ...options })
        made.push(restarted)
        return restarted
      },
      async join() {
        const other = new RedisCluster({ url: server.url, nodeId: `node-${++nodes}`, ...options })
        made.push(other)
        return other
      },
      async dispose() {
        await Promise.all(made.map((one) => one.stop()))
        await proxy.stop().catch(() => undefined)
      },
    }
  }

  clusterContract('RedisCluster', makeCluster, { describe, it, deadlineMs: 25_000 })
})
