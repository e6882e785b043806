import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import type { Cluster } from '../ports/cluster.ts'
import { OwnEntries } from './own-entries.ts'

const cluster = { self: { id: 'a', incarnation: 'a-1' }, members: [{ incarnation: 'a-1' }, { incarnation: 'b-1' }] } as unknown as Cluster

test('a digest comes after the changes that it counts: the other node has missed none', async () => {
  const told: unknown[] = []
  const entries = new OwnEntries({
    cluster,
    clock: new ManualClock(),
    tell: (_, head, changes) => told.push([head, changes]),
    maxItems: 10,
  })
  entries.add('room', 'ann', null)
  entries.digest()
  await flushEventLoop()
  expect(told).toEqual([
    [1, [['room', 'ann', null]]],
    [1, []],
  ])
  entries.stop()
})
