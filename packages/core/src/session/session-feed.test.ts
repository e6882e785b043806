import { describe, expect, test } from 'vitest'
import { LocalEventBus } from '../defaults/local-event-bus.ts'
import type { RunEvent } from '../events.ts'
import { parseRunId, parseSessionKey } from '../ids.ts'
import { noUsage } from '../messages.ts'
import { ManualClock, settled } from '../testing/manual-clock.ts'
import { gate } from '../testing/probe.ts'
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
  usage: noUsage,
})

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
      return journal.filter((event) => 'seq' in event && event.seq >= fromSeq)
    },
  })
  const ended = (async () => {
    for await (const event of feed.from(1)) told.push('seq' in event ? `${event.type} ${event.seq}` : `piece ${event.text}`)
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
    await settled()
    await feed.stop()
    await ended
    expect(told).toEqual(['model-request 1', 'message 2'])
  })

  test('tells the pieces of the attempt under way, and none of a void one', async () => {
    const { feed, reading, told, ended, publish } = feedOver([asked(1, 1), asked(2, 2)])
    publish(asked(1, 1), piece(1, 'void'), asked(2, 2), piece(2, 'hello'))
    reading.resolve()
    await settled()
    publish(answered(3))
    await settled()
    await feed.stop()
    await ended
    expect(told).toEqual(['model-request 1', 'model-request 2', 'piece hello', 'message 3'])
  })

  test('reads again what it has missed, and tells each record once', async () => {
    const journal = [asked(1, 1), answered(2), asked(3, 1), answered(4)]
    const { feed, reading, told, ended, publish } = feedOver(journal)
    reading.resolve()
    await settled()
    publish(answered(2), asked(3, 1), answered(4), answered(4))
    journal.push(asked(5, 1), answered(6), asked(7, 2))
    publish(asked(7, 2))
    await settled()
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
  const feed = new SessionFeed({ clock: new ManualClock(), events: bus, topic: 'topic', read: async () => [] })
  const events = feed.from(1, { isAhead: true })
  bus.publish('topic', asked(1, 1))
  bus.publish('topic', asked(7, 1))
  expect((await events.next()).value).toMatchObject({ seq: 1 })
  await expect(events.next()).rejects.toMatchObject({ code: 'subscriber-lagged', details: { nextSeq: 2, cursor: 7 } })
})
