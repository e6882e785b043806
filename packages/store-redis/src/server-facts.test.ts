import { once } from 'node:events'
import { createServer } from 'node:net'
import { storeKey } from '@beamclaw/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { inspectRedis } from './inspect-redis.ts'
import { RedisStore } from './redis-store.ts'
import { checkServer, durabilityWarning, type ServerFacts } from './server-facts.ts'

const good: ServerFacts = {
  version: '7.2.4',
  runId: 'a',
  isPrimary: true,
  isCluster: false,
  evictionPolicy: 'noeviction',
  hasAppendOnlyFile: true,
  appendFsync: 'always',
}

describe('checkServer', () => {
  test.each(['6.2.0', '6.10.1', '7.0.15', '10.0.0'])('takes version %s', (version) => {
    expect(() => checkServer({ ...good, version })).not.toThrow()
  })

  test.each([
    ['version', { version: '6.0.20' }],
    ['version', { version: '5.9.9' }],
    ['version', { version: '0' }],
    ['cluster', { isCluster: true }],
    ['replica', { isPrimary: false }],
    ['maxmemory-policy', { evictionPolicy: 'volatile-ttl' }],
    ['maxmemory-policy', { evictionPolicy: 'unknown' }],
  ])('refuses a server for its %s: %j', (check, change) => {
    expect(() => checkServer({ ...good, ...change })).toThrow(expect.objectContaining({ code: 'store-io', details: { check } }))
  })
})

describe('durabilityWarning', () => {
  test('there is none for a file that is synced for each write', () => {
    expect(durabilityWarning(good)).toBeUndefined()
  })

  test.each([
    ['store-redis.no-aof', { hasAppendOnlyFile: false, appendFsync: undefined }],
    ['store-redis.fsync', { appendFsync: 'everysec' }],
    ['store-redis.fsync', { appendFsync: 'no' }],
    ['store-redis.fsync-unknown', { appendFsync: undefined }],
  ])('says %s for %j', (event, change) => {
    expect(durabilityWarning({ ...good, ...change })?.event).toBe(event)
  })
})

test('a server that is too old to greet its client is refused as such, and not waited for', async () => {
  const old = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      for (const _ of String(data).matchAll(/^\*/gm)) socket.write('-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(old, 'listening')
  const { port } = old.address() as { readonly port: number }
  const store = new RedisStore({ url: `redis://127.0.0.1:${port}` })
  onTestFinished(async () => {
    await store.stop()
    old.close()
  })
  await expect(store.get(storeKey('a'))).rejects.toMatchObject({ code: 'store-io', details: { check: 'version' } })
  const look = await inspectRedis({ url: `redis://127.0.0.1:${port}` })
  expect(look).toMatchObject({ isReached: false, mayComeBack: false, error: { details: { check: 'version' } } })
})
