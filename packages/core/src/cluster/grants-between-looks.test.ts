import { describe, expect, test } from 'vitest'
import { lease } from './testing/session-events.ts'
import { two } from './testing/two-nodes.ts'

describe('a session without an owner', () => {
  test.each(['owner', 'other'] as const)('that was started and ended between two looks is a gap: a reader on %s', async (where) => {
    const { clock, net, owner, other, listen } = await two()
    net.owners.clear()
    net.epochs.set(lease, 5)
    const { subscription, counts } = listen(where === 'owner' ? owner : other)
    await subscription.ready
    await clock.advance(10_000)
    expect(counts.gaps).toBe(0)
    net.epochs.set(lease, 6)
    await clock.advance(5_000)
    expect(counts.gaps).toBe(1)
    await clock.advance(20_000)
    expect(counts.gaps).toBe(1)
    await subscription.stop()
  })

  test('is a gap where it starts, as it may have been elsewhere; not when it has run there since', async () => {
    const { clock, net, owner, listen } = await two()
    net.owners.clear()
    net.epochs.set(lease, 5)
    const { subscription, counts } = listen(owner)
    await subscription.ready
    owner.running.add(lease)
    owner.events.sessionStarted(lease)
    expect(counts.gaps).toBe(1)
    owner.events.sessionStarted(lease)
    await clock.advance(10_000)
    owner.running.delete(lease)
    net.epochs.set(lease, 7)
    owner.events.sessionMoved(lease)
    await clock.advance(10_000)
    expect(counts.gaps).toBe(1)
    await subscription.stop()
  })
})
