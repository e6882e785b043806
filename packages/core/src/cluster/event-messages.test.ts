import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { JsonValue } from '../base/messages.ts'
import { durable, topic } from './testing/session-events.ts'
import { two } from './testing/two-nodes.ts'

describe('what is forged', () => {
  test.each<readonly [string, JsonValue]>([
    ['nothing', null],
    ['a text', 'events.listen'],
    ['the id 0', { type: 'events.listen', id: 0, topic }],
    ['an id that is no whole number', { type: 'events.listen', id: 1.5, topic }],
    ['no topic', { type: 'events.listen', id: 1 }],
    ['a topic that stays within the node', { type: 'events.listen', id: 1, topic: 'a topic of the host' }],
    ['no list of ids', { type: 'events.renew', ids: 'all' }],
    ['an id below 1', { type: 'events.renew', ids: [-1] }],
    ['too many ids', { type: 'events.renew', ids: Array.from({ length: 1_001 }, () => 1) }],
    ['an unknown type', { type: 'events.else', ids: [] }],
  ])('as a request is refused: %s', async (_, body) => {
    const { owner, other } = await two()
    await expect(owner.events.onRequest(body, other.self)).rejects.toMatchObject({ code: 'unknown-message' })
    expect(owner.events.sizes).toEqual({ followed: 0, listening: 0, listened: 0 })
  })

  test('as events is ignored: of another node, for another id or session, and in another shape', async () => {
    const { net, owner, other, listen, publish } = await two()
    const third = net.join('third')
    const reader = listen()
    await reader.subscription.ready
    const event = { ...durable(7) } as never
    const batch = (...events: unknown[]) => ({ type: 'events.batch', events }) as never
    other.events.onTell(batch([1, 1, event]), third.self)
    other.events.onTell(batch([2, 1, event]), owner.self)
    other.events.onTell(batch([1, 1, { ...durable(7), sessionKey: 'agent:main:else' }]), owner.self)
    for (const wrong of [
      [1, 1],
      [1, '1', event],
      [0, 1, event],
      [1, 1, 'event'],
      [1, 1, { type: 'x' }],
      [1, 1, { ...durable(7), seq: 0 }],
    ])
      other.events.onTell(batch(wrong), owner.self)
    for (const body of [null, 7, [], { type: 'events.batch' }, { type: 'events.moved', ids: ['1'] }, { type: 'events.leave' }])
      other.events.onTell(body as never, owner.self)
    await publish(durable(1))
    expect([reader.told, reader.counts.gaps]).toEqual([[1], 0])
  })

  test('as a message that a session has moved costs a look, and changes nothing', async () => {
    const { owner, other, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    const to = { id: 'nowhere', incarnation: 'nowhere-1' }
    other.events.onTell({ type: 'events.moved', ids: [1], to }, owner.self)
    await flushEventLoop()
    await publish(durable(1))
    expect([reader.told, other.events.sizes.listening, owner.events.sizes.listened]).toEqual([[1], 1, 1])
  })
})
