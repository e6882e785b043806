/** A server that gets other data, or none, while the connections to it stay open. */
import type { AppendLog, BlobId, StoreKey } from '@beamclaw/core'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RedisStore } from './redis-store.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf } from './testing/rejection.ts'
import { ToldLogger } from './testing/told-logger.ts'

const key: StoreKey = storeKey('sessions', 'main', 'faults')
const bytes = new Uint8Array(600_000).fill(7)
const entry = { sessionKey: 'agent:main:a' as never, settings: {}, updatedAt: 1 }

/** What is used of a store once the server holds other data. */
interface Used {
  readonly store: RedisStore
  readonly log: AppendLog
  readonly id: BlobId
}

const writes: Readonly<Record<string, (used: Used) => Promise<unknown>>> = {
  'a document': ({ store }) => store.put(storeKey('b'), 1),
  'a log': ({ store }) => store.openLog(storeKey('b'), fencingToken()),
  records: ({ log }) => log.append(logRecords(2)),
  'a snapshot': ({ log }) => log.snapshot({ seq: 1, state: 1 }),
  'the index': ({ store }) => store.index.put(key[0], [entry]),
  'a mark of the index': ({ store }) => store.index.complete(key[0]),
  'an attachment': ({ store }) => store.blobs.put(key, new Uint8Array(3)),
  'the attachment that is there already': ({ store }) => store.blobs.put(key, bytes),
  'a shared attachment': ({ store, id }) => store.blobs.share(key, storeKey('b'), [id]),
}

const deletions: Readonly<Record<string, (used: Used) => Promise<unknown>>> = {
  'the attachments': ({ store }) => store.blobs.deleteAll(key),
  'a key': ({ store }) => store.delete(key),
  'a log': ({ store }) => store.deleteLog(key, fencingToken(9)),
  'the index': ({ store }) => store.index.clear(key[0]),
}

const absences: Readonly<Record<string, (used: Used) => Promise<unknown>>> = {
  'a document': ({ store }) => store.get(key),
  'a version': ({ store }) => store.put(key, 1, { expectedVersion: 1 }),
  'a version to delete': ({ store }) => store.delete(key, { expectedVersion: 1 }),
  'a log to read': ({ store }) => store.readLog(key),
  'records of an open log': ({ log }) => log.read(),
  keys: ({ store }) => store.list(storeKey()),
  'an attachment': ({ store, id }) => store.blobs.read(key, id),
  attachments: ({ store }) => store.blobs.list(key),
  'an entry of the index': ({ store }) => store.index.get(key[0], [entry.sessionKey]),
  'a page of the index': ({ store }) => store.index.page(key[0], { sort: 'key', limit: 10 }),
  'the mark of the index': ({ store }) => store.index.status(key[0]),
}

/** Resolves with all keys, each with its contents. */
async function dataOf(server: RedisServer): Promise<unknown> {
  const names = [...((await server.send('KEYS', '*')) as readonly string[])].sort()
  return await Promise.all(names.map(async (name) => [name, await server.send('DUMP', name)]))
}

describe.skipIf(noRedis !== undefined)(`F20: other data under open connections${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let logger: ToldLogger
  let used: Used

  async function filled(): Promise<Used> {
    const store = new RedisStore({ url: server.url, logger })
    await store.put(key, 'a document')
    const log = await store.openLog(key, fencingToken())
    await log.append(logRecords(1))
    await store.index.put(key[0], [entry])
    await store.index.complete(key[0])
    return { store, log, id: await store.blobs.put(key, bytes) }
  }

  beforeEach(async () => {
    server = await RedisServer.start()
    logger = new ToldLogger()
  })
  afterEach(async () => {
    await used.store.stop()
    await server.dispose()
  })

  async function expectReplaced(call: (used: Used) => Promise<unknown>): Promise<void> {
    expect(await outcomeOf(call(used))).toBe('store-replaced')
    expect(await outcomeOf(used.store.get(key))).toBe('store-replaced')
    expect(logger.events).toContain('store-redis.replaced')
  }

  test.each(Object.entries(writes))('a server that was emptied gets no part of %s', async (_, call) => {
    used = await filled()
    await server.send('FLUSHALL')
    await expectReplaced(call)
    expect(await server.send('DBSIZE')).toBe(0)
  })

  test.each(Object.entries(absences))('a server that was emptied does not say that this is missing: %s', async (_, call) => {
    used = await filled()
    await server.send('FLUSHALL')
    await expectReplaced(call)
  })

  test.each(Object.entries(deletions))('a server that was emptied has not deleted %s', async (_, call) => {
    used = await filled()
    await server.send('FLUSHALL')
    await expectReplaced(call)
  })

  test.each([...Object.entries(writes), ...Object.entries(deletions)])(
    'another store in its place keeps its data, and gets no part of %s',
    async (_, call) => {
      const other = await filled()
      await other.store.stop()
      await server.send('SWAPDB', '0', '1')
      used = await filled()
      await server.send('SWAPDB', '0', '1')
      const before = await dataOf(server)
      await expectReplaced(call)
      expect(await dataOf(server)).toEqual(before)
    },
  )

  test('another store in its place is no later owner of a log', async () => {
    const other = new RedisStore({ url: server.url })
    await other.openLog(key, fencingToken(9))
    await other.stop()
    await server.send('SWAPDB', '0', '1')
    used = await filled()
    await server.send('SWAPDB', '0', '1')
    await expectReplaced(({ store }) => store.openLog(key, fencingToken(2)))
  })

  test('the deletion of a log that another store has is not fenced', async () => {
    const other = new RedisStore({ url: server.url })
    await other.openLog(key, fencingToken(9))
    await other.stop()
    await server.send('SWAPDB', '0', '1')
    used = await filled()
    await server.send('SWAPDB', '0', '1')
    await expectReplaced(({ store }) => store.deleteLog(key, fencingToken(2)))
  })

  test('an attachment whose reading has begun is not damaged', async () => {
    used = await filled()
    const blob = await used.store.blobs.read(key, used.id)
    await server.send('FLUSHALL')
    await expectReplaced(async () => {
      for await (const _ of blob?.bytes ?? []);
    })
  })

  test('what is missing in the store itself still is', async () => {
    used = await filled()
    const { store } = used
    const none = storeKey('none')
    expect([await store.get(none), await store.readLog(none), await store.blobs.read(none, used.id)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect([await store.blobs.list(none), await store.list(none), await store.delete(none)]).toEqual([[], [], false])
    expect(await store.blobs.share(none, storeKey('b'), [used.id])).toEqual([])
    expect(await outcomeOf(store.put(key, 1, { expectedVersion: 7 }))).toBe('version-conflict')
    expect(logger.events).not.toContain('store-redis.replaced')
  })
})
