import { fencingToken, logRecords, storeKey } from '@beamclaw/testkit'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ownedClient } from './node-redis-client.ts'
import { NotConnectedError } from './redis-client.ts'
import { RedisStore } from './redis-store.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

describe('RedisStore', () => {
  test('refuses options that cannot be', () => {
    const url = 'redis://localhost'
    const client = createClient()
    const bad: unknown[] = [
      undefined,
      {},
      { url: 'http://localhost' },
      { url: 7 },
      { url, prefix: 'a{b}' },
      { url, prefix: '' },
      { url, deadlineMs: 0 },
    ]
    bad.push({ url, client }, { client: {} }, { client, password: 'x' }, { url, maxDocumentBytes: 0 }, { url, host: 'localhost' })
    for (const options of bad) expect(() => new RedisStore(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})

describe.skipIf(noRedis !== undefined)(`a client of node-redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.dispose())

  test.each([2, 3] as const)('one of the application, with RESP %s, is used and left connected', async (RESP) => {
    const client = createClient({ socket: { path: server.socket, tls: false }, RESP })
    client.on('error', () => undefined)
    const store = new RedisStore({ client, prefix: `resp${RESP}` })
    const log = await store.openLog(storeKey('a'), fencingToken())
    await log.append(logRecords(1, 3))
    await log.snapshot({ seq: 2, state: 'two' })
    expect(await log.read()).toEqual({ snapshot: { seq: 2, state: 'two' }, records: logRecords(3) })
    const id = await store.blobs.put(storeKey('a'), new Uint8Array([1, 2, 250]))
    const pieces: Uint8Array[] = []
    for await (const piece of (await store.blobs.read(storeKey('a'), id))?.bytes ?? []) pieces.push(piece)
    expect(pieces).toEqual([new Uint8Array([1, 2, 250])])
    await store.index.put('default' as never, [{ sessionKey: 'agent:main:a' as never, settings: {}, updatedAt: 2 }])
    const after = { sessionKey: 'agent:main:0', at: 2 }
    expect(await store.index.page('default' as never, { sort: 'updatedAt', limit: 5, after })).toHaveLength(1)
    await store.stop()
    expect(client.isReady).toBe(true)
    expect(await client.sendCommand(['PING'])).toBe('PONG')
    client.destroy()
  })

  test('hears messages of a channel until it is told not to', async () => {
    const client = ownedClient({ url: server.url, silenceMs: 5_000 })
    const connected = Promise.withResolvers<void>()
    client.onReconnect(() => connected.resolve())
    await connected.promise
    const heard: string[] = []
    const second = Promise.withResolvers<void>()
    const end = await client.subscribe('news', (message) => {
      heard.push(message)
      if (heard.length === 2) second.resolve()
    })
    for (const message of ['one', 'two']) expect(await client.send(['PUBLISH', 'news', message])).toBe(1)
    await second.promise
    await end()
    expect(await client.send(['PUBLISH', 'news', 'three'])).toBe(0)
    expect(heard).toEqual(['one', 'two'])
    await client.stop()
    await expect(client.send(['PING'])).rejects.toBeInstanceOf(NotConnectedError)
  })
})
