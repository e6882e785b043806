import { createClient } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { beatScript } from './cluster-scripts.ts'
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
