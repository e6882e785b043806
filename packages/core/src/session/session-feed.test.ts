import { type EventBus, LocalEventBus } from '@beamclaw/actor'
import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { CommittedEvent, RunEvent } from '../base/events.ts'
import { parseRunId, parseSessionKey } from '../base/ids.ts'
import { zeroUsage } from '../base/messages.ts'
import type { EventPage } from './event-page.ts'
import { SessionFeed } from './session-feed.ts'

const of = { sessionKey: parseSessionKey('agent:main:main'), runId: parseRunId('one') }
const asked = (seq: number, attempt: number): RunEvent => ({ type: 'model-request', ...of, seq, turn: 1, attempt, model: 'a/b' })
const piece = (attempt: number, text: string): RunEvent => ({ type: 'text-delta', ...of, turn: 1, attempt, text })
const answered = (seq: number): RunEvent => ({
  type: 'message',
  ...of,
  seq,
  turn: 1,
  message: { role: 'assistant', content: [] },
  finish: 'stop',
  usage: zeroUsage,
})

/** The page that a journal with these events has from a number on. */
const pageOf = (journal: readonly RunEvent[], fromSeq: number): EventPage => {
  const events = journal.filter((event) => 'seq' in event) as CommittedEvent[]
  return { events: events.filter(({ seq }) => seq >= fromSeq), lastSeq: events.at(-1)?.seq ?? 0 }
}

/** A feed whose first read takes as long as the test wants, and what it has told. */
function feedOver(journal: readonly RunEvent[]) {
  const bus = new LocalEventBus<RunEvent>()
  const reading = gate()
  const told: string[] = []
  const feed = new SessionFeed({
    clock: new ManualClock(),
    events: bus,
    topic: 'topic',
    read: async (fromSeq) => {
      await reading.promise
      return pageOf(journal, fromSeq)
    },
  })
  const ended = (async () => {
    for await (const event of feed.from(1))
      told.push('text' in event ? `piece ${event.text}` : `${event.type} ${'seq' in event ? event.seq : ''}`)
  })()
  return {
    bus,
    feed,
    reading,
    told,
    ended,
    publish: (...events: RunEvent[]) => events.forEach((event) => void bus.publish('topic', event)),
  }
}

describe('a feed', () => {
  test('does not tell pieces of an answer after the whole of it', async () => {
    const { feed, reading, told, ended, publish } = feedOver([asked(1, 1), answered(2)])
    publish(asked(1, 1), piece(1, 'he'), piece(1, 'llo'), answered(2))
    reading.resolve()
    await flushEventLoop()
    await feed.stop()
    await ended
    expect(told).toEqual(['model-request 1', 'message 2'])
  })

  test('tells the pieces of the attempt under way, and none of a void one', async () => {
    const { feed, reading, told, ended, publish } = feedOver([asked(1, 1), asked(2, 2)])
    publish(asked(1, 1), piece(1, 'void'), asked(2, 2), piece(2, 'hello'))
    reading.resolve()
    await flushEventLoop()
    publish(answered(3))
    await flushEventLoop()
    await feed.stop()
    await ended
    expect(told).toEqual(['model-request 1', 'model-request 2', 'piece hello', 'message 3'])
  })

  test('reads again what it has missed, and tells each record once', async () => {
    const journal = [asked(1, 1), answered(2), asked(3, 1), answered(4)]
    const { feed, reading, told, ended, publish } = feedOver(journal)
    reading.resolve()
    await flushEventLoop()
    publish(answered(2), asked(3, 1), answered(4), answered(4))
    journal.push(asked(5, 1), answered(6), asked(7, 2))
    publish(asked(7, 2))
    await flushEventLoop()
    await feed.stop()
    await ended
    expect(told).toEqual([
      'model-request 1',
      'message 2',
      'model-request 3',
      'message 4',
      'model-request 5',
      'message 6',
      'model-request 7',
    ])
  })
})

test('a feed whose journal has nothing left of what did not fit says so, with the cursor', async () => {
  const bus = new LocalEventBus<RunEvent>()
  const feed = new SessionFeed({ clock: new ManualClock(), events: bus, topic: 'topic', read: async () => pageOf([], 1) })
  const events = feed.from(1, { isAhead: true })
  bus.publish('topic', asked(1, 1))
  bus.publish('topic', asked(7, 1))
  expect((await events.next()).value).toMatchObject({ seq: 1 })
  await expect(events.next()).rejects.toMatchObject({ code: 'subscriber-lagged', details: { nextSeq: 2, cursor: 7 } })
})

describe('a feed of a session at work', () => {
  const lookAfterMs = 10_000

  /** A feed over a journal that can be held back, with a count of the looks into it. */
  function atWork(journal: RunEvent[]) {
    const clock = new ManualClock()
    const bus = new LocalEventBus<RunEvent>()
    const state = { reads: 0, hold: undefined as Promise<void> | undefined }
    const feed = new SessionFeed({
      clock,
      events: bus,
      topic: 'topic',
      read: async (fromSeq) => {
        state.reads++
        const found = pageOf(journal, fromSeq)
        await state.hold
        return found
      },
    })
    const told: string[] = []
    const ended = (async () => {
      for await (const event of feed.from(1, { isAtWork: true }))
        told.push('text' in event ? `piece ${event.text}` : `${event.type} ${'seq' in event ? event.seq : ''}`)
    })()
    return { clock, feed, told, ended, state, publish: (event: RunEvent) => bus.publish('topic', event) }
  }

  test('looks into the journal once nothing has come for ten seconds, and only then', async () => {
    const { clock, feed, ended, state, publish } = atWork([asked(1, 1)])
    await flushEventLoop()
    expect(state.reads).toBe(1)
    await clock.advance(lookAfterMs - 1_000)
    publish(piece(1, 'still here'))
    await flushEventLoop()
    await clock.advance(1_000)
    expect(state.reads).toBe(1)
    await clock.advance(lookAfterMs)
    expect(state.reads).toBe(2)
    await feed.stop()
    await ended
  })

  test('tells what comes while it looks', async () => {
    const journal = [asked(1, 1)]
    const { clock, feed, told, ended, state, publish } = atWork(journal)
    await flushEventLoop()
    const looking = gate()
    state.hold = looking.promise
    await clock.advance(lookAfterMs)
    expect(state.reads).toBe(2)
    for (const text of ['x', 'y', 'z']) publish(piece(1, text))
    journal.push(answered(2))
    publish(answered(2))
    await flushEventLoop()
    looking.resolve()
    await flushEventLoop()
    expect(told).toEqual(['model-request 1', 'piece x', 'piece y', 'piece z', 'message 2'])
    await feed.stop()
    await ended
  })

  test('leaves no timer when it is stopped, or left by its reader', async () => {
    const { clock, feed, ended } = atWork([asked(1, 1)])
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(1)
    await feed.stop()
    await ended
    expect(clock.pendingTimers).toBe(0)

    const left = new SessionFeed({
      clock,
      events: new LocalEventBus(),
      topic: 'topic',
      read: async () => pageOf([asked(1, 1), answered(2)], 1),
    })
    for await (const event of left.from(1, { isAtWork: true })) if ('seq' in event && event.seq === 2) break
    expect(clock.pendingTimers).toBe(0)
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('the bus fails'))],
    [
      'throws',
      () => {
        throw new Error('the bus fails')
      },
    ],
  ])('leaves no timer when the iterator of its bus %s', async (_how, next) => {
    const clock = new ManualClock()
    const subscription = { [Symbol.asyncIterator]: () => ({ next }), stop: async () => {} }
    const events = { subscribe: () => subscription, publish: () => {}, stop: async () => {} } as unknown as EventBus<RunEvent>
    const feed = new SessionFeed({ clock, events, topic: 'topic', read: async () => pageOf([], 1) })
    await expect(feed.from(1, { isAtWork: true }).next()).rejects.toThrow('the bus fails')
    expect(clock.pendingTimers).toBe(0)
  })

  test.each(['has enough', 'throws', 'cannot read the journal', 'is stopped'])(
    'that calls back leaves neither a timer nor a subscription when its reader %s',
    async (how) => {
      const clock = new ManualClock()
      const bus = new LocalEventBus<RunEvent>()
      let subscriptions = 0
      const subscribe: EventBus<RunEvent>['subscribe'] = (topic, options) => {
        const subscription = bus.subscribe(topic, options)
        subscriptions += 1
        let isStopped = false
        const stop = async (): Promise<void> => {
          if (!isStopped) subscriptions -= 1
          isStopped = true
          await subscription.stop()
        }
        return Object.assign(Object.create(subscription) as typeof subscription, {
          [Symbol.asyncIterator]: () => subscription[Symbol.asyncIterator](),
          stop,
          [Symbol.asyncDispose]: stop,
        })
      }
      const events = { subscribe, publish: bus.publish.bind(bus) } as unknown as EventBus<RunEvent>
      const journal = [asked(1, 1)]
      const read = async (): Promise<EventPage> => {
        if (how === 'cannot read the journal') throw new Error('the disk fails')
        return pageOf(journal, 1)
      }
      const feed = new SessionFeed({ clock, events, topic: 'topic', read })
      const told: string[] = []
      const ended = feed.each(1, { isAtWork: true }, (event) => {
        told.push(event.type)
        if (how === 'throws' && event.type === 'message') throw new Error('the reader fails')
        return event.type !== 'message'
      })
      const outcome = ended.then(
        () => 'ended',
        (error: Error) => error.message,
      )
      await flushEventLoop()
      if (how === 'is stopped') await feed.stop()
      else if (how !== 'cannot read the journal') for (const event of [piece(1, 'x'), answered(2), asked(3, 2)]) bus.publish('topic', event)
      const expected = { throws: 'the reader fails', 'cannot read the journal': 'the disk fails' }[how] ?? 'ended'
      expect(await outcome).toBe(expected)
      const before = how === 'cannot read the journal' ? [] : ['model-request']
      expect(told).toEqual(how === 'has enough' || how === 'throws' ? [...before, 'text-delta', 'message'] : before)
      expect([clock.pendingTimers, subscriptions]).toEqual([0, 0])
    },
  )
})
