import { systemServices } from '@beamclaw/actor'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { parseNodeId, parseTenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Cluster, Member } from '../ports/cluster.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { ClusterSettings } from './cluster-settings.ts'

const key: StoreKey = [parseTenantId('default'), 'settings']

/** Nodes over one store, whose tells arrive unless `isDeaf`. */
function scene(count: number) {
  const clock = new ManualClock()
  const store = new MemoryStore()
  const logged: string[] = []
  const services = systemServices({ clock, logger: { log: (_level, event) => logged.push(event) } })
  const members: Member[] = Array.from({ length: count }, (_, index) => ({
    id: parseNodeId(`n${index}`),
    incarnation: `n${index}`,
    state: 'up',
    load: 0,
    wire: [1, 1],
    records: [1, 1],
  }))
  const net = { isDeaf: false, reads: 0, failure: undefined as Error | undefined }
  const nodes: ClusterSettings[] = members.map((self) => {
    const tell: Cluster['tell'] = (to, body) => {
      if (!net.isDeaf) nodes[members.findIndex(({ id }) => id === to.id)]?.take(body)
    }
    return new ClusterSettings({
      store: {
        get: async (where) => {
          net.reads++
          if (net.failure !== undefined) throw net.failure
          return store.get(where)
        },
        put: (...given) => store.put(...given),
      },
      key,
      cluster: { self, members, tell } as unknown as Cluster,
      services,
    })
  })
  return { clock, store, net, logged, nodes: nodes as [ClusterSettings, ClusterSettings] }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return BeamClawError.isInstance(error) ? error.code : `no code: ${String(error)}`
}

describe('settings', () => {
  test('are empty at version 0, then what was made of them last, at each node', async () => {
    const { nodes } = scene(2)
    expect(await nodes[0].read()).toEqual({ version: 0, value: {} })
    expect(await nodes[0].update((current) => ({ ...current, a: 1 }))).toEqual({ version: 1, value: { a: 1 } })
    expect(await nodes[1].update((current) => ({ ...current, b: 2 }))).toEqual({ version: 2, value: { a: 1, b: 2 } })
    const { value } = await nodes[0].read()
    expect(value).toEqual({ a: 1, b: 2 })
    expect(() => Object.assign(value, { c: 3 })).toThrow(TypeError)
  })

  test('lose no update of nodes that make them at once', async () => {
    const { clock, nodes } = scene(4)
    const count = ({ n = 0 }: { readonly n?: number }): JsonObject => ({ n: n + 1 })
    const updates = nodes.flatMap((node) => Array.from({ length: 10 }, () => node.update(count as (current: JsonObject) => JsonObject)))
    const all = Promise.all(updates)
    for (let round = 0; round < 60; round++) await clock.advance(50)
    await all
    expect(await nodes[0].read()).toEqual({ version: 40, value: { n: 40 } })
  })

  test('are given up after 20 tries when another one is always quicker', async () => {
    const { clock, nodes, store } = scene(1)
    let tries = 0
    const refused = codeOf(
      nodes[0].update((current) => {
        tries++
        void store.put(key, { by: 'another' })
        return current
      }),
    )
    for (let round = 0; round < 60; round++) await clock.advance(100)
    expect([await refused, tries]).toEqual(['version-conflict', 20])
  })

  test.each<readonly [string, string, (settings: ClusterSettings) => Promise<unknown>]>([
    ['no function', 'invalid-option', (settings) => settings.update({} as never)],
    ['a change that returns nothing', 'invalid-option', (settings) => settings.update((() => undefined) as never)],
    ['a change that returns an array', 'invalid-option', (settings) => settings.update((() => []) as never)],
    ['a change that is late', 'invalid-message', (settings) => settings.update((async () => ({})) as never)],
    ['a date in them', 'invalid-message', (settings) => settings.update(() => ({ at: new Date() }) as never)],
    ['more than 256 KiB', 'document-too-large', (settings) => settings.update(() => ({ text: 'x'.repeat(262_144) }))],
  ])('refuse %s: %s', async (_what, code, act) => {
    const { nodes, store } = scene(1)
    expect(await codeOf(act(nodes[0]))).toBe(code)
    expect(await store.get(key)).toBeUndefined()
    expect((await nodes[0].update(() => ({ fine: true }))).version).toBe(1)
  })

  test('that are no object in the store count as none, and can be replaced', async () => {
    const { nodes, store } = scene(1)
    await store.put(key, 'text')
    expect(await nodes[0].read()).toEqual({ version: 1, value: {} })
    expect(await nodes[0].update(() => ({ a: 1 }))).toEqual({ version: 2, value: { a: 1 } })
  })
})

describe('a listener', () => {
  test('has the present settings first, then each newer version, wherever it was made', async () => {
    const { nodes } = scene(2)
    await nodes[1].update(() => ({ a: 1 }))
    const heard: JsonValue[] = []
    const off = nodes[0].on(({ version, value }) => heard.push([version, value]))
    expect(heard).toEqual([])
    await flushEventLoop()
    await nodes[1].update(() => ({ a: 2 }))
    await flushEventLoop()
    await nodes[0].update(() => ({ a: 3 }))
    await flushEventLoop()
    off()
    await nodes[1].update(() => ({ a: 4 }))
    await flushEventLoop()
    expect(heard).toEqual([
      [1, { a: 1 }],
      [2, { a: 2 }],
      [3, { a: 3 }],
    ])
  })

  test('finds a lost tell within 15 s, and without a listener there is no look and no timer', async () => {
    const { clock, net, nodes } = scene(2)
    const heard: number[] = []
    const off = nodes[0].on(({ version }) => heard.push(version))
    await flushEventLoop()
    net.isDeaf = true
    await nodes[1].update(() => ({ a: 1 }))
    await clock.advance(14_999)
    expect(heard).toEqual([0])
    await clock.advance(1)
    expect(heard).toEqual([0, 1])
    off()
    const { reads } = net
    net.isDeaf = false
    await nodes[1].update(() => ({ a: 2 }))
    await clock.advance(60_000)
    expect([clock.pendingTimers, net.reads - reads]).toEqual([0, 1])
  })

  test('is called when the store can be read again', async () => {
    const { clock, logged, net, nodes } = scene(1)
    net.failure = new BeamClawError('store-io', 'away')
    const heard: number[] = []
    nodes[0].on(({ version }) => heard.push(version))
    await flushEventLoop()
    expect([heard, logged, nodes[0].status]).toEqual([[], ['settings.not-read'], undefined])
    net.failure = undefined
    await clock.advance(15_000)
    expect([heard, nodes[0].status]).toEqual([[0], { version: 0 }])
  })

  test('is called with one version at a time, the newest next', async () => {
    const { nodes } = scene(1)
    const heard: number[] = []
    const gates: PromiseWithResolvers<void>[] = []
    nodes[0].on(async ({ version }) => {
      heard.push(version)
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      await gate.promise
    })
    await flushEventLoop()
    for (const a of [1, 2, 3]) await nodes[0].update(() => ({ a }))
    await flushEventLoop()
    expect(heard).toEqual([0])
    gates[0]?.resolve()
    await flushEventLoop()
    expect(heard).toEqual([0, 3])
  })

  test('that hangs holds its node at the version that it was done with, and hears of none after it was taken back', async () => {
    const { nodes, clock } = scene(2)
    const heard: number[] = []
    const held = Promise.withResolvers<void>()
    const off = nodes[1].on(({ version }) => {
      heard.push(version)
      return version === 1 ? held.promise : undefined
    })
    await flushEventLoop()
    for (let update = 0; update < 3; update++) await nodes[0].update((current) => ({ ...current, update }))
    await flushEventLoop()
    expect([heard, nodes[1].status]).toEqual([[0, 1], { version: 0 }])
    off()
    held.resolve()
    await flushEventLoop()
    await clock.advance(20_000)
    expect([heard, nodes[1].status]).toEqual([[0, 1], undefined])
  })

  test('that fails is the problem of its node until it has applied a later version; the others are called', async () => {
    const { logged, nodes } = scene(1)
    const heard: number[] = []
    nodes[0].on(({ value }) => {
      if (value.isBad === true) throw new Error('cannot apply it')
    })
    nodes[0].on(({ version }) => heard.push(version))
    await flushEventLoop()
    expect(nodes[0].status).toEqual({ version: 0 })
    await nodes[0].update(() => ({ isBad: true }))
    await flushEventLoop()
    expect([nodes[0].status, logged]).toEqual([{ version: 1, problem: 'cannot apply it' }, ['settings.not-applied']])
    await nodes[0].update(() => ({}))
    await flushEventLoop()
    expect([nodes[0].status, heard]).toEqual([{ version: 2 }, [0, 1, 2]])
  })

  test('has a document that was written over one that the store lost, under the same version', async () => {
    const { clock, nodes, store } = scene(1)
    await nodes[0].update(() => ({ a: 1 }))
    const heard: JsonValue[] = []
    nodes[0].on(({ value }) => heard.push(value))
    await flushEventLoop()
    await store.delete(key)
    await store.put(key, { a: 2 })
    await clock.advance(15_000)
    expect(heard).toEqual([{ a: 1 }, { a: 2 }])
  })

  test('hears nothing after the end', async () => {
    const { clock, nodes } = scene(2)
    const heard: number[] = []
    nodes[0].on(({ version }) => heard.push(version))
    nodes[0].stop()
    nodes[0].on(({ version }) => heard.push(version))
    await nodes[1].update(() => ({ a: 1 }))
    await clock.advance(60_000)
    expect([heard, clock.pendingTimers, nodes[0].status]).toEqual([[], 0, undefined])
  })

  test('must be a function, and what is told by another node may be anything', () => {
    const { nodes } = scene(1)
    expect(() => nodes[0].on('x' as never)).toThrow('listener')
    for (const body of [null, 1, 'x', [], {}, { type: 1 }, { type: 'settings', version: 'x' }] as JsonValue[])
      expect(() => nodes[0].take(body)).not.toThrow()
  })
})
