import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Subscription } from '../ports/event-bus.ts'
import { flushEventLoop } from '../testing/manual-clock.ts'
import { LocalEventBus } from './local-event-bus.ts'

async function readAll<TEvent>(subscription: Subscription<TEvent>): Promise<TEvent[]> {
  const events: TEvent[] = []
  for await (const event of subscription) events.push(event)
  return events
}

/** What is buffered, read after the end. */
async function rest<TEvent>(subscription: Subscription<TEvent>): Promise<TEvent[]> {
  await subscription.stop()
  return readAll(subscription)
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('a subscriber', () => {
  test('gets the events of its topic in order, and no others', async () => {
    const bus = new LocalEventBus<string>()
    const a = bus.subscribe('a')
    const b = bus.subscribe('b')
    for (const event of ['1', '2', '3']) {
      bus.publish('a', `a${event}`)
      bus.publish('b', `b${event}`)
      bus.publish('c', `c${event}`)
    }
    expect(await rest(a)).toEqual(['a1', 'a2', 'a3'])
    expect(await rest(b)).toEqual(['b1', 'b2', 'b3'])
  })

  test('takes without a promise what has arrived', async () => {
    const bus = new LocalEventBus<number>()
    const subscription = bus.subscribe('a')
    const iterator = subscription[Symbol.asyncIterator]()
    expect(iterator.takeReady?.()).toBeUndefined()
    const first = iterator.next()
    for (const event of numbers(3)) bus.publish('a', event)
    expect([(await first).value, iterator.takeReady?.(), iterator.takeReady?.(), iterator.takeReady?.()]).toEqual([0, 1, 2, undefined])
    bus.publish('a', 3)
    expect(await iterator.next()).toEqual({ done: false, value: 3 })
  })

  test('gets what is published while it waits', async () => {
    const bus = new LocalEventBus<number>()
    const subscription = bus.subscribe('a')
    const read = readAll(subscription)
    for (const event of numbers(3)) {
      await flushEventLoop()
      bus.publish('a', event)
    }
    await subscription.stop()
    expect(await read).toEqual([0, 1, 2])
  })

  test('hears nothing of what was before it came', async () => {
    const bus = new LocalEventBus<string>()
    bus.publish('a', 'early')
    const subscription = bus.subscribe('a')
    bus.publish('a', 'late')
    expect(await rest(subscription)).toEqual(['late'])
  })

  test('has its own copy of the queue: two of them hear the same', async () => {
    const bus = new LocalEventBus<number>()
    const subscriptions = [bus.subscribe('a'), bus.subscribe('a')]
    for (const event of numbers(3)) bus.publish('a', event)
    expect(await Promise.all(subscriptions.map(rest))).toEqual([numbers(3), numbers(3)])
  })

  test('may publish from within its loop, also to itself', async () => {
    const bus = new LocalEventBus<number>()
    const seen: number[] = []
    const subscription = bus.subscribe('a')
    bus.publish('a', 0)
    for await (const event of subscription) {
      seen.push(event)
      if (event === 3) break
      bus.publish('a', event + 1)
    }
    expect(seen).toEqual([0, 1, 2, 3])
  })

  test('is ready at once, also after its end, and has no gap however slow it is', async () => {
    const bus = new LocalEventBus<number>()
    let gaps = 0
    const subscription = bus.subscribe('a', { maxBuffered: 1, onGap: () => gaps++ })
    let isReady = false
    void subscription.ready.then(() => {
      isReady = true
    })
    await undefined
    expect(isReady).toBe(true)
    for (const event of numbers(5)) bus.publish('a', event)
    await bus.stop()
    await Promise.all([subscription.ready, bus.subscribe('a').ready])
    expect(gaps).toBe(0)
  })

  test('gets undefined as an event like any other', async () => {
    const bus = new LocalEventBus<undefined>()
    const subscription = bus.subscribe('a')
    bus.publish('a', undefined)
    expect(await rest(subscription)).toEqual([undefined])
  })
})

describe('a subscriber that is too slow', () => {
  test('loses the oldest events and counts them; nobody else notices', async () => {
    const bus = new LocalEventBus<number>()
    const slow = bus.subscribe('a', { maxBuffered: 3 })
    const roomy = bus.subscribe('a', { maxBuffered: 100 })
    for (const event of numbers(10)) bus.publish('a', event)
    expect([slow.dropped, roomy.dropped]).toEqual([7, 0])
    expect(await rest(slow)).toEqual([7, 8, 9])
    expect(await rest(roomy)).toEqual(numbers(10))
  })

  test('may have a buffer of one', async () => {
    const bus = new LocalEventBus<number>()
    const slow = bus.subscribe('a', { maxBuffered: 1 })
    for (const event of numbers(5)) bus.publish('a', event)
    expect(await rest(slow)).toEqual([4])
  })

  test('and never reads at all, holds a thousand events and stalls nobody', async () => {
    const bus = new LocalEventBus<number>()
    const deaf = bus.subscribe('a')
    const seen = readAll(bus.subscribe('a', { maxBuffered: 100_000 }))
    for (const event of numbers(100_000)) bus.publish('a', event)
    expect(deaf.dropped).toBe(99_000)
    await bus.stop()
    expect(await seen).toHaveLength(100_000)
    expect(await readAll(deaf)).toEqual(numbers(1_000).map((index) => index + 99_000))
  })
})

describe('a subscription ends', () => {
  const ways: Record<string, (bus: LocalEventBus<number>, subscription: Subscription<number>, abort: AbortController) => unknown> = {
    'by stop': (_bus, subscription) => subscription.stop(),
    'by leaving its block': async (_bus, subscription) => {
      await using _ = subscription
    },
    'by its signal': (_bus, _subscription, abort) => abort.abort(),
    'with its bus': (bus) => bus.stop(),
  }

  test.each(Object.entries(ways))('%s, and what is published then goes nowhere', async (_way, end) => {
    const bus = new LocalEventBus<number>()
    const abort = new AbortController()
    const subscription = bus.subscribe('a', { signal: abort.signal })
    const read = readAll(subscription)
    bus.publish('a', 1)
    await end(bus, subscription, abort)
    bus.publish('a', 2)
    expect(await read).toEqual([1])
    expect(await readAll(subscription)).toEqual([])
    await subscription.stop()
  })

  test('by leaving the loop', async () => {
    const bus = new LocalEventBus<number>()
    const subscription = bus.subscribe('a', { maxBuffered: 2 })
    bus.publish('a', 1)
    for await (const event of subscription) if (event === 1) break
    for (const event of numbers(5)) bus.publish('a', event)
    expect(subscription.dropped).toBe(0)
    expect(await readAll(subscription)).toEqual([])
  })

  test('by an error in the loop', async () => {
    const bus = new LocalEventBus<number>()
    const subscription = bus.subscribe('a', { maxBuffered: 1 })
    bus.publish('a', 1)
    const failing = async (): Promise<void> => {
      for await (const event of subscription) throw new Error(`cannot take ${event}`)
    }
    await expect(failing()).rejects.toThrow('cannot take 1')
    for (const event of numbers(5)) bus.publish('a', event)
    expect(subscription.dropped).toBe(0)
  })

  test('before it begins when its signal is aborted already', async () => {
    const bus = new LocalEventBus<number>()
    const subscription = bus.subscribe('a', { signal: AbortSignal.abort() })
    bus.publish('a', 1)
    expect(await readAll(subscription)).toEqual([])
  })

  test('for itself: others on the topic go on', async () => {
    const bus = new LocalEventBus<number>()
    const [gone, stays] = [bus.subscribe('a'), bus.subscribe('a')]
    await gone.stop()
    bus.publish('a', 1)
    expect(await rest(stays)).toEqual([1])
  })

  test('and its topic can be subscribed to again', async () => {
    const bus = new LocalEventBus<number>()
    await bus.subscribe('a').stop()
    const again = bus.subscribe('a')
    bus.publish('a', 1)
    expect(await rest(again)).toEqual([1])
  })

  // The listener, and with it the subscription and its buffer, stays on a signal that lives longer.
  test('and lets go of its signal', async () => {
    const { signal } = new AbortController()
    await new LocalEventBus().subscribe('a', { signal }).stop()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  // The iterator is a generator that awaits inside: `return()` queues behind that until an event comes.
  test('when its iterator returns while it waits', async () => {
    const iterator = new LocalEventBus().subscribe('a')[Symbol.asyncIterator]()
    let isReturned = false
    void iterator.next()
    void iterator.return?.().then(() => {
      isReturned = true
    })
    await flushEventLoop()
    expect(isReturned).toBe(true)
  })
})

describe('what is wrong is refused', () => {
  const invalid = expect.objectContaining({ code: 'invalid-option' })

  test.each(['', 'x'.repeat(601), 7, null, undefined])('as a topic: %s', (topic) => {
    expect(() => new LocalEventBus().subscribe(topic as string)).toThrow(invalid)
  })

  test.each([
    { maxBuffered: 0 },
    { maxBuffered: 1.5 },
    { maxBuffered: Number.NaN },
    { signal: true },
    { onGap: 'call' },
    { maxBufferd: 1 },
    null,
  ])('as options: %o', (options) => {
    expect(() => new LocalEventBus().subscribe('a', options as never)).toThrow(invalid)
  })

  // It throws a TypeError when the subscription is in the topic already.
  test('as a signal that is none', () => {
    expect(() => new LocalEventBus().subscribe('a', { signal: {} as AbortSignal })).toThrow(invalid)
  })

  test('but publishing never throws', () => {
    const bus = new LocalEventBus<number>()
    for (const topic of ['', 'x'.repeat(601), 'nobody']) expect(() => bus.publish(topic, 1)).not.toThrow()
  })

  test('and 600 characters are not too many', () => {
    expect(() => new LocalEventBus().subscribe('x'.repeat(600))).not.toThrow()
  })
})
