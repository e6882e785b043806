import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { AppendLog, BeamClawError, Store, StoreKey } from '@beamclaw/core'
import { fencingToken, logRecords, seqsOf, storeKey } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { inspectRedis } from './inspect-redis.ts'
import { keyNames } from './key-names.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { HeardHost } from './testing/cluster-nodes.ts'
import { RedisClusterServers, RedisSentinels } from './testing/failover-servers.ts'
import { noRedis, type RedisServer } from './testing/redis-server.ts'
import { ToldLogger } from './testing/told-logger.ts'

const title = noRedis === undefined ? '' : `: ${noRedis}`
const patience = { timeout: 20_000, interval: 20 }

/** Resolves once the replica has as many records of the log. */
async function replicated(replica: RedisServer, prefix: string, key: StoreKey, count: number): Promise<void> {
  const length = async (): Promise<unknown> =>
    replica.run(async (send) => {
      // A replica of a Redis Cluster sends readers away otherwise.
      await send('READONLY').catch(() => undefined)
      const names = keyNames(prefix, key)
      return await send('LLEN', names.list(String(await send('HGET', names.owner, 't'))))
    })
  await expect.poll(length, patience).toBe(count + 1)
}

/** Opens the log and appends one record, again after each failure; resolves with the log. */
async function appendThrough(store: Store, key: StoreKey, firstEpoch: number): Promise<AppendLog> {
  for (let epoch = firstEpoch; ; epoch++) {
    try {
      const log = await store.openLog(key, fencingToken(epoch))
      const seq = (await log.read()).records.at(-1)?.seq ?? 0
      await log.append(logRecords(seq + 1))
      return log
    } catch (error) {
      expect((error as BeamClawError).code).toBe('store-io')
    }
  }
}

interface Servers {
  readonly url: string
  readonly primary: RedisServer
  readonly replica: RedisServer
  dispose(): Promise<void>
}

describe.skipIf(noRedis !== undefined).each<{ name: string; keyPrefix: string; start: () => Promise<Servers> }>([
  { name: 'Sentinels', keyPrefix: 'beamclaw', start: () => RedisSentinels.start() },
  { name: 'a Redis Cluster', keyPrefix: '{beamclaw}', start: () => RedisClusterServers.start('{beamclaw}') },
])(`$name${title}`, ({ keyPrefix, start }) => {
  test('lead to the next primary when the first one dies: what it had sent on is there, and the nodes stay members', async () => {
    const servers = await start()
    const logger = new ToldLogger()
    const key = storeKey('a')
    const store = new RedisStore({ url: servers.url, logger })
    const hosts = [new HeardHost(), new HeardHost()] as const
    const nodes = ['one', 'two'].map((nodeId) => new RedisCluster({ url: servers.url, nodeId })) as [RedisCluster, RedisCluster]
    onTestFinished(async () => {
      for (const node of nodes) await node.stop()
      await store.stop()
      await servers.dispose()
    })
    for (const [index, node] of nodes.entries()) await node.join(hosts[index] as HeardHost)
    const log = await store.openLog(key, fencingToken(1))
    for (const record of logRecords(1, 50)) await log.append([record])
    await replicated(servers.replica, keyPrefix, key, 50)
    await servers.primary.kill()
    const next = await appendThrough(store, key, 2)
    expect(seqsOf((await next.read()).records)).toEqual(seqsOf(logRecords(1, 51)))
    const [one, two] = nodes
    const hello = (): Promise<unknown> => two.request(one.self, 'hello', { timeoutMs: 1_000 }).catch(() => undefined)
    await expect.poll(hello, patience).toEqual({ echo: 'hello' })
    expect(hosts.flatMap(({ lives }) => lives)).toEqual([])
    expect(hosts.flatMap(({ left }) => left)).toEqual([])
    expect(logger.events).toContain('store-redis.no-replicas')
    expect(logger.events).toContain('store-redis.restarted')
  })
})

describe.skipIf(noRedis !== undefined)(`a failover${title}`, () => {
  test('that forgets acknowledged records is noticed, and reported', async () => {
    const servers = await RedisSentinels.start()
    const logger = new ToldLogger()
    const key = storeKey('a')
    const store = new RedisStore({ url: servers.url, logger })
    onTestFinished(async () => {
      servers.replica.signal('SIGCONT')
      await store.stop()
      await servers.dispose()
    })
    const log = await store.openLog(key, fencingToken(1))
    await log.append(logRecords(1, 5))
    await replicated(servers.replica, 'beamclaw', key, 5)
    servers.replica.signal('SIGSTOP')
    // What was sent to a process that stands still would wait for it.
    await servers.primary.send('CLIENT', 'KILL', 'TYPE', 'replica')
    await log.append(logRecords(6, 8))
    await servers.primary.kill()
    servers.replica.signal('SIGCONT')
    await expect.poll(async () => String(await servers.replica.send('ROLE')), patience).toMatch(/^master/)
    await expect.poll(() => store.get(storeKey('a')).catch(() => 'failed'), patience).toBeUndefined()
    await expect(log.append(logRecords(9))).rejects.toMatchObject({
      code: 'store-io',
      details: { problem: 'rewound', expectedSeq: 9, actualSeq: 5 },
    })
    expect(logger.events).toContain('store-redis.rewound')
    const next = await store.openLog(key, fencingToken(2))
    expect(seqsOf((await next.read()).records)).toEqual([1, 2, 3, 4, 5])
  })

  test('cannot forget what no replica confirms: such a write is refused, and nothing of it is there', async () => {
    const servers = await RedisSentinels.start('--min-replicas-to-write', '1', '--min-replicas-max-lag', '1')
    const logger = new ToldLogger()
    const store = new RedisStore({ url: servers.url, logger })
    onTestFinished(async () => {
      servers.replica.signal('SIGCONT')
      await store.stop()
      await servers.dispose()
    })
    await store.put(storeKey('a'), 1)
    expect(logger.events).not.toContain('store-redis.no-replicas')
    servers.replica.signal('SIGSTOP')
    const refusal = (): Promise<unknown> =>
      store.put(storeKey('a'), 2).then(
        () => undefined,
        ({ code, details }: BeamClawError) => ({ code, reply: details?.reply }),
      )
    await expect.poll(refusal, patience).toEqual({ code: 'store-io', reply: 'NOREPLICAS' })
  })
})

describe
  .skipIf(noRedis !== undefined)
  .each<{ name: string; start: () => Promise<Servers>; failover: (servers: Servers) => Promise<unknown> }>([
    {
      name: 'Sentinels',
      start: () => RedisSentinels.start(),
      failover: (servers) => (servers as RedisSentinels).failover(),
    },
    {
      name: 'a Redis Cluster',
      start: () => RedisClusterServers.start('{beamclaw}'),
      failover: ({ replica }) => replica.send('CLUSTER', 'FAILOVER'),
    },
  ])(`a planned failover of $name, in which the primary lives on${title}`, ({ start, failover }) => {
  test('is followed within seconds by all connections: nodes hear each other, nothing is done twice, and what is acknowledged stays', async () => {
    const servers = await start()
    const key = storeKey('a')
    const store = new RedisStore({ url: servers.url })
    const hosts = [new HeardHost(), new HeardHost()] as const
    const nodes = ['one', 'two'].map((nodeId) => new RedisCluster({ url: servers.url, nodeId })) as [RedisCluster, RedisCluster]
    onTestFinished(async () => {
      for (const node of nodes) await node.stop()
      await store.stop()
      await servers.dispose()
    })
    for (const [index, node] of nodes.entries()) await node.join(hosts[index] as HeardHost)
    const [one, two] = nodes
    await appendThrough(store, key, 1)
    await expect.poll(async () => String(await failover(servers).catch(String)), patience).toBe('OK')
    await expect.poll(async () => String(await servers.replica.send('ROLE')), patience).toMatch(/^master/)
    const asked = new Set<number>()
    let number = 0
    const call = async (): Promise<unknown> => {
      const body = ++number
      const outcome = await two.request(one.self, body, { timeoutMs: 1_000 }).catch((error: BeamClawError) => error)
      // Certainly not delivered, and heard all the same, would be done a second time.
      if ((outcome as BeamClawError).details?.isUndelivered === true) asked.add(body)
      return outcome
    }
    const isHeard = async (): Promise<boolean> => JSON.stringify(await call()) === `{"echo":${number}}`
    for (let calls = 0; calls < 300; calls++) {
      await isHeard()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await expect.poll(isHeard, patience).toBe(true)
    const log = await appendThrough(store, key, 10)
    const { length } = (await log.read()).records
    // It is made a replica only now, and its data is the new one's.
    await expect.poll(async () => String(await servers.primary.send('ROLE')), patience).toMatch(/^slave/)
    expect((await store.readLog(key))?.lastSeq).toBe(length)
    await expect.poll(isHeard, patience).toBe(true)
    expect(hosts[0].asked.filter(({ body }) => asked.has(body as number))).toEqual([])
    expect(hosts.flatMap(({ lives, left }) => [...lives, ...left])).toEqual([])
  })
})

test.skipIf(noRedis !== undefined)('a Sentinel that is wrong does not keep the others from being heard', async () => {
  const servers = await RedisSentinels.start()
  const liar = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      const words = String(data)
      const reply = ['name', 'ours', 'ip', '127.0.0.1', 'port', '1', 'config-epoch', '9999']
      const text = `*${reply.length}\r\n${reply.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
      for (const _ of words.matchAll(/HELLO|CLIENT|PING/g)) socket.write('+OK\r\n')
      if (words.includes('MASTER')) socket.write(text)
    })
  }).listen(0, '127.0.0.1')
  await once(liar, 'listening')
  const { port } = liar.address() as AddressInfo
  const store = new RedisStore({ url: servers.url.replace('//', `//127.0.0.1:${port},`) })
  onTestFinished(async () => {
    await store.stop()
    liar.close()
    await servers.dispose()
  })
  expect(await store.put(storeKey('a'), 1)).toBe(1)
})

test.skipIf(noRedis !== undefined)('the login of the Sentinels is told apart from that of the server', async () => {
  const servers = await RedisSentinels.start()
  onTestFinished(() => servers.dispose())
  await servers.protect('open sesame')
  const { url } = servers
  const failureWith = async (options: object): Promise<unknown> => {
    await using store = new RedisStore({ url, deadlineMs: 2_000, ...options })
    return await store.put(storeKey('a'), 1).catch(({ message }: BeamClawError) => message)
  }
  expect(await failureWith({ sentinelPassword: 'closed' })).toMatch(
    /^The Sentinel at 127\.0\.0\.1:\d+ does not .* check "sentinelUsername" and "sentinelPassword" \(while [^:]*: WRONGPASS(?!.*closed)/,
  )
  expect(await failureWith({})).toMatch(/^The Sentinel at 127\.0\.0\.1:\d+ asks for a password: set "sentinelPassword"/)
  expect(await failureWith({ sentinelPassword: 'open sesame', username: 'nobody', password: 'x' })).toMatch(
    /check "username" and "password"/,
  )
  expect(await failureWith({ sentinelPassword: 'open sesame' })).toBe(1)
  const found = await inspectRedis({ url, sentinelPassword: 'closed' })
  expect(found).toMatchObject({ isReached: false, mayComeBack: false, error: { details: { isOfSentinel: true, reply: 'WRONGPASS' } } })
})

test('a cluster whose connections never came up stops all the same', async () => {
  const cluster = new RedisCluster({ url: 'redis+sentinel://127.0.0.1:1/ours', nodeId: 'one', deadlineMs: 300 })
  await expect(cluster.join(new HeardHost())).rejects.toMatchObject({ code: 'store-io' })
  await cluster.stop()
})
