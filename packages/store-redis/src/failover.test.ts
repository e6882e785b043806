import type { AppendLog, BeamClawError, Store, StoreKey } from '@beamclaw/core'
import { fencingToken, logRecords, seqsOf, storeKey } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
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
