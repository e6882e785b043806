/** What there is, and how it is, as clients are told of it; each frame is checked against the published schema as it comes. */
import { silentLogger } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
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

  test('of sessions are sorted and narrowed as asked, and go on page by page where a cursor says', async () => {
    const clock = new ManualClock()
    await using stage = await scene({
      claw: { services: { clock, logger: silentLogger } },
      gateway: { services: { clock, logger: silentLogger } },
    })
    await using client = await RawClient.connected(stage.url)
    for (const [index, name] of ['c', 'a', 'd', 'b'].entries()) {
      const session = stage.claw.session(`agent:main:${name}`)
      await session.configure({ owner: index % 2 === 0 ? 'ada' : 'bob', ...(name === 'd' ? { label: 'late' } : {}) })
      await session.send('hello').result()
      await clock.advance(120_000)
    }
    await stage.claw.session('agent:main:c').send('again').result()
    interface Page {
      readonly sessions: readonly { readonly key: string; readonly owner?: string }[]
      readonly nextCursor: string | null
      readonly hasMore: boolean
    }
    const ask = (params: object): Promise<Page> => client.ask('sessions.list', params) as unknown as Promise<Page>
    const keys = async (params: object): Promise<string> => (await ask(params)).sessions.map(({ key }) => key.slice(-1)).join('')
    expect(await keys({})).toBe('abcd')
    expect(await keys({ sort: 'key' })).toBe('abcd')
    expect(await keys({ sort: 'updatedAt' })).toBe('cbda')
    expect(await keys({ sort: 'createdAt' })).toBe('bdac')
    expect(await keys({ owner: 'ada' })).toBe('cd')
    expect(await keys({ owner: 'ada', sort: 'updatedAt', label: 'late' })).toBe('d')
    expect(await keys({ prefix: 'agent:main:b' })).toBe('b')
    expect(await keys({ sort: 'updatedAt', activeMinutes: 5 })).toBe('cbd')
    expect(await keys({ activeMinutes: 5 })).toBe('bcd')
    expect((await ask({ label: 'late' })).sessions).toMatchObject([{ key: 'agent:main:d', owner: 'ada' }])
    for (const sort of ['key', 'updatedAt', 'createdAt'] as const) {
      const all = await keys({ sort })
      let [found, after]: [string, string | undefined] = ['', undefined]
      do {
        const page = await ask({ sort, limit: 1, ...(after === undefined ? {} : { after }) })
        expect(page.hasMore).toBe(page.nextCursor !== null)
        found += page.sessions.map(({ key }) => key.slice(-1)).join('')
        after = page.nextCursor ?? undefined
      } while (after !== undefined)
      expect(found).toBe(all)
    }
    const { nextCursor } = await ask({ sort: 'updatedAt', limit: 2 })
    expect(await keys({ sort: 'updatedAt', after: nextCursor, offset: 1 })).toBe('a')
    await expect(ask({ sort: 'updatedAt', after: 'agent:main:a' })).rejects.toThrow()
    await expect(ask({ prefix: 'user-7' })).rejects.toThrow()
    await expect(ask({ sort: 'label' })).rejects.toThrow()
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
