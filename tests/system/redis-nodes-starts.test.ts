import { describe, expect, test } from 'vitest'
import type { NodeLine, NodeSetup } from './lab/node.ts'
import { RedisNodes } from './lab/redis-nodes.ts'
import { noRedis } from './lab/redis-server.ts'

/** Starts a node that cannot; resolves with what it says to that. */
async function refusalOf(lab: RedisNodes, changes: Partial<NodeSetup>): Promise<NodeLine['refused']> {
  const node = await lab.launch(changes.id ?? 'node-9', changes)
  const { refused } = await node.line((line) => line.refused !== undefined)
  expect(await node.ended).toBe(1)
  return refused
}

describe.skipIf(noRedis !== undefined)(`nodes that cannot start${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  test('a second node of one name says which, and the first works on', async () => {
    await using lab = await RedisNodes.start({ count: 1 })
    const refused = await refusalOf(lab, { id: 'node-0' })
    expect(refused?.message).toContain('"node-0"')
    expect(await lab.say('agent:main:still', 'hello')).toBe('heard: hello')
  })

  test('a Redis that is not there is named, with what to do', async () => {
    await using lab = await RedisNodes.start({ count: 0 })
    await lab.redis.kill()
    const url = `unix://${lab.redis.socket}`
    const refused = await refusalOf(lab, { url, store: { deadlineMs: 500 } })
    expect(refused).toMatchObject({ code: 'store-io' })
    expect(refused?.message).toMatch(new RegExp(`Redis at ${url} cannot be reached .*Start it, or correct the address`))
  })

  test('a Redis with a password says which option has it', async () => {
    await using lab = await RedisNodes.start({ count: 0, redis: ['--requirepass', 'secret'] })
    for (const [login, advice] of [
      ['', 'set "password"'],
      [':wrong@', 'check "username" and "password"'],
    ]) {
      const refused = await refusalOf(lab, { url: `redis://${login}127.0.0.1:${(await lab.wayOf('node-9')).port}` })
      expect([refused?.code, refused?.message.includes(advice as string), refused?.message.includes('wrong@')]).toEqual([
        'store-io',
        true,
        false,
      ])
    }
  })

  test('a Redis in which the prefix belongs to another application is left alone', async () => {
    await using lab = await RedisNodes.start({ count: 0 })
    await lab.redis.send('SET', 'beamclaw:store', 'theirs')
    const refused = await refusalOf(lab, {})
    expect(refused?.code).toMatch(/^(?:store-io|log-corrupt)$/)
    expect(refused?.message).toContain('prefix')
    expect(await lab.redis.send('GET', 'beamclaw:store')).toBe('theirs')
    expect(await lab.redis.send('DBSIZE')).toBe(1)
  })
})
