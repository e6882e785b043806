import { createClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { clusterNames } from './cluster-names.ts'
import { enterScript } from './cluster-scripts.ts'
import { RedisCluster } from './redis-cluster.ts'
import { HeardHost, TestNodes, until } from './testing/cluster-nodes.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf } from './testing/rejection.ts'

describe.skipIf(noRedis !== undefined)(`a node that is not let in${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let nodes: TestNodes
  let prefixes = 0
  let prefix = ''
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  beforeEach(() => {
    prefix = `lives${++prefixes}`
    nodes = new TestNodes(server.url, prefix)
  })
  afterEach(() => nodes.stop())
  afterAll(() => server.dispose())

  test('a node that is stopped while it joins leaves no member behind', async () => {
    const client = createClient({ socket: { path: server.socket, tls: false } })
    client.on('error', () => undefined)
    onTestFinished(() => client.destroy())
    const cluster = new RedisCluster({ client, prefix, nodeId: 'a' })
    let stopping: Promise<void> | undefined
    const send = client.sendCommand.bind(client)
    // The server lists the node, which hears of it after its stop has begun.
    client.sendCommand = ((words, options) => {
      if (words[1] === enterScript.sha || words[1] === enterScript.source) stopping = cluster.stop()
      return send(words, options)
    }) as typeof send
    expect(await outcomeOf(cluster.join(new HeardHost()))).toBe('store-stopped')
    expect(stopping).toBeDefined()
    await stopping
    const { nodes: listed, members } = clusterNames(prefix)
    expect([await server.send('ZCARD', listed), await server.send('HLEN', members)]).toEqual([0, 0])
  })

  test('a node whose id is taken hears its channel no longer', async () => {
    // The first one does not die of a busy machine.
    const times = { ttlMs: 60_000, deadlineMs: 10_000 }
    const a = await nodes.join('same', times)
    const other = nodes.make('same', times)
    expect(await outcomeOf(other.join(new HeardHost()))).toBe('node-id-taken')
    const { channel, channels } = clusterNames(prefix)
    const heard = async (): Promise<unknown> => await server.send('PUBSUB', 'CHANNELS', `${channels}*`)
    await until('its channel is closed', async () => String(await heard()) === channel(a.cluster.self.incarnation))
  })
})
