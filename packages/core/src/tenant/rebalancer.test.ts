import { ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import type { NodeId, SessionKey, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, Member, NodeRef } from '../ports/cluster.ts'
import type { NodePhase } from '../session/node-phase.ts'
import { NodeLink, type NodeLinkOptions } from './node-link.ts'
import { type BalancedTenant, Rebalancer } from './rebalancer.ts'

const minute = 60_000

function member(id: string, load: number): Member {
  return { id: id as NodeId, incarnation: `${id}-1`, state: 'up', load, wire: [1, 1], records: [1, 1] }
}

/** A node `a` with sessions at rest, which were used one after the other. The other nodes take what they are offered, unless `reply` says otherwise. */
function scene(count: number, members: Member[], reply: (offered: JsonValue) => JsonValue = takeAll) {
  const clock = new ManualClock()
  const phase = { value: 'running' as NodePhase }
  const offers: string[] = []
  const given: string[] = []
  const cluster = {
    self: { id: 'a' as NodeId, incarnation: 'a-1' },
    members,
    request: async (node: NodeRef, body: JsonValue) => {
      offers.push(node.id)
      return reply(body)
    },
  }
  const tenant: BalancedTenant = {
    id: 'default' as TenantId,
    resting: Array.from({ length: count }, (_, number) => ({ key: `agent:main:${number}` as SessionKey, usedAt: number })),
    canTake: (key) => !key.includes('strange'),
    giveTo: async (key) => {
      given.push(key)
      return true
    },
  }
  const services = { clock, logger: { log() {} } }
  const rebalancer = new Rebalancer({ cluster: cluster as unknown as Cluster, services, phase, tenants: [tenant] })
  return { clock, phase, cluster, services, tenant, rebalancer, offers, given }
}

const takeAll = (offered: JsonValue): JsonValue => ({
  taken: (offered as { readonly sessions: unknown[] }).sessions.map((_, index) => index),
})

const offer = (load: number, ...keys: readonly string[]): JsonValue => ({ load, sessions: keys.map((key) => ['default', key]) })

test('a node gives those that were used last, one of fifty each minute, and nothing once it has ended', async () => {
  const { clock, rebalancer, given } = scene(100, [member('a', 100), member('b', 0)])
  rebalancer.begin()
  await clock.advance(minute - 1)
  expect(given).toEqual([])
  await clock.advance(1)
  expect(given).toEqual(['agent:main:99', 'agent:main:98'])
  await clock.advance(minute)
  expect(given).toHaveLength(4)
  rebalancer.end()
  await clock.advance(5 * minute)
  expect([given.length, clock.pendingTimers]).toEqual([4, 0])
})

test('a round is left out after a node has left, after this one came back as another life, and while it is cut off', async () => {
  const { clock, rebalancer, cluster, phase, given } = scene(50, [member('a', 100), member('b', 0)])
  rebalancer.begin()
  rebalancer.membersLeft()
  await clock.advance(minute)
  expect(given).toHaveLength(0)
  await clock.advance(minute)
  expect(given).toHaveLength(1)
  cluster.self = { ...cluster.self, incarnation: 'a-2' }
  cluster.members[0] = { ...member('a', 100), incarnation: 'a-2' }
  await clock.advance(minute)
  expect(given).toHaveLength(1)
  phase.value = 'isolated'
  await clock.advance(minute)
  expect(given).toHaveLength(1)
  phase.value = 'running'
  await clock.advance(minute)
  expect(given).toHaveLength(2)
})

test('only what the other node takes is given, and nothing to one that does not understand the offer', async () => {
  const some = scene(200, [member('a', 300), member('b', 0)], () => ({ taken: [1, 3, 77, 'x'] }))
  some.rebalancer.begin()
  await some.clock.advance(minute)
  expect(some.given).toEqual(['agent:main:198', 'agent:main:196'])
  for (const reply of [() => ({}), () => null, () => ({ taken: 'all' }), () => Promise.reject(new Error('unknown-message'))]) {
    const { clock, rebalancer, offers, given } = scene(200, [member('a', 300), member('b', 0)], reply as () => JsonValue)
    rebalancer.begin()
    await clock.advance(2 * minute)
    expect([offers, given]).toEqual([['b', 'b'], []])
  }
})

test.each<[what: string, happens: (members: Member[]) => void]>([
  ['one drains', (members) => members.splice(2, 1, { ...member('c', 0), state: 'draining' })],
  ['the one that takes them leaves', (members) => members.splice(1, 1)],
  ['the one that takes them comes back as another life', (members) => members.splice(1, 1, { ...member('b', 0), incarnation: 'b-2' })],
])('a node stops to give when %s meanwhile', async (_, happens) => {
  const { clock, rebalancer, cluster, tenant, given } = scene(200, [member('a', 300), member('b', 0), member('c', 0)])
  const { giveTo } = tenant
  Object.assign(tenant, {
    giveTo: (key: SessionKey, node: NodeRef) => {
      happens(cluster.members)
      return giveTo(key, node)
    },
  })
  rebalancer.begin()
  await clock.advance(minute)
  expect(given).toHaveLength(1)
})

test('a node takes what it can start, as long as it has less to do, and nothing while it or another one ends', async () => {
  const { rebalancer, cluster, phase } = scene(0, [member('a', 10), member('b', 100)])
  const keys = ['agent:main:1', 'agent:strange:2', 'agent:main:3']
  expect(await rebalancer.onOffer(offer(100, ...keys))).toEqual({ taken: [0, 2] })
  expect(await rebalancer.onOffer(offer(12, ...keys))).toEqual({ taken: [0] })
  expect(await rebalancer.onOffer(offer(10, ...keys))).toEqual({ taken: [] })
  expect(await rebalancer.onOffer({ load: 100, sessions: [['elsewhere', 'agent:main:1']] })).toEqual({ taken: [] })
  cluster.members[1] = { ...member('b', 100), state: 'draining' }
  expect(await rebalancer.onOffer(offer(100, ...keys))).toEqual({ taken: [] })
  cluster.members[1] = member('b', 100)
  phase.value = 'draining'
  expect(await rebalancer.onOffer(offer(100, ...keys))).toEqual({ taken: [] })
})

test.each<[string, JsonValue]>([
  ['no object', null],
  ['no load', { sessions: [] }],
  ['no sessions', { load: 1 }],
  ['a session that is none', { load: 1, sessions: ['x'] }],
  ['a key that is none', { load: 1, sessions: [['default', 'x']] }],
])('an offer of another version is refused: %s', async (_, body) => {
  const { rebalancer } = scene(0, [member('a', 1)])
  await expect(rebalancer.onOffer(body)).rejects.toThrow()
})

test('where the place of a session follows from its key, nothing is offered, taken or timed', async () => {
  const { clock, cluster, services, phase, tenant, given, offers } = scene(100, [member('a', 100), member('b', 0)])
  const fixed = { ...cluster, hasFixedPlaces: true, announce: async () => {} }
  const linked = { ...tenant, sessionCount: 100, busyCount: 0, membersLeft() {} }
  const options = { cluster: fixed, services, phase, tenants: [linked], onLost() {}, isRebalanced: true }
  const link = new NodeLink(options as unknown as NodeLinkOptions)
  link.begin()
  await clock.advance(3 * minute)
  expect([given, offers, clock.pendingTimers]).toEqual([[], [], 1])
  await expect(link.onRequest({ type: 'sessions.offer', load: 200, sessions: [] }, member('b', 0))).rejects.toThrow('does not know')
  link.end()
  expect(clock.pendingTimers).toBe(0)
})
