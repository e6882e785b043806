import { LocalEventBus } from '@beamclaw/actor'
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { RunEvent } from '../base/events.ts'
import { SoloCluster } from '../defaults/solo-cluster.ts'
import { FunctionModel, stage } from '../testing/model.ts'
import { partTree } from '../testing/parts.ts'

const key = 'agent:main:main'
const tenants = ['default', 'acme'] as const

const echo = (): FunctionModel => new FunctionModel(({ messages }) => ({ text: `heard ${String(messages.at(-1)?.content)}` }))

describe('two tenants with the same session key share nothing', () => {
  test('neither history nor events, store keys, leases, idempotency keys or lists', async () => {
    const leases: string[] = []
    const topics = new Set<string>()
    const cluster = new SoloCluster()
    const acquire = cluster.acquire.bind(cluster)
    cluster.acquire = (name, ...rest) => {
      leases.push(name)
      return acquire(name, ...rest)
    }
    const events = new LocalEventBus<RunEvent>()
    const publish = events.publish.bind(events)
    events.publish = (topic, event) => {
      topics.add(topic)
      publish(topic, event)
    }
    const set = await stage(echo(), {}, { tenants, cluster, events })
    const [ours, theirs] = tenants.map((id) => set.claw.tenant(id).session(key))
    const seen: string[] = []
    void (async () => {
      for await (const event of theirs?.subscribe(1, { waitForFirstMessage: true }) ?? []) seen.push(event.type)
    })()
    await flushEventLoop()
    await ours?.send('secret', { idempotencyKey: 'one' }).result()
    await expect(theirs?.history()).rejects.toMatchObject({ code: 'unknown-session' })
    expect(await set.claw.tenant('acme').sessions()).toEqual([])
    expect(seen).toEqual([])
    expect((await theirs?.send('hello', { idempotencyKey: 'one' }).result())?.text).toBe('heard hello')
    expect((await theirs?.history())?.messages.map(({ message }) => message.role)).toEqual(['user', 'assistant'])
    expect(JSON.stringify(set.model.requests[1])).not.toContain('secret')
    for (const names of [leases, [...topics]]) {
      expect(names.some((name) => !name.startsWith('default:') && !name.startsWith('acme:'))).toBe(false)
      const withoutTenant = (tenant: string) => names.filter((name) => name.startsWith(tenant)).map((name) => name.slice(tenant.length))
      expect(new Set(withoutTenant('acme'))).toEqual(new Set(withoutTenant('default')))
    }
    expect(set.claw.tree()).toMatchObject({ children: [{ id: 'tenants', children: [{ id: 'default' }, { id: 'acme' }] }] })
    for (const tenant of tenants) expect(partTree(set.claw, 'sessions', tenant)?.children).toMatchObject([{ id: key }])
    await set.claw.stop()
  })

  test('each goes on with its own interrupted run after a crash', async () => {
    let isHeld = true
    const model = new FunctionModel(({ messages }) => (isHeld ? new Promise(() => {}) : { text: `heard ${String(messages[0]?.content)}` }))
    const set = await stage(model, {}, { tenants })
    for (const tenant of tenants) await set.claw.tenant(tenant).session(key).send(`from ${tenant}`, { idempotencyKey: 'one' }).accepted
    await flushEventLoop()
    isHeld = false
    const claw = await set.restart()
    expect(await claw.resumed).toBe(2)
    for (const tenant of tenants) expect((await claw.tenant(tenant).session(key).follow('one').result()).text).toBe(`heard from ${tenant}`)
    await claw.stop()
  })
})

describe('the tenants of a BeamClaw', () => {
  test('are those it was made with; without a word there is one that nobody has to name', async () => {
    const { claw } = await stage(echo())
    expect((await claw.session(key).send('hello').result()).text).toBe('heard hello')
    expect((await claw.tenant('default').session(key).history()).total).toBe(2)
    expect(() => claw.tenant('acme')).toThrowError(expect.objectContaining({ code: 'unknown-tenant' }))
    expect(() => claw.tenant('no/tenant')).toThrowError(expect.objectContaining({ code: 'invalid-id' }))
    await claw.stop()
  })

  test.each([
    [[], 'invalid-option'],
    [['a b'], 'invalid-id'],
    [[7], 'invalid-id'],
  ])('are checked: %j', async (given, code) => {
    await expect(stage(echo(), {}, { tenants: given as readonly string[] })).rejects.toMatchObject({ code })
  })
})
