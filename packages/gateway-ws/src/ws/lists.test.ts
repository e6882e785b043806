/** What there is, and how it is, as clients are told of it; each frame is checked against the published schema as it comes. */
import { describe, expect, test } from 'vitest'
import { RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

const hello = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

describe('lists', () => {
  test('of agents and sessions are as published', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    expect(await client.ask('agents.list')).toMatchObject({
      defaultId: 'main',
      agents: [{ id: 'main', model: { primary: 'test/model' } }, { id: 'other' }],
    })
    for (const name of ['a', 'b', 'c']) {
      await client.ask('chat.send', { ...hello, sessionKey: name, idempotencyKey: name })
      await client.chatEnd(name)
    }
    expect(await client.ask('sessions.list')).toMatchObject({
      count: 3,
      hasMore: false,
      sessions: [{ key: 'agent:main:a', kind: 'direct' }, {}, {}],
    })
    const page = await client.ask('sessions.list', { limit: 2, offset: 1 })
    expect(page).toMatchObject({ hasMore: false, sessions: [{ key: 'agent:main:b' }, { key: 'agent:main:c' }] })
    expect(await client.ask('sessions.list', { limit: 1 })).toMatchObject({ hasMore: true, nextOffset: 1 })
    expect(await client.ask('sessions.list', { agentId: 'other' })).toMatchObject({ count: 0 })
  })

  test('health and status say how it is', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    expect(await client.ask('health')).toMatchObject({ ok: true, version: '1.2.3' })
    expect(await client.ask('status')).toMatchObject({
      readiness: 'ready',
      protocol: 4,
      connections: 1,
      agents: [{ id: 'main', model: 'test/model' }, {}],
    })
  })
})
