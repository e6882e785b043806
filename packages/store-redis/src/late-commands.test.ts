import type { AppendLog, LogEntry, StoreKey } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { RedisStore } from './redis-store.ts'
import { RedisProxy } from './testing/redis-proxy.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf } from './testing/rejection.ts'

const deadlineMs = 60_000
const key: StoreKey = storeKey('sessions', 'main', 'late')

describe.skipIf(noRedis !== undefined)(`late and lost commands${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let proxy: RedisProxy
  let clock: ManualClock
  let store: RedisStore

  beforeAll(async () => {
    server = await RedisServer.start()
  })
  beforeEach(async () => {
    await server.send('FLUSHALL')
    proxy = await RedisProxy.start(server.folder, server.socket)
    clock = new ManualClock()
    store = new RedisStore({ url: proxy.url, clock, deadlineMs })
    // The server knows every script: one that it does not know would do nothing when it arrives late, whatever it says.
    const known = storeKey('known')
    await (await store.openLog(known, fencingToken())).append(logRecords(1))
    await (await store.openLog(known, fencingToken())).snapshot({ seq: 1, state: {} }, { dropRecords: true })
    await store.put(known, 1)
    await store.delete(known)
  })
  afterEach(async () => {
    await store.stop()
    await proxy.stop()
  })
  afterAll(() => server.dispose())

  /** Calls while the requests are held, until the deadline has passed; the held command can still be delivered. */
  async function holdUntilDeadline(call: () => Promise<unknown>): Promise<void> {
    const held = proxy.hold('requests')
    const outcome = outcomeOf(call())
    await held
    await clock.advance(deadlineMs)
    expect(await outcome).toBe('store-io')
    await proxy.detach()
  }

  async function logWith(...records: readonly LogEntry[]): Promise<AppendLog> {
    const log = await store.openLog(key, fencingToken())
    await log.append(records)
    return log
  }

  async function idsInLog(): Promise<string[]> {
    return ((await store.readLog(key))?.records ?? []).map(({ id }) => id)
  }

  const other = (seq: number): LogEntry => ({ ...(logRecords(seq)[0] as LogEntry), id: `other-${seq}` })

  test('F24: an append that arrives after the log was opened again writes nothing', async () => {
    const log = await logWith(...logRecords(1))
    await holdUntilDeadline(() => log.append(logRecords(2)))
    expect(await outcomeOf(log.append(logRecords(2)))).toBe('store-io')
    const again = await store.openLog(key, fencingToken())
    await proxy.deliver()
    expect(await idsInLog()).toEqual(['record-1'])
    await again.append([other(2)])
    expect(await idsInLog()).toEqual(['record-1', 'other-2'])
  })

  test('F24: an append that arrives before the log is opened again is one record', async () => {
    const log = await logWith(...logRecords(1))
    await holdUntilDeadline(() => log.append(logRecords(2)))
    await proxy.deliver()
    const again = await store.openLog(key, fencingToken())
    await again.append(logRecords(2))
    expect(await idsInLog()).toEqual(['record-1', 'record-2'])
  })

  test('F25: an append whose reply is lost breaks the handle, and is one record for who appends it again', async () => {
    const log = await logWith(...logRecords(1))
    const held = proxy.hold('replies')
    const outcome = outcomeOf(log.append(logRecords(2)))
    await held
    proxy.cut()
    expect(await outcome).toBe('store-io')
    expect(await outcomeOf(log.append(logRecords(3)))).toBe('store-io')
    const again = await store.openLog(key, fencingToken())
    await again.append(logRecords(2, 3))
    expect(await idsInLog()).toEqual(['record-1', 'record-2', 'record-3'])
  })

  test('F25: a connection that swallows replies in silence breaks the handle at the deadline', async () => {
    const log = await logWith(...logRecords(1))
    proxy.swallow('replies')
    const outcome = outcomeOf(log.append(logRecords(2)))
    while ((await server.send('LLEN', await listName())) !== 3) await new Promise(setImmediate)
    await clock.advance(deadlineMs)
    expect(await outcome).toBe('store-io')
    await proxy.detach()
    const again = await store.openLog(key, fencingToken())
    await again.append(logRecords(2))
    expect(await idsInLog()).toEqual(['record-1', 'record-2'])
  })

  test('a cut breaks the handles with something under way, and no other', async () => {
    const log = await logWith(...logRecords(1))
    const idle = await store.openLog(storeKey('sessions', 'main', 'idle'), fencingToken())
    const held = proxy.hold('requests')
    const outcome = outcomeOf(log.append(logRecords(2)))
    await held
    proxy.cut()
    expect(await outcome).toBe('store-io')
    await idle.append(logRecords(1))
    expect((await idle.read()).records).toEqual(logRecords(1))
  })

  test('a snapshot that drops records, and arrives late, drops nothing', async () => {
    const log = await logWith(...logRecords(1, 3))
    await holdUntilDeadline(() => log.snapshot({ seq: 3, state: 'late' }, { dropRecords: true }))
    const again = await store.openLog(key, fencingToken())
    await proxy.deliver()
    expect(await again.read()).toEqual({ snapshot: undefined, records: logRecords(1, 3) })
  })

  test('a document is not written, and nothing is deleted, by a command that arrives after a later write', async () => {
    await store.put(key, 'first')
    for (const late of [() => store.put(key, 'late'), () => store.delete(key)]) {
      const held = proxy.holdFrom('EVALSHA')
      const outcome = outcomeOf(late())
      await held
      await clock.advance(deadlineMs)
      expect(await outcome).toBe('store-io')
      await proxy.detach()
      const version = await store.put(key, 'later')
      await proxy.deliver()
      expect(await store.get(key)).toEqual({ value: 'later', version })
    }
  })

  test('an opening is not done by a script that arrives after a later opening', async () => {
    const log = await logWith(...logRecords(1))
    await log.close()
    const held = proxy.holdFrom('EVALSHA')
    const outcome = outcomeOf(store.openLog(key, fencingToken(2)))
    await held
    await clock.advance(deadlineMs)
    expect(await outcome).toBe('store-io')
    await proxy.detach()
    const again = await store.openLog(key, fencingToken(2))
    await proxy.deliver()
    await again.append(logRecords(2))
    expect(await idsInLog()).toEqual(['record-1', 'record-2'])
  })

  async function listName(): Promise<string> {
    const names = (await server.send('KEYS', '*:j:*')) as readonly string[]
    expect(names).toHaveLength(1)
    return names[0] as string
  }
})
