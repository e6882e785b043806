import { BeamClawError, type JsonValue, parseNodeId } from '@beamclaw/core'
import { createClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { clusterNames } from './cluster-names.ts'
import { maxEnvelopeBytes } from './envelope.ts'
import { encodeMember } from './member-record.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { mostRequests } from './requests.ts'
import { allSee, HeardHost, quick, type TestNode, TestNodes, until } from './testing/cluster-nodes.ts'
import { RedisProxy } from './testing/redis-proxy.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf, rejectionOf } from './testing/rejection.ts'
import { ToldLogger } from './testing/told-logger.ts'

const timeoutMs = 20_000

describe.skipIf(noRedis !== undefined)(`messages between nodes${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let proxy: RedisProxy
  let nodes: TestNodes
  let logger: ToldLogger
  let prefixes = 0
  let prefix = ''
  let a: TestNode
  let b: TestNode
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  beforeEach(async () => {
    prefix = `messages${++prefixes}`
    proxy = await RedisProxy.start(server.folder, server.socket)
    nodes = new TestNodes(server.url, prefix)
    logger = new ToldLogger()
    // A busy machine must not look like a connection that has gone silent, for what is on its way would be lost.
    const calm = { deadlineMs: 5_000, ttlMs: 30_000 }
    ;[a, b] = [await nodes.join('a', calm), await nodes.join('b', { ...calm, logger })]
    await allSee(a, b)
  })
  afterEach(async () => {
    await nodes.stop()
    await proxy.stop()
  })
  afterAll(() => server.dispose())

  const ask = (body: JsonValue, ms = timeoutMs): Promise<JsonValue> => a.cluster.request(b.cluster.self, body, { timeoutMs: ms })
  const publish = (text: string): Promise<unknown> => server.send('PUBLISH', clusterNames(prefix).channel(b.cluster.self.incarnation), text)
  const envelope = (from: string, ...items: readonly unknown[]): string => JSON.stringify({ v: 1, f: from, m: items })
  const forgedTell = { k: 'tell', b: 'forged' }

  test('an answer and an error travel, of others and of the node itself', async () => {
    const body = JSON.parse('{"__proto__":1,"text":"\\ud800 \\u0000 é","list":[null,1.5e300]}') as JsonValue
    for (const { cluster, host } of [a, b]) {
      host.answer = async (asked) => ({ echo: asked })
      expect(JSON.stringify(await a.cluster.request(cluster.self, body, { timeoutMs }))).toBe(JSON.stringify({ echo: body }))
      expect(host.asked.at(-1)?.from).toEqual(a.cluster.self)
      host.answer = async () => {
        throw new BeamClawError('moved', 'Elsewhere', { retryAfterMs: 7, details: { owner: { id: 'c', incarnation: 'i' } } })
      }
      const error = await rejectionOf(a.cluster.request(cluster.self, body, { timeoutMs }))
      const { code, message, isRetryable, retryAfterMs, details } = error as BeamClawError
      const owner = { id: 'c', incarnation: 'i' }
      expect({ code, message, isRetryable, retryAfterMs, details }).toEqual({
        code: 'moved',
        message: 'Elsewhere',
        isRetryable: true,
        retryAfterMs: 7,
        details: { owner },
      })
      host.answer = () => Promise.reject(new Error('a secret'))
      expect((await rejectionOf(a.cluster.request(cluster.self, body, { timeoutMs })))?.message).not.toContain('secret')
      host.answer = async () => (() => 1) as never
      expect(await outcomeOf(a.cluster.request(cluster.self, body, { timeoutMs }))).toBe('invalid-message')
    }
  })

  test('thousands of requests at once get their own answers, and there is a limit', async () => {
    const gate = Promise.withResolvers<void>()
    b.host.answer = async (body) => {
      await gate.promise
      return body
    }
    const all = Array.from({ length: mostRequests }, (_, index) => ask(index))
    expect(await outcomeOf(ask('one more'))).toBe('overloaded')
    gate.resolve()
    expect(await Promise.all(all)).toEqual(all.map((_, index) => index))
    expect(await ask('again')).toBe('again')
  })

  test('large bodies arrive, and what no envelope can hold is refused by its sender', async () => {
    b.host.answer = async (body) => (body as string).length
    expect(await Promise.all(Array.from({ length: 8 }, () => ask('x'.repeat(1024 * 1024))))).toEqual(new Array(8).fill(1024 * 1024))
    // In bytes: more than the server buffers for a subscription.
    expect(await ask('é'.repeat(16 * 1024 * 1024 - 1_000))).toBe(16 * 1024 * 1024 - 1_000)
    expect(await ask('x'.repeat(maxEnvelopeBytes - 1_000))).toBe(maxEnvelopeBytes - 1_000)
    expect(await outcomeOf(ask('x'.repeat(maxEnvelopeBytes)))).toBe('document-too-large')
    b.host.answer = async () => 'x'.repeat(maxEnvelopeBytes)
    expect(await outcomeOf(ask(1))).toBe('document-too-large')
    expect(await outcomeOf(ask(undefined as never))).toBe('invalid-message')
    a.cluster.tell(b.cluster.self, 'x'.repeat(maxEnvelopeBytes))
    a.cluster.tell(b.cluster.self, (() => 1) as never)
    a.cluster.tell(b.cluster.self, 'short')
    await until('the short one is heard', () => b.host.tells.length > 0)
    expect(b.host.tells.map(({ body }) => body)).toEqual(['short'])
    expect(await server.send('KEYS', clusterNames(prefix).parcel('*'))).toEqual([])
  })

  test('large tells keep their place among the others', async () => {
    const sizes = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? 700_000 + index : index))
    for (const size of sizes) a.cluster.tell(b.cluster.self, 'x'.repeat(size))
    await until('all are heard', () => b.host.tells.length === sizes.length)
    expect(b.host.tells.map(({ body }) => (body as string).length)).toEqual(sizes)
  })

  test('a large message to a node that is not there is not kept', async () => {
    const gone = { id: 'x' as never, incarnation: 'never' }
    expect(await outcomeOf(a.cluster.request(gone, 'x'.repeat(1024 * 1024), { timeoutMs }))).toBe('node-gone')
    expect(await server.send('KEYS', clusterNames(prefix).parcel('*'))).toEqual([])
  })

  test('a request that is not answered ends at its deadline, and its late answer is ignored', async () => {
    const gate = Promise.withResolvers<void>()
    b.host.answer = async () => {
      await gate.promise
      return 'late'
    }
    expect(await outcomeOf(ask(1, 50))).toBe('call-timeout')
    gate.resolve()
    b.host.answer = async () => 'in time'
    expect(await ask(2)).toBe('in time')
  })

  test('a node that is not there is gone at once, and one that leaves ends what was asked of it', async () => {
    expect(await outcomeOf(a.cluster.request({ id: 'x' as never, incarnation: 'never' }, 1, { timeoutMs }))).toBe('node-gone')
    b.host.answer = () => new Promise(() => undefined)
    const waiting = outcomeOf(ask('endless', 60_000))
    await until('it is asked', () => b.host.asked.length > 0)
    const { self } = b.cluster
    await b.cluster.stop()
    expect(await waiting).toBe('node-gone')
    for (const { cluster } of [a, b]) expect(await outcomeOf(cluster.request(self, 1, { timeoutMs }))).toBe('node-gone')
  })

  test('a node that froze with its channel open is gone when its membership ends', async () => {
    const far = new TestNodes(proxy.url, prefix)
    const c = await far.join('c', { deadlineMs: 10_000 })
    await allSee(a, b, c)
    proxy.swallow('requests')
    expect(await outcomeOf(a.cluster.request(c.cluster.self, 1, { timeoutMs: 60_000 }))).toBe('node-gone')
    proxy.cut()
    await far.stop()
  })

  test('a node that is cut off ends what it asked: nothing is known of it', async () => {
    const far = new TestNodes(proxy.url, prefix)
    const c = await far.join('c', { deadlineMs: 10_000 })
    b.host.answer = () => new Promise(() => undefined)
    const waiting = outcomeOf(c.cluster.request(b.cluster.self, 1, { timeoutMs: 60_000 }))
    await until('it is asked', () => b.host.asked.length > 0)
    proxy.swallow('replies')
    expect(await waiting).toBe('call-timeout')
    proxy.cut()
    await far.stop()
  })

  test('tells keep their order, and those of one tick go in few messages', async () => {
    const publishes = async (): Promise<number> => {
      const stats = String(await server.send('INFO', 'commandstats'))
      return Number(/cmdstat_publish:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }
    const before = await publishes()
    for (let index = 0; index < 20_000; index++) a.cluster.tell(b.cluster.self, index)
    for (let index = 0; index < 3; index++) b.cluster.tell(b.cluster.self, `own ${index}`)
    await until('all are heard', () => b.host.tells.length === 20_003)
    const heard = b.host.tells.map(({ body }) => body)
    expect(heard.filter((body) => typeof body === 'number')).toEqual(Array.from({ length: 20_000 }, (_, index) => index))
    expect(heard.filter((body) => typeof body === 'string')).toEqual(['own 0', 'own 1', 'own 2'])
    expect(new Set(b.host.tells.map(({ from }) => from.id))).toEqual(new Set(['a', 'b']))
    expect((await publishes()) - before).toBeLessThan(50)
  })

  test('a node is heard as soon as it has joined, also by those that have not seen it yet', async () => {
    const slow = new TestNodes(server.url, `${prefix}slow`)
    const times = { heartbeatMs: 60_000, ttlMs: 600_000 }
    const first = await slow.join('first', times)
    for (let round = 0; round < 5; round++) {
      const late = await slow.join(`late${round}`, times)
      late.cluster.tell(first.cluster.self, round)
      expect(await late.cluster.request(first.cluster.self, round, { timeoutMs })).toEqual({ echo: round })
    }
    await until('all tells are heard', () => first.host.tells.length === 5)
    await slow.stop()
  })

  test('a message of a node that joined without a word of it is kept until it is on the list', async () => {
    const slow = new TestNodes(server.url, `${prefix}slow`)
    const { cluster, host } = await slow.join('first', { heartbeatMs: 60_000, ttlMs: 600_000 })
    const names = clusterNames(`${prefix}slow`)
    const record = {
      id: 'late',
      state: 'up',
      load: 0,
      wire: [1, 1],
      records: [1, 1],
      isMember: true,
      heartbeatMs: 1_000,
      ttlMs: 15_000,
    } as const
    await server.send('ZADD', names.nodes, '99999999999999', 'unseen')
    await server.send('HSET', names.members, 'unseen', encodeMember({ ...record, id: parseNodeId('late') }))
    const channel = names.channel(cluster.self.incarnation)
    for (const body of [1, 2, 3]) await server.send('PUBLISH', channel, envelope('unseen', { k: 'tell', b: body }))
    await until('all are heard', () => host.tells.length === 3)
    expect(host.tells).toEqual([1, 2, 3].map((body) => ({ body, from: { id: 'late', incarnation: 'unseen' } })))
    // No list is asked for in the meantime: the publish alone tells that nothing listens.
    const never = { id: parseNodeId('late'), incarnation: 'never' }
    expect(await outcomeOf(cluster.request(never, 1, { timeoutMs }))).toBe('node-gone')
    await slow.stop()
  })

  test('what is forged, malformed, too large or of a later version is dropped, and told once for each kind', async () => {
    const { incarnation } = a.cluster.self
    const malformed: string[] = ['', '{', 'null', '[]', '7', '{"v":1}', '{"v":"1"}', '{"__proto__":{"v":1}}', '['.repeat(100_000)]
    malformed.push(envelope('../..', forgedTell), envelope(incarnation, null), envelope(incarnation, { k: 'ask', b: 1 }))
    malformed.push(envelope(incarnation, { k: 'sing', i: '1', b: 1 }), envelope(incarnation, forgedTell, { k: 'tell' }))
    const names = clusterNames(prefix)
    await server.send('SET', names.parcel('nested'), JSON.stringify({ v: 1, f: incarnation, p: 'nested' }))
    await server.send('SET', names.parcel('other'), envelope(b.cluster.self.incarnation, forgedTell))
    await server.send('HSET', names.parcel('hash'), 'a', 'b')
    for (const parcel of ['none', 'nested', 'other', 'hash', '../x']) malformed.push(JSON.stringify({ v: 1, f: incarnation, p: parcel }))
    for (const text of malformed) await publish(text)
    for (let version = 2; version < 5; version++) await publish(JSON.stringify({ v: version, f: incarnation, m: [forgedTell], x: 1 }))
    for (let index = 0; index < 3; index++) await publish(envelope(`stranger${index}`, forgedTell, { k: 'ask', i: '1', b: 'forged' }))
    for (const kind of ['answer', 'error']) await publish(envelope(incarnation, { k: kind, i: 'zz', b: 'forged' }))
    await until('all kinds are told', () => logger.events.filter((event) => event === 'store-redis.message-dropped').length === 4)
    expect(await ask('still there')).toEqual({ echo: 'still there' })
    expect([b.host.tells, b.host.asked.length]).toEqual([[], 1])
    expect(logger.events.filter((event) => event === 'store-redis.message-dropped')).toHaveLength(4)
  })

  test('an answer counts only from the node that was asked', async () => {
    const c = await nodes.join('c')
    await allSee(a, b, c)
    const gate = Promise.withResolvers<void>()
    c.host.answer = async () => {
      await gate.promise
      return 'right'
    }
    const answer = b.cluster.request(c.cluster.self, 1, { timeoutMs })
    await until('it is asked', () => c.host.asked.length === 1)
    // The ids of requests are small numbers.
    for (let id = 0; id < 100; id++) await publish(envelope(a.cluster.self.incarnation, { k: 'answer', i: id.toString(36), b: 'forged' }))
    gate.resolve()
    expect(await answer).toBe('right')
  })

  test('a host that throws harms no message after it', async () => {
    b.host.onTell = () => {
      throw new Error('a mistake')
    }
    a.cluster.tell(b.cluster.self, 1)
    b.host.onRequest = () => {
      throw new Error('a mistake')
    }
    expect(await outcomeOf(ask(1))).toBe('internal')
    await until('it is told', () => logger.events.includes('store-redis.tell-failed'))
  })

  test('a store and a cluster share one client, which stays connected', async () => {
    const client = createClient({ socket: { path: server.socket, tls: false } })
    client.on('error', () => undefined)
    const store = new RedisStore({ client, prefix })
    const cluster = new RedisCluster({ client, prefix, nodeId: 'shared', ...quick })
    await cluster.join(new HeardHost())
    const key = ['default', 'log'] as never
    await (await store.openLog(key, (await cluster.acquire('log')).token)).append([])
    expect(await cluster.request(b.cluster.self, 'shared', { timeoutMs })).toEqual({ echo: 'shared' })
    await cluster.stop()
    await store.put(key, 1)
    await store.stop()
    expect(await client.sendCommand(['PING'])).toBe('PONG')
    await client.close()
  })
})
