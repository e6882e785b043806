/** A node whose store is not that of the cluster would find its own conversations alone: it does not start. */
import { BeamClaw, defineAgent, MemoryStore, type Store, silentLogger } from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { ScriptedProvider, textAnswer } from '@beamclaw/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { rejectionOf } from './testing/rejection.ts'

describe.skipIf(noRedis !== undefined)(`the store of a cluster${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let elsewhere: RedisServer
  beforeAll(async () => {
    ;[server, elsewhere] = await Promise.all([RedisServer.start(), RedisServer.start()])
  })
  afterAll(() => Promise.all([server.dispose(), elsewhere.dispose()]))

  const start = (store: Store, prefix: string, logger = silentLogger) =>
    new BeamClaw({
      providers: { test: new ScriptedProvider({ answers: () => textAnswer('heard') }) },
      agents: [defineAgent({ id: 'main', model: 'test/model' })],
      services: { logger },
      store,
      cluster: new RedisCluster({ url: server.url, prefix, nodeId: 'one' }),
    }).start()

  test.each<[what: string, store: () => Store]>([
    ['another prefix', () => new RedisStore({ url: server.url, prefix: 'other' })],
    ['another Redis', () => new RedisStore({ url: elsewhere.url, prefix: 'mine' })],
    ['another prefix, behind a wrapper', () => wrapStore(new RedisStore({ url: server.url, prefix: 'other' }), {})],
  ])('is refused under %s, and says which option it is about', async (_, makeStore) => {
    const store = makeStore()
    const error = await rejectionOf(start(store, 'mine'))
    expect([error?.code, error?.details.option, error?.message]).toEqual([
      'invalid-option',
      'store',
      'RedisCluster: The store of this node is not the RedisStore in the same Redis and under the same "prefix"; give both the same options',
    ])
    await store.stop()
  })

  test.each<[what: string, store: () => Store, warnings: number]>([
    ['the same', () => new RedisStore({ url: server.url, prefix: 'mine' }), 0],
    ['one of the host, of which nothing is known', () => new MemoryStore(), 1],
  ])('is taken when it is %s', async (_, makeStore, warnings) => {
    const said: string[] = []
    await using claw = await start(makeStore(), 'mine', { log: (_level, event) => void said.push(event) })
    expect(said.filter((event) => event === 'cluster.store-unknown').length).toBe(warnings)
    expect(claw.cluster.nodes.map(({ id }) => id)).toEqual(['one'])
    expect((await claw.session('agent:main:chat').send('hello').result()).text).toBe('heard')
  })
})
