import { describe, expect, test } from 'vitest'
import { DeathWatch } from './death-watch.ts'
import { decodeMember, encodeMember } from './member-record.ts'
import type { ListedNode } from './member-view.ts'

const ttlMs = 15_000
const record = { id: 'b', state: 'up', load: 0, wire: [1, 1], records: [1, 1], isMember: true, heartbeatMs: 1_000, ttlMs } as const

/** A node that renewed at a time. */
function node(renewedAt: number, listeners: number, incarnation = 'other', heartbeatMs = 1_000): ListedNode {
  const text = encodeMember({ ...record, heartbeatMs } as never)
  return { incarnation, ends: String(renewedAt + ttlMs), listeners, record: decodeMember(text) }
}

/** Lists at times; returns the suspects after the last one, as the next heartbeat sees them. */
function suspectsAfter(...lists: readonly (readonly [now: number, ...nodes: readonly ListedNode[]])[]): readonly string[] {
  const watch = new DeathWatch(1_000)
  for (const [now, ...nodes] of lists) watch.see({ now, nodes }, 'self', now - 5_000)
  return watch.suspects((lists.at(-1)?.[0] ?? 0) - 4_000).map(({ incarnation }) => incarnation)
}

describe('a node without a listener', () => {
  test('is suspected at the second look, when it is late', () => {
    expect(suspectsAfter([10_000, node(9_500, 0)])).toEqual(['other'])
    expect(suspectsAfter([10_000, node(9_500, 0)], [11_000, node(9_500, 0)])).toEqual(['other'])
  })

  test('is not suspected when it renewed between the looks, or not so long ago', () => {
    expect(suspectsAfter([10_000, node(9_500, 0)], [11_000, node(10_500, 0)], [12_000, node(11_600, 0)])).toEqual([])
    expect(suspectsAfter([10_000, node(9_900, 0)])).toEqual([])
  })

  test('is not suspected when its channel was heard again, nor after looks in quick succession', () => {
    expect(suspectsAfter([10_000, node(9_000, 0)], [11_000, node(9_000, 1)])).toEqual([])
    const watch = new DeathWatch(1_000)
    for (const now of [10_000, 10_010, 10_020]) watch.see({ now, nodes: [node(8_000, 0)] }, 'self', now)
    expect(watch.suspects(10_030)).toEqual([])
  })

  test('is not suspected by itself, nor when its record cannot be read, nor after the observer was away', () => {
    expect(suspectsAfter([10_000, node(0, 0, 'self')])).toEqual([])
    expect(suspectsAfter([10_000, { ...node(0, 0), record: undefined }])).toEqual([])
    const watch = new DeathWatch(1_000)
    watch.see({ now: 10_000, nodes: [node(0, 0)] }, 'self', 10_000)
    watch.pauseUntil(15_000)
    expect(watch.suspects(11_000)).toEqual([])
    for (const now of [12_000, 14_000]) watch.see({ now, nodes: [node(0, 0)] }, 'self', now)
    expect(watch.suspects(14_900)).toEqual([])
    expect(watch.suspects(15_000)).toHaveLength(1)
  })

  test('is not suspected after an absence of the server on what was seen before it', () => {
    const watch = new DeathWatch(1_000)
    watch.see({ now: 10_000, nodes: [node(0, 0)] }, 'self', 10_000)
    watch.pauseUntil(15_000)
    expect(watch.suspects(15_000)).toEqual([])
    watch.see({ now: 15_000, nodes: [node(0, 0)] }, 'self', 15_000)
    expect(watch.suspects(15_100)).toEqual([])
    expect(watch.suspects(16_000)).toHaveLength(1)
  })

  test('is late by its own heartbeat where that is slower than the one of the observer', () => {
    const slow = node(9_500, 0, 'slow', 5_000)
    expect(suspectsAfter([10_000, slow], [15_000, slow])).toEqual([])
    expect(suspectsAfter([10_000, slow], [16_500, slow])).toEqual(['slow'])
  })
})
