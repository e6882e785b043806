/** What a reader at another node is sent, and when. */
import { flushEventLoop } from '@beamclaw/actor/testing'
import { expect, test } from 'vitest'
import { durable, lease, piece, topic } from './testing/session-events.ts'
import { two } from './testing/two-nodes.ts'

test('gets the pieces of one turn as one, if they are of the same answer, and none before what came before it', async () => {
  const { owner, listen, publish } = await two()
  const reader = listen()
  const here = listen(owner)
  await reader.subscription.ready
  await publish(piece('a'), piece('b'), piece('c'), durable(1), piece('d'), piece('e'))
  await publish(piece('f'))
  expect([reader.told, reader.counts.gaps]).toEqual([['abc', 1, 'de', 'f'], 0])
  expect(here.told).toEqual(['a', 'b', 'c', 1, 'd', 'e', 'f'])
  const again = { ...piece('g'), attempt: 2 }
  const later = { ...again, turn: 2 }
  const thinking = { ...later, type: 'thinking-delta' as const }
  await publish(piece('f'), again, later, thinking, thinking, { ...thinking, runId: 'other' as typeof thinking.runId })
  expect(reader.told.slice(4)).toEqual(['f', 'g', 'g', 'gg', 'g'])
  const last = { ...piece('h') }
  await publish(last, piece('i'))
  expect([last.text, reader.counts.gaps]).toEqual(['h', 0])
})

test('gets what was published before the session left, in the same turn', async () => {
  const { net, owner, other, listen } = await two()
  const reader = listen()
  await reader.subscription.ready
  owner.events.publish(topic, durable(1))
  owner.events.publish(topic, piece('a'))
  net.owners.set(lease, other.self)
  owner.events.sessionMoved(lease, other.self)
  await flushEventLoop()
  expect(reader.told).toEqual([1, 'a'])
})

test('is sent nothing more once its node has left', async () => {
  const { net, owner, other, listen } = await two()
  await listen().subscription.ready
  const { sent } = owner
  owner.events.publish(topic, durable(1))
  net.kill(other)
  await flushEventLoop()
  expect(owner.sent).toBe(sent)
})

test('hears at once that its node was cut off, when it is told of members as another life', async () => {
  const { other, listen } = await two()
  const reader = listen()
  await reader.subscription.ready
  Object.assign(other.cluster, { self: { ...other.self, incarnation: 'another-life' } })
  expect(reader.counts.gaps).toBe(0)
  other.events.onMembers({ joined: [], left: [] })
  await flushEventLoop()
  expect(reader.counts.gaps).toBeGreaterThan(0)
})

test('is sent one message for what follows another one at once, and the first event of a pause without a wait', async () => {
  const { clock, owner, listen } = await two()
  const reader = listen()
  await reader.subscription.ready
  const { sent } = owner
  for (let turn = 1; turn <= 5; turn++) {
    owner.events.publish(topic, durable(turn))
    await flushEventLoop()
  }
  expect([reader.told, owner.sent - sent]).toEqual([[1], 1])
  await clock.advance(2)
  expect([reader.told, owner.sent - sent]).toEqual([[1, 2, 3, 4, 5], 2])
  await clock.advance(2)
  owner.events.publish(topic, durable(6))
  await flushEventLoop()
  expect([reader.told.at(-1), owner.sent - sent]).toEqual([6, 3])
})

test('is sent what waits before the reply to its renewal, and a node that stops leaves no timer', async () => {
  const { clock, owner, other, listen } = await two()
  const reader = listen()
  await reader.subscription.ready
  for (const seq of [1, 2]) {
    owner.events.publish(topic, durable(seq))
    await flushEventLoop()
  }
  expect(reader.told).toEqual([1])
  await owner.events.onRequest({ type: 'events.renew', ids: [1] }, other.self)
  await flushEventLoop()
  expect(reader.told).toEqual([1, 2])
  owner.events.publish(topic, durable(3))
  await Promise.all([owner, other].map(({ events }) => events.stop()))
  expect(clock.pendingTimers).toBe(0)
})

test('is sent no message that is larger than one may be, however small the pieces are that are joined', async () => {
  const { owner, listen, publish } = await two()
  const reader = listen()
  await reader.subscription.ready
  const { sent } = owner
  await publish(...Array.from({ length: 30 }, () => piece('x'.repeat(10_000))))
  expect([reader.told.map((text) => String(text).length), owner.sent - sent, reader.counts.gaps]).toEqual([[170_000, 130_000], 2, 0])
})
