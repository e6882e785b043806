import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { inspectRedis } from './inspect-redis.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { HeardHost } from './testing/cluster-nodes.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`a look at a real server${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterEach(async () => {
    await server.send('FLUSHALL')
  })
  afterAll(() => server.dispose())

  test('leaves an empty server empty', async () => {
    expect(await inspectRedis({ url: server.url })).toEqual({
      isReached: true,
      where: server.url,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      evictionPolicy: 'noeviction',
      hasAppendOnlyFile: true,
      appendFsync: 'always',
      storeId: undefined,
      refusal: undefined,
      risks: [],
      nodes: [],
    })
    expect(await server.send('DBSIZE')).toBe(0)
  })

  test('names the store and the live nodes, and disturbs neither', async () => {
    await using store = new RedisStore({ url: server.url })
    const storeId = await store.id()
    const nodes = await Promise.all(
      ['node-b', 'node-a'].map(async (nodeId) => {
        const cluster = new RedisCluster({ url: server.url, nodeId })
        await cluster.join(new HeardHost())
        return cluster
      }),
    )
    await nodes[0]?.announce({ state: 'draining' })
    const before = await server.send('DBSIZE')
    expect(await inspectRedis({ url: server.url, storeId })).toMatchObject({
      storeId,
      refusal: undefined,
      nodes: [
        { id: 'node-a', state: 'up' },
        { id: 'node-b', state: 'draining' },
      ],
    })
    expect(await server.send('DBSIZE')).toBe(before)
    for (const node of nodes) await node.stop()
    expect(await inspectRedis({ url: server.url })).toMatchObject({ storeId, nodes: [] })
  })

  test('says what a store would refuse', async () => {
    const refusalNow = async (storeId?: string) => {
      const found = await inspectRedis({ url: server.url, ...(storeId === undefined ? {} : { storeId }) })
      return found.isReached ? found.refusal : undefined
    }
    expect(await refusalNow('another')).toMatchObject({ code: 'store-replaced', message: expect.stringContaining('Redis is empty') })
    await server.send('SET', 'beamclaw:store', 'mine')
    expect(await refusalNow()).toMatchObject({ code: 'store-io', details: { check: 'prefix' } })
    await server.send('DEL', 'beamclaw:store')
    await server.send('HSET', 'beamclaw:store', 'color', 'red')
    expect(await refusalNow()).toMatchObject({ code: 'store-io', details: { check: 'prefix' } })
    await server.send('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    try {
      expect(await refusalNow()).toMatchObject({ code: 'store-io', details: { check: 'maxmemory-policy' } })
    } finally {
      await server.send('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    }
  })

  test('says what may be lost', async () => {
    await server.send('CONFIG', 'SET', 'appendfsync', 'everysec')
    try {
      const found = await inspectRedis({ url: server.url })
      expect(found).toMatchObject({ appendFsync: 'everysec', risks: [expect.stringContaining('CONFIG SET appendfsync always')] })
    } finally {
      await server.send('CONFIG', 'SET', 'appendfsync', 'always')
    }
  })

  test('tells a refused login from a server that is away', async () => {
    await server.send('CONFIG', 'SET', 'requirepass', 'open sesame')
    try {
      const found = await inspectRedis({ url: server.url })
      expect(found).toMatchObject({ isReached: false, mayComeBack: false, error: { code: 'store-io' } })
      expect(await inspectRedis({ url: server.url, password: 'open sesame' })).toMatchObject({ isReached: true })
    } finally {
      await server.run(async (send) => {
        await send('AUTH', 'open sesame')
        await send('CONFIG', 'SET', 'requirepass', '')
      })
    }
  })
})

describe('a look at what is no server of Redis', () => {
  let server: Server
  let port = 0
  const listen = async (onConnection: 'closes' | 'says nothing'): Promise<void> => {
    server = createServer((socket) => {
      socket.on('error', () => undefined)
      if (onConnection === 'closes') socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }
  afterEach(() => void server?.close())

  test('reports the first failure, without a wait for the deadline', async () => {
    const found = await inspectRedis({ url: 'unix:///nonexistent/redis.sock', deadlineMs: 600_000 })
    expect(found).toMatchObject({ isReached: false, mayComeBack: true, error: { code: 'store-io', details: { isSent: false } } })
  })

  test('suspects TLS on the other side alone', async () => {
    await listen('closes')
    const closed = await inspectRedis({ url: `redis://127.0.0.1:${port}` })
    expect(closed).toMatchObject({ isReached: false, error: { message: expect.stringContaining('begins with rediss') } })
  })

  test('suspects TLS on this side alone', async () => {
    await listen('says nothing')
    const silent = await inspectRedis({ url: `rediss://127.0.0.1:${port}`, deadlineMs: 300 })
    expect(silent).toMatchObject({
      isReached: false,
      error: { message: expect.stringContaining('without TLS, the address begins with redis, not rediss') },
    })
  })

  test('refuses options as the store does', async () => {
    await expect(inspectRedis({})).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(inspectRedis({ url: 'nonsense' })).rejects.toMatchObject({ code: 'invalid-option' })
  })
})
