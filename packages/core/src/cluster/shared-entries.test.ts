import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import { Presence, type PresenceChange } from './presence.ts'
import { codeOf } from './testing/code-of.ts'
import { EntryNet, type EntryNode } from './testing/entry-net.ts'

async function scene(...names: readonly string[]) {
  const clock = new ManualClock()
  const net = new EntryNet(clock)
  const nodes = names.map((name) => net.join(name))
  net.lookAll()
  await flushEventLoop()
  return { clock, net, nodes: nodes as [EntryNode, EntryNode, EntryNode] }
}

function presenceOf(node: EntryNode): Presence {
  return new Presence(node.entries, () => node.self.id)
}

/** Lets what takes several turns end, such as a table of many pages. */
async function rest(): Promise<void> {
  for (let round = 0; round < 40; round++) await flushEventLoop()
}

describe('what is present', () => {
  test('is the same at all nodes, sorted by key and node, with each of several entries of one key', async () => {
    const { nodes } = await scene('a', 'b')
    const [atA, atB] = nodes.map(presenceOf) as [Presence, Presence]
    const leave = atB.track('room', 'ann', { tab: 2 })
    atA.track('room', 'bob')
    atA.track('room', 'ann', { tab: 1 })
    atA.track('elsewhere', 'ann')
    await flushEventLoop()
    const expected = [
      { key: 'ann', meta: { tab: 1 }, node: 'a' },
      { key: 'ann', meta: { tab: 2 }, node: 'b' },
      { key: 'bob', meta: null, node: 'a' },
    ]
    expect([atA.list('room'), atB.list('room')]).toEqual([expected, expected])
    leave()
    leave()
    await flushEventLoop()
    expect(atA.list('room').map(({ node }) => node)).toEqual(['a', 'a'])
  })

  test('is a copy of what was given, and can be changed by no reader', async () => {
    const { nodes } = await scene('a', 'b')
    const meta = { seen: [1] }
    presenceOf(nodes[0]).track('room', 'ann', meta)
    meta.seen.push(2)
    await flushEventLoop()
    for (const presence of nodes.map(presenceOf)) {
      const [entry] = presence.list('room')
      expect(entry?.meta).toEqual({ seen: [1] })
      expect(() => (entry as unknown as { meta: { seen: number[] } }).meta.seen.push(3)).toThrow(TypeError)
      presence.list('room').pop()
      expect(presence.list('room')).toHaveLength(1)
    }
  })

  test('of a node that left is gone as soon as this node sees it leave, and listeners hear of it', async () => {
    const { net, nodes } = await scene('a', 'b')
    const heard: PresenceChange[] = []
    presenceOf(nodes[0]).on('room', (change) => heard.push(change))
    presenceOf(nodes[1]).track('room', 'bob')
    await flushEventLoop()
    net.kill(nodes[1])
    nodes[0].look()
    expect(presenceOf(nodes[0]).list('room')).toEqual([])
    await flushEventLoop()
    const bob = { key: 'bob', meta: null, node: 'b' }
    expect(heard).toEqual([
      { joined: [bob], left: [] },
      { joined: [], left: [bob] },
    ])
  })

  test('is learned by a node that joins late, also one that is told something before it sees the teller', async () => {
    const { net, nodes } = await scene('a', 'b')
    for (const node of nodes) presenceOf(node).track('room', node.self.id)
    await flushEventLoop()
    const late = net.join('c')
    late.members = late.members.filter(({ id }) => id !== 'b')
    nodes[0].look()
    nodes[1].look()
    await rest()
    expect(late.keysOf('room')).toEqual(['a@a'])
    late.look()
    await rest()
    expect(late.keysOf('room')).toEqual(['a@a', 'b@b'])
  })

  test('is told again by a node that was cut off and comes back as another life', async () => {
    const { net, nodes } = await scene('a', 'b')
    presenceOf(nodes[0]).track('room', 'ann')
    await flushEventLoop()
    nodes[0].isCutOff = true
    nodes[1].look()
    expect([nodes[0].keysOf('room'), nodes[1].keysOf('room')]).toEqual([['ann@a'], []])
    nodes[0].rejoin()
    net.lookAll()
    await rest()
    expect([nodes[0].keysOf('room'), nodes[1].keysOf('room')]).toEqual([['ann@a'], ['ann@a']])
  })

  test('is not listed once its node is no member, also before this node was told that it left', async () => {
    const { nodes } = await scene('a', 'b')
    presenceOf(nodes[1]).track('room', 'bob')
    await flushEventLoop()
    nodes[0].members = nodes[0].members.filter(({ id }) => id === 'a')
    expect(nodes[0].keysOf('room')).toEqual([])
  })

  test('is told at once by a node that comes back, also to one that had no need of the table before', async () => {
    const { net, nodes } = await scene('a', 'b')
    nodes[1].isCutOff = true
    presenceOf(nodes[1]).track('room', 'bob')
    await flushEventLoop()
    nodes[0].look()
    nodes[1].rejoin()
    await flushEventLoop()
    net.lookAll()
    await rest()
    expect(nodes[0].keysOf('room')).toEqual(['bob@b'])
  })

  test('is read in pages, and what changes meanwhile is not lost', async () => {
    const { net, nodes } = await scene('a')
    const presence = presenceOf(nodes[0])
    const leave = Array.from({ length: 12_000 }, (_, n) => presence.track('room', `key${n}`, 'x'.repeat(60)))
    await rest()
    const late = net.join('b')
    nodes[0].look()
    let pages = 0
    net.way = ({ kind }) => {
      if (kind === 'request' && ++pages === 3) {
        leave[0]?.()
        leave[11_999]?.()
        presence.track('room', 'last')
      }
      return 'arrives'
    }
    await rest()
    expect(pages).toBeGreaterThan(3)
    const keys = late.entries.list('room').map(({ key }) => key)
    expect([keys.length, keys.includes('key0'), keys.includes('key11999'), keys.includes('last')]).toEqual([11_999, false, false, true])
  })
})

describe('what was lost', () => {
  test('is found by the next change', async () => {
    const { net, nodes } = await scene('a', 'b')
    net.way = () => 'lost'
    presenceOf(nodes[0]).track('room', 'one')
    await flushEventLoop()
    net.way = () => 'arrives'
    presenceOf(nodes[0]).track('room', 'two')
    await rest()
    expect(nodes[1].keysOf('room')).toEqual(['one@a', 'two@a'])
  })

  test('is found by the digest after 15 s, also that the last entry was removed', async () => {
    const { clock, net, nodes } = await scene('a', 'b')
    const leave = presenceOf(nodes[0]).track('room', 'one')
    await flushEventLoop()
    net.way = () => 'lost'
    leave()
    await flushEventLoop()
    net.way = () => 'arrives'
    await clock.advance(14_999)
    expect(nodes[1].keysOf('room')).toEqual(['one@a'])
    await clock.advance(1)
    await rest()
    expect(nodes[1].keysOf('room')).toEqual([])
  })

  test('is not asked for while nothing was lost', async () => {
    const { clock, nodes } = await scene('a', 'b')
    presenceOf(nodes[0]).track('room', 'one')
    await clock.advance(60_000)
    expect([nodes[0].sent, nodes[1].sent]).toEqual([5, 0])
  })
})

test('without another member, or an entry, there is no timer and no message', async () => {
  const { clock, net, nodes } = await scene('a')
  const presence = presenceOf(nodes[0])
  presence.on('room', () => {})
  presence.track('room', 'ann')
  await clock.advance(60_000)
  expect([clock.pendingTimers, nodes[0].sent]).toEqual([0, 0])
  const other = net.join('b')
  presenceOf(other).list('room')
  net.lookAll()
  await rest()
  expect([clock.pendingTimers, other.sent, other.keysOf('room')]).toEqual([1, 1, ['ann@a']])
  net.kill(other)
  nodes[0].look()
  expect(clock.pendingTimers).toBe(0)
})

describe('a listener', () => {
  test('hears of what changed since it began, once a turn, and not of what came and went within one', async () => {
    const { nodes } = await scene('a')
    const presence = presenceOf(nodes[0])
    presence.track('room', 'before')
    const heard: string[][] = []
    const off = presence.on('room', ({ joined, left }) =>
      heard.push([...joined.map(({ key }) => `+${key}`), ...left.map(({ key }) => `-${key}`)]),
    )
    const leave = presence.track('room', 'one')
    presence.track('room', 'brief')()
    presence.track('elsewhere', 'two')
    expect(heard).toEqual([])
    await flushEventLoop()
    leave()
    await flushEventLoop()
    off()
    presence.track('room', 'after')
    await flushEventLoop()
    expect(heard).toEqual([['+one'], ['-one']])
  })

  test('that fails is logged, and the others are called', async () => {
    const { nodes } = await scene('a')
    const presence = presenceOf(nodes[0])
    let calls = 0
    presence.on('room', () => {
      throw new Error('no')
    })
    presence.on('room', () => Promise.reject(new Error('no')))
    presence.on('room', () => calls++)
    presence.track('room', 'ann')
    await flushEventLoop()
    expect([calls, nodes[0].logged]).toEqual([1, ['cluster.listener-failed', 'cluster.listener-failed']])
  })
})

describe('what arrives', () => {
  const forged: readonly (readonly [string, JsonObject])[] = [
    ['nothing', {}],
    ['no numbers', { head: 'x', changes: [] }],
    ['a head below zero', { head: -1, changes: [] }],
    ['more changes than the head counts', { head: 0, changes: [1] }],
    ['no list', { head: 1, changes: { length: 1 } }],
    ['too many changes', { head: 9_000, changes: Array.from({ length: 9_000 }, () => 1) }],
    ['strange changes', { head: 5, changes: [null, 'x', [], ['room', '', null], ['room', 'k'.repeat(257), null]] }],
    ['a large meta', { head: 1, changes: [['room', 'key', 'x'.repeat(5_000)]] }],
    ['removals of nothing', { head: 2, changes: [7, 1.5] }],
  ]

  test.each(forged)('and has %s changes nothing', async (_what, body) => {
    const { nodes } = await scene('a', 'b')
    const before = nodes[1].self
    expect(() => nodes[0].entries.take(body, before)).not.toThrow()
    await rest()
    expect(nodes[0].entries.list('room')).toEqual([])
  })

  test('and cannot be read counts all the same, so that what follows it needs no reading', async () => {
    const { nodes } = await scene('a', 'b')
    nodes[0].entries.take(
      {
        head: 2,
        changes: [
          ['room', 5, null],
          ['room', 'ann', null],
        ],
      },
      nodes[1].self,
    )
    expect([nodes[0].keysOf('room'), nodes[0].sent]).toEqual([['ann@b'], 0])
  })

  test('from a life before changes nothing', async () => {
    const { net, nodes } = await scene('a', 'b')
    const before = nodes[1].self
    nodes[1].isCutOff = true
    nodes[1].rejoin()
    net.lookAll()
    nodes[0].entries.take({ head: 1, changes: [['room', 'old', null]] }, before)
    await rest()
    expect(nodes[0].keysOf('room')).toEqual([])
  })

  test.each<readonly [string, JsonValue]>([
    ['is no page', null],
    ['leads back', { head: 9, entries: [[1, 'room', 'x', null]], next: 0 }],
    ['leads nowhere', { head: 9, entries: [], next: 5 }],
    ['has strange ids', { head: 9, entries: [['x', 'room', 'x', null], [0, 'room', 'x', null], 7, ['room']] }],
  ])('as an answer that %s changes nothing', async (_what, page) => {
    const { clock, nodes } = await scene('a', 'b')
    nodes[1].entries.page = () => page as never
    nodes[0].entries.take({ head: 9, changes: [] }, nodes[1].self)
    await rest()
    expect([nodes[0].keysOf('room'), nodes[0].sent, clock.pendingTimers]).toEqual([[], 1, 0])
  })
})

describe('bad input', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic

  test.each<readonly [string, (presence: Presence) => unknown]>([
    ['a topic that is empty', (presence) => presence.track('', 'key')],
    ['a key that is too long', (presence) => presence.track('room', 'k'.repeat(257))],
    ['a key that is no string', (presence) => presence.track('room', 7 as unknown as string)],
    ['a meta that is too large', (presence) => presence.track('room', 'key', 'x'.repeat(4_095))],
    ['a meta that is a function', (presence) => presence.track('room', 'key', (() => {}) as unknown as JsonValue)],
    ['a meta that contains itself', (presence) => presence.track('room', 'key', cyclic as JsonValue)],
    ['a topic to list that is no string', (presence) => presence.list(undefined as unknown as string)],
    ['a listener that is none', (presence) => presence.on('room', 'x' as unknown as () => void)],
  ])('%s is invalid-option', async (_what, act) => {
    const { nodes } = await scene('a')
    expect(codeOf(() => act(presenceOf(nodes[0])))).toBe('invalid-option')
    expect(nodes[0].entries.list('room')).toEqual([])
  })

  test('more than 100,000 entries are overloaded, until one is removed', async () => {
    const { nodes } = await scene('a')
    const presence = presenceOf(nodes[0])
    const leave = Array.from({ length: 100_000 }, (_, n) => presence.track(`room${n}`, 'key'))
    expect(codeOf(() => presence.track('room', 'key'))).toBe('overloaded')
    leave[5]?.()
    expect(codeOf(() => presence.track('room', 'key'))).toBe('nothing was thrown')
  })
})

test('a stopped node takes its entries back, hears nothing, and refuses new ones', async () => {
  const { clock, nodes } = await scene('a', 'b')
  const presence = presenceOf(nodes[0])
  const heard: unknown[] = []
  presence.on('room', (change) => heard.push(change))
  const leave = presence.track('room', 'ann')
  presenceOf(nodes[1]).track('room', 'bob')
  await flushEventLoop()
  const before = heard.length
  nodes[0].entries.stop()
  leave()
  presenceOf(nodes[1]).track('room', 'eve')
  await flushEventLoop()
  expect([presence.list('room'), nodes[1].keysOf('room'), heard.length]).toEqual([[], ['bob@b', 'eve@b'], before])
  expect(codeOf(() => presence.track('room', 'ann'))).toBe('actor-not-running')
  nodes[1].entries.stop()
  expect(clock.pendingTimers).toBe(0)
})
