/** Subscribers that come soon after one another. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { defaultTenant, parseSessionKey } from '../base/ids.ts'
import { committedTopic } from '../session/session-names.ts'
import { durable, lease } from './testing/session-events.ts'
import { two } from './testing/two-nodes.ts'

const zero = { followed: 0, listening: 0, listened: 0 }

describe('a subscriber on another node', () => {
  test('that comes soon after another one has ended asks nothing, and misses nothing', async () => {
    const { clock, owner, other, listen, publish } = await two()
    const first = listen()
    await first.subscription.ready
    await first.subscription.stop()
    await publish(durable(1))
    await clock.advance(5_000)
    const asked = other.sent
    const second = listen()
    await second.subscription.ready
    await publish(durable(2))
    expect([other.sent - asked, second.told]).toEqual([0, [2]])
    await clock.advance(20_000)
    await publish(durable(3))
    expect(second.told).toEqual([2, 3])
    await second.subscription.stop()
    await clock.advance(10_000)
    expect([other.events.sizes, owner.events.sizes, clock.pendingTimers]).toEqual([zero, zero, 0])
  })

  test('that listens under one id to many topics leaves nothing behind', async () => {
    const { clock, owner, other } = await two()
    const request = (topic: string) => owner.events.onRequest({ type: 'events.listen', id: 7, topic }, other.self)
    for (let number = 0; number < 20; number++) await request(committedTopic(defaultTenant, parseSessionKey(`agent:main:s${number}`)))
    expect(owner.events.sizes.listened).toBe(1)
    owner.events.onMembers({ joined: [], left: [other.self] })
    expect([owner.events.sizes.listened, clock.pendingTimers]).toEqual([0, 0])
  })

  test('that was told of a number which none of its events has hears of the next ones again', async () => {
    const { clock, owner, other, listen, publish } = await two()
    const { subscription, told, counts } = listen()
    await subscription.ready
    await publish(durable(1))
    other.events.onTell({ type: 'events.batch', events: [[1, Number.MAX_SAFE_INTEGER, null]] }, owner.self)
    await clock.advance(5_000)
    const gaps = counts.gaps
    expect(gaps).toBeGreaterThan(1)
    await publish(durable(2))
    expect(told).toEqual([1, 2])
    await subscription.stop()
  })

  test('that ends as its node stops leaves nothing behind at the owner', async () => {
    const { owner, other, listen } = await two()
    const { subscription } = listen()
    await subscription.ready
    await subscription.stop()
    await other.events.stop()
    await flushEventLoop()
    expect([other.events.sizes, owner.events.sizes]).toEqual([zero, zero])
  })

  test('hears of a gap when the session starts where it listens: it may have been elsewhere unheard', async () => {
    const { owner, listen } = await two()
    const { subscription, counts } = listen()
    await subscription.ready
    owner.events.sessionStarted(lease)
    await flushEventLoop()
    expect(counts.gaps).toBe(1)
    await subscription.stop()
  })
})
