import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoreKey } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { fencingToken, logRecords, range, seqsOf, storeKey } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RedisCluster } from './redis-cluster.ts'
import { RedisStore } from './redis-store.ts'
import { HeardHost } from './testing/cluster-nodes.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf, rejectionOf } from './testing/rejection.ts'
import { ToldLogger } from './testing/told-logger.ts'

const key: StoreKey = storeKey('sessions', 'main', 'faults')

describe.skipIf(noRedis !== undefined)(`faults of the server${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let logger: ToldLogger
  let store: RedisStore

  beforeEach(async () => {
    server = await RedisServer.start()
    logger = new ToldLogger()
    store = new RedisStore({ url: server.url, logger })
  })
  afterEach(async () => {
    await store.stop()
    await server.dispose()
  })

  test('F19: after kill -9 and a restart every acknowledged record is there, and the store goes on', async () => {
    const log = await store.openLog(key, fencingToken())
    const acknowledged: number[] = []
    const appends = range(1, 400).map((seq) =>
      log.append(logRecords(seq)).then(
        () => acknowledged.push(seq),
        () => undefined,
      ),
    )
    await appends[0]
    await server.kill()
    await Promise.all(appends)
    await server.start()
    const again = await store.openLog(key, fencingToken())
    const { records } = await again.read()
    expect(records.length).toBeGreaterThanOrEqual(acknowledged.length)
    expect(records).toEqual(logRecords(1, records.length))
    await again.append(logRecords(records.length + 1))
    expect(logger.events).toContain('store-redis.restarted')
  })

  test('a node stops at once while the server is away: there is nobody to take leave of', async () => {
    const node = new RedisCluster({ url: server.url, nodeId: 'leaves', ttlMs: 3_600_000, deadlineMs: 600_000 })
    await node.join(new HeardHost())
    await server.kill()
    // Waits for the server, as a heartbeat may.
    const announced = outcomeOf(node.announce({ load: 1 }))
    await node.stop()
    expect(await announced).toBe('store-io')
  })

  test('F20: a server that comes back empty is refused, and nothing is written to it', async () => {
    await store.put(key, 'a document')
    const log = await store.openLog(key, fencingToken())
    await server.kill()
    await rm(join(server.folder, 'appendonlydir'), { recursive: true })
    await server.start()
    expect(await outcomeOf(log.append(logRecords(1)))).toBe('store-replaced')
    for (const call of [store.get(key), store.put(key, 1), store.openLog(key, fencingToken()), store.index.status(key[0])])
      expect(await outcomeOf(call)).toBe('store-replaced')
    expect(await server.send('DBSIZE')).toBe(0)
    expect(logger.events).toContain('store-redis.replaced')
  })

  test('a process that names its store is refused by an empty server', async () => {
    const id = await store.id()
    const same = new RedisStore({ url: server.url, storeId: id })
    await same.put(key, 1)
    await same.stop()
    const other = new RedisStore({ url: server.url, prefix: 'empty', storeId: id })
    expect((await rejectionOf(other.put(key, 1)))?.message).toContain('Redis is empty')
    expect(await outcomeOf(other.get(key))).toBe('store-replaced')
    await other.stop()
  })

  test('F21: a frozen server costs the handles with something under way, and answers again when it wakes', async () => {
    const clock = new ManualClock()
    const patient = new RedisStore({ url: server.url, clock, deadlineMs: 60_000 })
    const log = await patient.openLog(key, fencingToken())
    await log.append(logRecords(1))
    server.signal('SIGSTOP')
    const outcomes = [log.append(logRecords(2)), patient.get(key)].map(outcomeOf)
    // The append waits for one turn of the event loop before it is sent.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    await clock.advance(60_000)
    expect(await Promise.all(outcomes)).toEqual(['store-io', 'store-io'])
    server.signal('SIGCONT')
    const again = await patient.openLog(key, fencingToken())
    await again.append(logRecords(2))
    expect((await again.read()).records).toEqual(logRecords(1, 2))
    await patient.stop()
  })

  test('F22: a server with an earlier state is noticed by the next append, which writes nothing', async () => {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 3))
    const read = await store.openLog(storeKey('read'), fencingToken())
    const shortened = await store.openLog(storeKey('shortened'), fencingToken())
    const [data, saved] = [join(server.folder, 'appendonlydir'), join(server.folder, 'saved')]
    await cp(data, saved, { recursive: true })
    for (const one of [read, shortened]) await one.append(logRecords(1, 2))
    await log.append(logRecords(4, 6))
    await server.kill()
    await rm(data, { recursive: true })
    await cp(saved, data, { recursive: true })
    await server.start()
    const error = await rejectionOf(log.append(logRecords(7)))
    expect([error?.code, error?.details]).toEqual(['store-io', { problem: 'rewound', expectedSeq: 7, actualSeq: 3 }])
    expect(await outcomeOf(log.append(logRecords(8)))).toBe('store-io')
    expect((await rejectionOf(read.read()))?.details.problem).toBe('rewound')
    expect((await rejectionOf(shortened.snapshot({ seq: 2, state: {} }, { dropRecords: true })))?.details.problem).toBe('rewound')
    expect(logger.events).toContain('store-redis.rewound')
    const again = await store.openLog(key, fencingToken())
    expect(seqsOf((await again.read()).records)).toEqual([1, 2, 3])
    await again.append(logRecords(4))
  })

  test('F22: a server that has forgotten the last opening is no later owner', async () => {
    await (await store.openLog(key, fencingToken(1))).append(logRecords(1, 3))
    const [data, saved] = [join(server.folder, 'appendonlydir'), join(server.folder, 'saved')]
    await cp(data, saved, { recursive: true })
    const log = await store.openLog(key, fencingToken(2))
    await server.kill()
    await rm(data, { recursive: true })
    await cp(saved, data, { recursive: true })
    await server.start()
    const error = await rejectionOf(log.read())
    expect([error?.code, error?.details.problem]).toEqual(['store-io', 'rewound'])
    expect(logger.events).toContain('store-redis.rewound')
    expect((await (await store.openLog(key, fencingToken(2))).read()).records).toEqual(logRecords(1, 3))
  })

  test('the records of a log that are gone without its owner are no empty log', async () => {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    const [list] = (await server.send('KEYS', '*:j:*')) as readonly string[]
    await server.send('DEL', list as string)
    expect(await outcomeOf(log.append(logRecords(2)))).toBe('log-corrupt')
    expect(await outcomeOf(store.openLog(key, fencingToken(2)))).toBe('log-corrupt')
    expect(await outcomeOf(store.readLog(key))).toBe('log-corrupt')
  })

  test('a server without memory is full; what was read and deleted before still is, and room is enough to go on', async () => {
    const [log, other] = [await store.openLog(key, fencingToken()), await store.openLog(storeKey('other'), fencingToken())]
    await log.append(logRecords(1, 2))
    await store.put(storeKey('large'), 'x'.repeat(100_000))
    await server.send('CONFIG', 'SET', 'maxmemory', '1')
    expect(await Promise.all([log.append(logRecords(3)), other.append(logRecords(1))].map(outcomeOf))).toEqual(['store-full', 'store-full'])
    for (const call of [store.put(key, 1), store.blobs.put(key, new Uint8Array(9)), store.openLog(storeKey('new'), fencingToken())])
      expect(await outcomeOf(call)).toBe('store-full')
    expect((await store.readLog(key))?.lastSeq).toBe(2)
    expect((await store.readLog(storeKey('other')))?.lastSeq).toBe(0)
    expect(await store.delete(storeKey('large'))).toBe(true)
    await server.send('CONFIG', 'SET', 'maxmemory', '0')
    await (await store.openLog(key, fencingToken())).append(logRecords(3))
    expect((await store.readLog(key))?.lastSeq).toBe(3)
  })

  test('a server that may evict sessions is refused until it is set right', async () => {
    await server.send('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    const error = await rejectionOf(store.put(key, 1))
    expect([error?.code, error?.details.check]).toEqual(['store-io', 'maxmemory-policy'])
    expect(error?.message).toContain('CONFIG SET maxmemory-policy noeviction')
    expect(await server.send('DBSIZE')).toBe(0)
    await server.send('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    expect(await store.put(key, 1)).toBe(1)
  })

  test('a replica is refused', async () => {
    await server.send('REPLICAOF', '127.0.0.1', '1')
    expect((await rejectionOf(store.get(key)))?.details.check).toBe('replica')
  })

  test('risks of the append-only file are told once', async () => {
    await server.send('CONFIG', 'SET', 'appendfsync', 'everysec')
    await store.get(key)
    await store.get(key)
    expect(logger.events).toEqual(['store-redis.fsync'])
    await server.send('CONFIG', 'SET', 'appendonly', 'no')
    const later = new RedisStore({ url: server.url, logger })
    await later.get(key)
    await later.stop()
    expect(logger.events).toEqual(['store-redis.fsync', 'store-redis.no-aof'])
  })

  test('a password that is missing or wrong is told at once, and the right one works', async () => {
    await server.send('CONFIG', 'SET', 'requirepass', 'right')
    for (const password of [undefined, 'not-it']) {
      const one = new RedisStore({ url: server.url, ...(password === undefined ? {} : { password }), deadlineMs: 60_000 })
      const error = await rejectionOf(one.get(key))
      expect(error?.code).toBe('store-io')
      expect(error?.message).toMatch(/password/)
      expect(error?.message).not.toContain('not-it')
      await one.stop()
    }
    const right = new RedisStore({ url: server.url, password: 'right' })
    expect(await right.put(key, 1)).toBe(1)
    await right.stop()
  })

  test('a server that is not there is a typed error that names the address, and is found when it starts', async () => {
    await server.kill()
    const late = new RedisStore({ url: server.url, deadlineMs: 50 })
    const error = await rejectionOf(late.put(key, 1))
    expect([error?.code, error?.details.isSent]).toEqual(['store-io', false])
    expect(error?.message).toContain(server.socket)
    await late.stop()
    const patient = new RedisStore({ url: server.url, deadlineMs: 60_000 })
    const writing = patient.put(key, 1)
    await server.start()
    expect(await writing).toBe(1)
    await patient.stop()
  })

  test('keys of another application stay as they are, and a prefix of another application is refused', async () => {
    await server.send('SET', 'beamclaw:theirs', '1')
    await server.send('SET', 'theirs:store', '1')
    await server.send('HSET', 'others:store', 'name', 'shop')
    await store.put(key, 1)
    await (await store.openLog(key, fencingToken())).append(logRecords(1))
    await store.delete(key)
    expect(await server.send('GET', 'beamclaw:theirs')).toBe('1')
    expect(await store.list(storeKey())).toEqual([])
    for (const prefix of ['theirs', 'others']) {
      const other = new RedisStore({ url: server.url, prefix })
      const error = await rejectionOf(other.get(key))
      expect([error?.code, error?.details.check]).toEqual(['store-io', 'prefix'])
      await other.stop()
    }
    expect(await server.send('HGETALL', 'others:store')).toEqual(['name', 'shop'])
  })

  test('two prefixes on one server share nothing', async () => {
    const other = new RedisStore({ url: server.url, prefix: 'beamclaw:two' })
    const blob = new Uint8Array([1, 2, 3])
    await store.put(key, 'one')
    await (await store.openLog(key, fencingToken(5))).append(logRecords(1))
    const id = await store.blobs.put(key, blob)
    expect([await other.get(key), await other.readLog(key), await other.blobs.read(key, id)]).toEqual([undefined, undefined, undefined])
    expect(await other.list(storeKey())).toEqual([])
    await (await other.openLog(key, fencingToken(1))).append(logRecords(1, 2))
    await other.delete(key)
    await other.blobs.deleteAll(key)
    expect((await store.readLog(key))?.lastSeq).toBe(1)
    expect(await store.blobs.list(key)).toEqual([{ id, size: 3 }])
    expect(await other.id()).not.toBe(await store.id())
    await other.stop()
  })

  test('scripts that the server has forgotten are sent again', async () => {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    await server.send('SCRIPT', 'FLUSH')
    await log.append(logRecords(2))
    expect((await log.read()).records).toEqual(logRecords(1, 2))
  })

  test('all that was written is gone after it was deleted, but for the name of the store', async () => {
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1, 5))
    await log.snapshot({ seq: 2, state: {} })
    await store.put(key, 1)
    await store.blobs.put(key, new Uint8Array(1_300_000))
    await store.index.put(key[0], [{ sessionKey: 'agent:main:a' as never, settings: { label: 'x', owner: 'ada' }, updatedAt: 1 }])
    await store.index.complete(key[0])
    await store.delete(key)
    await store.blobs.deleteAll(key)
    await store.index.clear(key[0])
    expect(await server.send('KEYS', '*')).toEqual(['beamclaw:store'])
  })
})
