import { BeamClaw, MemoryStore, silentLogger } from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { ManualClock } from '@beamclaw/core/testing'
import { MemoryNetwork, ScriptedProvider } from '@beamclaw/testkit'
import { expect, test } from 'vitest'

/** Nodes over one network, whose time a test moves. */
function cluster() {
  const clock = new ManualClock()
  const network = new MemoryNetwork({ clock })
  const store = new MemoryStore()
  const start = (id: string, services = { clock, logger: silentLogger }) =>
    new BeamClaw({
      providers: { test: new ScriptedProvider({ otherwise: 'yes' }) },
      agents: [{ id: 'main', model: 'test/any' }],
      tenants: ['default', 'acme'],
      store: wrapStore(store, { stop: async () => {} }),
      cluster: network.node(id),
      services,
    }).start()
  return { clock, network, start }
}

test('presence is that of all nodes, of each tenant alone, and ends with its node', async () => {
  const { clock, network, start } = cluster()
  const [first, second] = [await start('a'), await start('b')]
  await clock.advance(2_000)
  const heard: string[] = []
  first.presence.on('room', ({ joined, left }) => heard.push(...joined.map(({ key }) => `+${key}`), ...left.map(({ key }) => `-${key}`)))
  second.presence.track('room', 'ann', { tab: 1 })
  second.tenant('acme').presence.track('room', 'bob')
  await clock.advance(0)
  expect(first.presence.list('room')).toEqual([{ key: 'ann', meta: { tab: 1 }, node: 'b' }])
  expect(first.tenant('acme').presence.list('room')).toEqual([{ key: 'bob', meta: null, node: 'b' }])

  // Cut off for longer than its time to live, it comes back as another life, and tells its entries again.
  network.isolate('b')
  await clock.advance(30_000)
  expect(first.presence.list('room')).toEqual([])
  expect(second.presence.list('room')).toHaveLength(1)
  network.heal('b')
  await clock.advance(5_000)
  expect(first.presence.list('room')).toEqual([{ key: 'ann', meta: { tab: 1 }, node: 'b' }])

  const late = await start('c')
  await clock.advance(2_000)
  expect(late.presence.list('room')).toHaveLength(1)

  const stopping = second.stop()
  await clock.advance(2_000)
  await stopping
  expect([first.presence.list('room'), late.presence.list('room'), heard]).toEqual([[], [], ['+ann', '-ann', '+ann', '-ann']])
  expect(() => second.presence.track('room', 'ann')).toThrow('has ended')
  for (const claw of [first, late]) {
    const stopped = claw.stop()
    await clock.advance(1_000)
    await stopped
  }
})

test('a killed tree takes its entries back, though its node stays a member', async () => {
  const { clock, start } = cluster()
  const [first, second] = [await start('a'), await start('b')]
  await clock.advance(2_000)
  second.presence.track('room', 'ann')
  await clock.advance(0)
  second.kill()
  await clock.advance(0)
  expect([first.cluster.nodes.length, first.presence.list('room')]).toEqual([2, []])
})

test('a node without others tracks for itself', async () => {
  await using claw = await new BeamClaw({
    providers: { test: new ScriptedProvider({ otherwise: 'yes' }) },
    agents: [{ id: 'main', model: 'test/any' }],
  }).start()
  const heard: string[] = []
  claw.presence.on('room', ({ joined }) => heard.push(...joined.map(({ key }) => key)))
  claw.presence.track('room', 'ann')
  await new Promise((resolve) => setImmediate(resolve))
  expect([claw.presence.list('room'), heard]).toEqual([[{ key: 'ann', meta: null, node: 'solo' }], ['ann']])
})
