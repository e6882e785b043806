import { getEventListeners } from 'node:events'
import { flushEventLoop, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { NodeNet } from './testing/node-net.ts'
import { collect, durable, lease, piece, topic } from './testing/session-events.ts'
import { two } from './testing/two-nodes.ts'

const renewEveryMs = 5_000
const zero = { followed: 0, listening: 0, listened: 0 }

describe('a subscriber on another node', () => {
  test('gets every event from ready on, in order and without a gap', async () => {
    const { owner, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    await publish(durable(1), piece('a'), durable(2))
    await publish(durable(3))
    expect([reader.told, reader.counts.gaps]).toEqual([[1, 'a', 2, 3], 0])
    const here = listen(owner)
    await here.subscription.ready
    await publish(durable(4))
    expect([reader.told.at(-1), here.told]).toEqual([4, [4]])
  })

  test('costs one message for all events of a turn, and a second subscriber none', async () => {
    const { owner, other, listen, publish } = await two()
    const readers = [listen(), listen()]
    for (const { subscription } of readers) await subscription.ready
    const asked = other.sent
    await publish(...Array.from({ length: 50 }, (_, n) => durable(n + 1)))
    expect([asked, owner.sent, ...readers.map(({ told }) => told.length)]).toEqual([1, 1, 50, 50])
  })

  test('leaves nothing behind when it ends, by whichever way', async () => {
    const { clock, owner, other, publish } = await two()
    const abort = new AbortController()
    const aborted = other.events.subscribe(topic, { signal: abort.signal })
    const stopped = other.events.subscribe(topic)
    const left = other.events.subscribe(topic)
    await Promise.all([aborted.ready, stopped.ready, left.ready])
    expect([other.events.sizes, owner.events.sizes]).toEqual([
      { followed: 1, listening: 1, listened: 0 },
      { ...zero, listened: 1 },
    ])
    abort.abort()
    await stopped.stop()
    await left[Symbol.asyncIterator]().return?.()
    await flushEventLoop()
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    await clock.advance(10_000)
    expect([other.events.sizes, owner.events.sizes, clock.pendingTimers]).toEqual([zero, zero, 0])
    const sent = owner.sent
    await publish(durable(1))
    expect(owner.sent).toBe(sent)
  })

  test('that ends while its node asks is ready, and forgotten by the node that was asked', async () => {
    const { owner, other, listen } = await two()
    const { subscription } = listen()
    await new Promise<void>((resolve) => setImmediate(resolve))
    await subscription.stop()
    await subscription.ready
    await flushEventLoop()
    expect([other.events.sizes, owner.events.sizes]).toEqual([zero, zero])
  })

  test('that ends before a slow request arrives is taken back once that was answered', async () => {
    const { net, owner, listen } = await two()
    net.way = ({ kind }) => (kind === 'request' ? 'late' : 'arrives')
    const { subscription } = listen()
    await flushEventLoop()
    await subscription.stop()
    await flushEventLoop()
    net.deliverLate()
    await flushEventLoop()
    await flushEventLoop()
    expect(owner.events.sizes).toEqual(zero)
  })

  test('is told of events that are too large for the way, and gets the others', async () => {
    const { owner, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    await publish(piece('x'.repeat(1_048_577)), durable(1))
    expect([reader.told, reader.counts.gaps]).toEqual([[1], 1])
    const large = Array.from({ length: 20 }, () => piece('y'.repeat(100_000)))
    const before = owner.sent
    await publish(...large)
    expect([reader.told.length, reader.counts.gaps, owner.sent - before]).toEqual([21, 1, 20])
  })
})

describe('without need', () => {
  test('no message is sent and no timer runs: alone, for sessions of the node, for other topics', async () => {
    const clock = new ManualClock()
    const net = new NodeNet(clock)
    const node = net.join('alone')
    const reader = collect(node.events.subscribe(topic))
    expect(clock.pendingTimers).toBe(0)
    net.join('second')
    net.owners.set(lease, node.self)
    node.events.publish(topic, durable(1))
    node.events.publish('a topic of the host', durable(2))
    const other = collect(node.events.subscribe('a topic of the host'))
    await clock.advance(2 * renewEveryMs)
    node.events.publish('a topic of the host', durable(3))
    await flushEventLoop()
    expect([reader.told, other.told, node.sent]).toEqual([[1], [3], 0])
  })

  test('the cluster is not asked for a session that runs on the node, until it leaves', async () => {
    const { clock, net, owner, other, listen } = await two()
    owner.running.add(lease)
    const reader = listen(owner)
    let isReady = false
    void reader.subscription.ready.then(() => {
      isReady = true
    })
    await undefined
    expect(isReady).toBe(true)
    await clock.advance(3 * renewEveryMs)
    expect([owner.looks, owner.sent]).toEqual([0, 0])
    owner.running.delete(lease)
    net.owners.set(lease, other.self)
    await clock.advance(renewEveryMs)
    other.events.publish(topic, durable(1))
    await flushEventLoop()
    expect([owner.looks, reader.counts.gaps, reader.told]).toEqual([1, 1, [1]])
  })

  test('no timer runs for a node that others do not listen to any more', async () => {
    const { clock, net, owner, other, listen } = await two()
    await listen().subscription.ready
    net.kill(other)
    expect(owner.events.sizes).toEqual(zero)
    expect(clock.pendingTimers).toBe(1)
  })
})

describe('what is lost', () => {
  test('is told when the next event arrives', async () => {
    const { net, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    await publish(durable(1))
    net.way = ({ kind }) => (kind === 'tell' ? 'lost' : 'arrives')
    await publish(durable(2))
    expect(reader.counts.gaps).toBe(0)
    net.way = () => 'arrives'
    await publish(durable(3))
    expect([reader.told, reader.counts.gaps]).toEqual([[1, 3], 1])
  })

  test('is told after a renewal when no event arrives any more', async () => {
    const { clock, net, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    net.way = ({ kind }) => (kind === 'tell' ? 'lost' : 'arrives')
    await publish(durable(1))
    await clock.advance(renewEveryMs + 600)
    expect([reader.told, reader.counts.gaps]).toEqual([[], 1])
    await clock.advance(4 * renewEveryMs)
    expect(reader.counts.gaps).toBe(1)
  })

  test('is told within two renewals when nothing at all got through', async () => {
    const { clock, net, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    net.way = () => 'lost'
    await publish(durable(1))
    await clock.advance(30_000)
    net.way = () => 'arrives'
    await clock.advance(2 * renewEveryMs)
    expect(reader.counts.gaps).toBeGreaterThan(0)
    await publish(durable(2))
    expect(reader.told).toEqual([2])
  })

  test('is no gap when it is only late, or comes twice', async () => {
    const { clock, net, listen, publish } = await two()
    const reader = listen()
    await reader.subscription.ready
    net.way = ({ kind }) => (kind === 'tell' ? 'late' : 'arrives')
    await publish(durable(1))
    await clock.advance(renewEveryMs)
    net.deliverLate()
    net.way = () => 'doubled'
    await publish(durable(2))
    await clock.advance(2 * renewEveryMs)
    expect([reader.told, reader.counts.gaps]).toEqual([[1, 2], 0])
  })

  test('is told to every subscriber, whatever one of them throws', async () => {
    const { net, other, publish } = await two()
    const calls: number[] = []
    const tell = (n: number) => () => {
      calls.push(n)
      throw new Error('the subscriber fails')
    }
    const subscriptions = [1, 2].map((n) => other.events.subscribe(topic, { onGap: tell(n) }))
    for (const { ready } of subscriptions) await ready
    net.way = () => 'lost'
    await publish(durable(1))
    net.way = () => 'arrives'
    await publish(durable(2))
    expect(calls).toEqual([1, 2])
  })
})

describe('a session that moves', () => {
  test('is followed at once when the node says so, with a gap', async () => {
    const { net, owner, listen } = await two()
    const third = net.join('third')
    const [reader, here] = [listen(), listen(owner)]
    await Promise.all([reader.subscription.ready, here.subscription.ready])
    net.owners.set(lease, third.self)
    owner.events.sessionMoved(lease, third.self)
    await flushEventLoop()
    expect([reader.counts.gaps, here.counts.gaps]).toEqual([1, 1])
    third.events.publish(topic, durable(1))
    await flushEventLoop()
    expect([reader.told, here.told, owner.events.sizes.listened]).toEqual([[1], [1], 0])
  })

  test.each(['by itself', 'and its node dies'])('is followed within a renewal when no node says so: %s', async (how) => {
    const { clock, net, owner, listen } = await two()
    const third = net.join('third')
    const reader = listen()
    await reader.subscription.ready
    if (how === 'and its node dies') net.kill(owner)
    net.owners.set(lease, third.self)
    await clock.advance(renewEveryMs)
    expect(reader.counts.gaps).toBe(1)
    third.events.publish(topic, durable(1))
    await flushEventLoop()
    expect(reader.told).toEqual([1])
  })

  test('is followed at once when it has replied from another node than the one that is listened to', async () => {
    const { net, owner, other, listen } = await two()
    const third = net.join('third')
    const reader = listen()
    await reader.subscription.ready
    // As for a session that was free when this node looked for it: no node says that it has moved.
    net.owners.set(lease, third.self)
    other.events.sessionAnswered(lease, owner.self)
    await flushEventLoop()
    expect(reader.counts.gaps).toBe(0)
    other.events.sessionAnswered(lease, third.self)
    await flushEventLoop()
    third.events.publish(topic, durable(1))
    await flushEventLoop()
    expect([reader.counts.gaps, reader.told, owner.events.sizes.listened]).toEqual([1, [1], 0])
  })

  test('is heard at once on the node where it starts', async () => {
    const { net, owner, other, listen } = await two()
    const reader = listen()
    await reader.subscription.ready
    net.owners.set(lease, other.self)
    other.events.sessionStarted(lease)
    expect(reader.counts.gaps).toBe(1)
    other.events.publish(topic, durable(1))
    await flushEventLoop()
    expect([reader.told, other.events.sizes.listening, owner.events.sizes.listened]).toEqual([[1], 0, 0])
  })

  test('leaves a subscriber that was there first with the events of the other node', async () => {
    const { clock, net, owner, other, listen } = await two()
    net.owners.set(lease, other.self)
    const reader = listen()
    await reader.subscription.ready
    net.owners.set(lease, owner.self)
    await clock.advance(renewEveryMs)
    owner.events.publish(topic, durable(1))
    await flushEventLoop()
    expect([reader.counts.gaps, reader.told]).toEqual([1, [1]])
  })
})

describe('an owner that cannot be reached', () => {
  test.each<[string, (net: NodeNet) => void, (net: NodeNet) => void]>([
    ['because no place is known', (net) => (net.isBlind = true), (net) => (net.isBlind = false)],
    ['because it does not reply', (net) => (net.way = () => 'lost'), (net) => (net.way = () => 'arrives')],
  ])('makes subscribers wait two seconds, and is a gap once it is there: %s', async (_, begin, end) => {
    const { clock, net, listen, publish } = await two()
    begin(net)
    const reader = listen()
    let isReady = false
    void reader.subscription.ready.then(() => {
      isReady = true
    })
    await clock.advance(1_999)
    expect(isReady).toBe(false)
    await clock.advance(1)
    expect([isReady, reader.counts.gaps]).toEqual([true, 0])
    await publish(durable(1))
    end(net)
    await clock.advance(renewEveryMs)
    expect(reader.counts.gaps).toBe(1)
    await publish(durable(2))
    expect(reader.told).toEqual([2])
  })

  test('is asked again soon: a subscriber is ready without a gap when it is there in time', async () => {
    const { clock, net, listen, publish } = await two()
    net.isBlind = true
    const reader = listen()
    await clock.advance(1_000)
    net.isBlind = false
    await clock.advance(900)
    await reader.subscription.ready
    await publish(durable(1))
    expect([reader.told, reader.counts.gaps]).toEqual([[1], 0])
  })

  test('and replies just after its subscribers have waited long enough, is a gap', async () => {
    const { clock, net, listen } = await two()
    net.isBlind = true
    const reader = listen()
    await clock.advance(1_000)
    net.isBlind = false
    net.way = ({ kind }) => (kind === 'request' ? 'late' : 'arrives')
    await clock.advance(1_000)
    await reader.subscription.ready
    net.deliverLate()
    await flushEventLoop()
    expect(reader.counts.gaps).toBe(1)
  })

  test('because others listen to too much of it already, is asked again', async () => {
    const clock = new ManualClock()
    const net = new NodeNet(clock)
    const owner = net.join('owner', 1)
    const other = net.join('other')
    const full = owner.events.onRequest({ type: 'events.listen', id: 1_000, topic: `${topic}-2` }, other.self)
    expect(await full).toEqual({ head: 0 })
    let gaps = 0
    const reader = collect(other.events.subscribe(topic, { onGap: () => gaps++ }))
    await clock.advance(3_000)
    owner.events.onTell({ type: 'events.leave', ids: [1_000] }, other.self)
    await clock.advance(renewEveryMs)
    owner.events.publish(topic, durable(1))
    await flushEventLoop()
    expect([gaps, reader.told]).toEqual([1, [1]])
  })
})

test('a listener that is gone without a word is forgotten after fifteen seconds, and no earlier', async () => {
  const { clock, net, owner, other, listen, publish } = await two()
  await listen().subscription.ready
  net.way = () => 'lost'
  await other.events.stop()
  await flushEventLoop()
  expect(clock.pendingTimers).toBe(1)
  await clock.advance(14_000)
  expect(owner.events.sizes.listened).toBe(1)
  await clock.advance(6_000)
  const { sent } = owner
  await publish(durable(1))
  expect([owner.events.sizes, clock.pendingTimers, owner.sent - sent]).toEqual([zero, 0, 0])
})

test('a bus that is stopped ends its subscriptions, and takes its listening back', async () => {
  const { clock, owner, other, listen } = await two()
  const { signal } = new AbortController()
  const reader = listen()
  const signalled = collect(other.events.subscribe(topic, { signal }))
  await reader.subscription.ready
  await other.events.stop()
  await Promise.all([reader.ended, signalled.ended, reader.subscription.ready])
  await flushEventLoop()
  expect([other.events.sizes, owner.events.sizes, clock.pendingTimers]).toEqual([zero, zero, 0])
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await collect(other.events.subscribe(topic)).ended
  await expect(other.events.onRequest({ type: 'events.listen', id: 9, topic }, owner.self)).rejects.toMatchObject({ code: 'draining' })
})
