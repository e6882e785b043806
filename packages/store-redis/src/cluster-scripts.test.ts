import { createClient } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { beatScript, claimScript, releaseScript, takeParcelScript } from './cluster-scripts.ts'
import type { RedisScript } from './redis-client.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

describe.skipIf(noRedis !== undefined)(`the script of a heartbeat${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  const ends = '99999999999999'
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  beforeEach(async () => {
    await server.send('DEL', 'nodes', 'members')
    await server.send('ZADD', 'nodes', ends, 'me', ends, 'suspect')
  })
  afterAll(() => server.dispose())

  const beat = async (...suspects: readonly string[]): Promise<string> => {
    const args = ['channel:', 'me', '1000', '', '0', 'changes', ...suspects]
    const [outcome] = (await server.send('EVAL', beatScript.source, '2', 'nodes', 'members', ...args)) as readonly string[]
    return String(outcome)
  }
  const nodes = async (): Promise<unknown> => await server.send('ZRANGE', 'nodes', '0', '-1')

  test('removes a suspect that nothing was heard of since', async () => {
    expect(await beat('suspect', ends)).toBe('ok')
    expect(await nodes()).toEqual(['me'])
  })

  test('spares a suspect that has renewed since it was seen', async () => {
    await beat('suspect', '99999999999998')
    expect(await nodes()).toContain('suspect')
  })

  test('spares a suspect whose channel is heard again', async () => {
    const listener = createClient({ socket: { path: server.socket, tls: false } })
    await listener.connect()
    await listener.subscribe('channel:suspect', () => undefined)
    await beat('suspect', ends)
    expect(await nodes()).toContain('suspect')
    listener.destroy()
  })

  test('removes nodes whose time is over, the caller too', async () => {
    await server.send('ZADD', 'nodes', '1', 'suspect')
    await beat()
    expect(await nodes()).toEqual(['me'])
    await server.send('ZADD', 'nodes', '1', 'me')
    expect(await beat()).toBe('gone')
    expect(await nodes()).toEqual([])
  })
})

describe.skipIf(noRedis !== undefined)(`the scripts of keys${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
    await server.send('ZADD', 'nodes', '99999999999999', 'first-life', '99999999999999', 'second-life')
  })
  afterAll(() => server.dispose())

  const run = async ({ source }: RedisScript, ...args: readonly string[]): Promise<unknown> =>
    await server.send('EVAL', source, '2', 'nodes', 'owner', ...args)

  test('a key is released by the lease that holds it alone, not by an earlier one of the same node', async () => {
    const [, early] = (await run(claimScript, 'one', 'first-life', 'early', '0', '1000')) as readonly string[]
    const [, epoch = ''] = (await run(claimScript, 'one', 'second-life', 'late', '0', '1000')) as readonly string[]
    expect(await run(releaseScript, String(early), 'early', '1000', '', '', '0', 'one')).toBe(0)
    expect(await run(releaseScript, epoch, 'early', '1000', '', '', '0', 'one')).toBe(0)
    expect(await run(releaseScript, epoch, 'late', '1000', '', '', '0', 'two')).toBe(0)
    expect(await server.send('HGET', 'owner', 'n')).toBe('late')
    expect(await run(releaseScript, epoch, 'late', '1000', '', '', '0', 'one')).toBe(1)
    expect(await server.send('HGET', 'owner', 'n')).toBe(null)
  })

  test('a parcel that is too large is not fetched, and not kept', async () => {
    const take = async (): Promise<unknown> => await server.send('EVAL', takeParcelScript.source, '1', 'parcel', '5')
    await server.send('SET', 'parcel', '12345')
    expect(await take()).toBe('12345')
    expect(await take()).toBe(null)
    await server.send('SET', 'parcel', '123456')
    expect(await take()).toBe(null)
    expect(await server.send('EXISTS', 'parcel')).toBe(0)
  })
})
