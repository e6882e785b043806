import { type EventBus, LocalEventBus, type SubscribeOptions, type Subscription } from '@beamclaw/actor'
import { flushEventLoop, gate, ManualClock } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import type { CommittedEvent, RunEvent } from '../base/events.ts'
import { parseRunId, parseSessionKey } from '../base/ids.ts'
import { chance } from '../testing/chance.ts'
import type { EventPage } from './event-page.ts'
import { type FeedStart, SessionFeed } from './session-feed.ts'

const of = { sessionKey: parseSessionKey('agent:main:main'), runId: parseRunId('one') }
const asked = (seq: number): CommittedEvent => ({ type: 'model-request', ...of, seq, turn: 1, attempt: seq, model: 'a/b' })
const piece = (attempt: number): RunEvent => ({ type: 'text-delta', ...of, turn: 1, attempt, text: 'x' })

/** Loses what it is told to lose, and keeps the callbacks of its subscribers. */
class LossyBus implements EventBus<RunEvent> {
  readonly gaps = new Set<() => void>()
  ready: Promise<void> = Promise.resolve()
  readonly #bus = new LocalEventBus<RunEvent>()
  #subscribers = 0
  /** Returns whether the event is lost on its way to a subscriber. */
  loses: (subscriber: number, event: RunEvent) => boolean = () => false

  publish(_topic: string, event: RunEvent): void {
    for (let n = 0; n < this.#subscribers; n++) if (!this.loses(n, event)) this.#bus.publish(String(n), event)
  }

  subscribe(_topic: string, options: SubscribeOptions = {}): Subscription<RunEvent> {
    if (options.onGap !== undefined) this.gaps.add(options.onGap)
    return Object.assign(this.#bus.subscribe(String(this.#subscribers++), options), { ready: this.ready })
  }

  stop(): Promise<void> {
    return this.#bus.stop()
  }
}

function feedOver(bus: LossyBus, journal: readonly CommittedEvent[], wait: () => Promise<void> | undefined = () => undefined) {
  const state = { reads: 0 }
  const read = async (fromSeq: number): Promise<EventPage> => {
    state.reads++
    const page = journal.filter(({ seq }) => seq >= fromSeq).slice(0, 3)
    const lastSeq = journal.at(-1)?.seq ?? 0
    await wait()
    return { events: page, lastSeq }
  }
  const feed = new SessionFeed({ clock: new ManualClock(), events: bus, topic: 'topic', read })
  return { feed, state }
}

/** Reads a feed to its end. Returns the numbers of the durable events, as they come. */
function collect(feed: SessionFeed, fromSeq: number, start: FeedStart = {}) {
  const told: number[] = []
  const ended = (async () => {
    for await (const event of feed.from(fromSeq, start)) if ('seq' in event) told.push(event.seq)
  })()
  return { told, ended }
}

test('a feed reads the journal when its subscription is ready, and not before', async () => {
  const bus = new LossyBus()
  const ready = gate()
  bus.ready = ready.promise
  bus.loses = () => true
  const journal = [asked(1)]
  const { feed, state } = feedOver(bus, journal)
  const { told, ended } = collect(feed, 1)
  await flushEventLoop()
  expect(state.reads).toBe(0)
  // It would be missed by a feed that reads at once.
  journal.push(asked(2))
  bus.publish('topic', asked(2))
  ready.resolve()
  await flushEventLoop()
  expect(told).toEqual([1, 2])
  await feed.stop()
  await ended
})

test('a gap before the first read costs no read of its own', async () => {
  const bus = new LossyBus()
  const { feed, state } = feedOver(bus, [asked(1)])
  for (const tell of bus.gaps) tell()
  const { told, ended } = collect(feed, 1)
  await flushEventLoop()
  expect([told, state.reads]).toEqual([[1], 1])
  await feed.stop()
  await ended
})

test.each<[string, FeedStart]>([
  ['that waits for events', {}],
  ['of a session at work', { isAtWork: true }],
  ['that was there before its run', { isAhead: true, mustFollow: true, isAtWork: true }],
])('a gap lets a reader %s read the journal at once', async (_, start) => {
  const bus = new LossyBus()
  const journal: CommittedEvent[] = [asked(1)]
  const { feed } = feedOver(bus, journal)
  const { told, ended } = collect(feed, 1, start)
  await flushEventLoop()
  bus.loses = () => true
  journal.push(asked(2), asked(3), asked(4), asked(5))
  for (const tell of bus.gaps) tell()
  await flushEventLoop()
  expect(told).toEqual([1, 2, 3, 4, 5])
  await feed.stop()
  await ended
})

test('a gap while the journal is read is one more read', async () => {
  const bus = new LossyBus()
  const reading = gate()
  const journal: CommittedEvent[] = [asked(1)]
  const { feed, state } = feedOver(bus, journal, () => reading.promise)
  const { told, ended } = collect(feed, 1)
  await flushEventLoop()
  journal.push(asked(2))
  for (const tell of bus.gaps) for (let times = 0; times < 3; times++) tell()
  reading.resolve()
  await flushEventLoop()
  expect([told, state.reads]).toEqual([[1, 2], 2])
  await feed.stop()
  await ended
})

describe('a gap that hides a deletion', () => {
  test('ends a feed of the session that was deleted, also when its key has another session', async () => {
    const bus = new LossyBus()
    const journal: CommittedEvent[] = [asked(1), asked(2), asked(3)]
    const { feed } = feedOver(bus, journal)
    const { told, ended } = collect(feed, 1)
    const outcome = ended.then(
      () => 'ended',
      (error: { readonly code: string }) => error.code,
    )
    await flushEventLoop()
    journal.splice(0, 3, asked(1))
    for (const tell of bus.gaps) tell()
    expect(await outcome).toBe('unknown-session')
    expect(told).toEqual([1, 2, 3])
  })

  test('does not end one whose cursor is ahead of a session', async () => {
    const bus = new LossyBus()
    const journal: CommittedEvent[] = [asked(1)]
    const { feed } = feedOver(bus, journal)
    const { told, ended } = collect(feed, 3)
    await flushEventLoop()
    for (const tell of bus.gaps) tell()
    await flushEventLoop()
    journal.push(asked(2), asked(3))
    bus.publish('topic', asked(3))
    await flushEventLoop()
    expect(told).toEqual([3])
    await feed.stop()
    await ended
  })
})

// Each seed loses other events, and tells of it at other times.
test('every reader of a bus that loses events and says so gets all that is durable, once and in order', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = chance(seed)
    const bus = new LossyBus()
    const journal: CommittedEvent[] = []
    let owed = false
    bus.loses = () => {
      const isLost = random() < 0.4
      owed ||= isLost
      return isLost
    }
    const wait = (): Promise<void> | undefined => (random() < 0.5 ? flushEventLoop() : undefined)
    const starts: readonly FeedStart[] = [{ isAhead: true, mustFollow: true }, { isAtWork: true }, {}]
    const readers = starts.map((start) => {
      const { feed } = feedOver(bus, journal, wait)
      return { feed, ...collect(feed, 1, start) }
    })
    for (let seq = 1; seq <= 20; seq++) {
      journal.push(asked(seq))
      bus.publish('topic', asked(seq))
      if (random() < 0.5) bus.publish('topic', piece(seq))
      if (random() < 0.5) await Promise.resolve()
      if (random() < 0.1) await flushEventLoop()
      if (!owed || random() < 0.7) continue
      owed = false
      for (const tell of bus.gaps) tell()
    }
    for (const tell of bus.gaps) tell()
    for (let turn = 0; turn < 12; turn++) await flushEventLoop()
    const all = journal.map(({ seq }) => seq)
    expect({ seed, told: readers.map(({ told }) => told) }).toEqual({ seed, told: readers.map(() => all) })
    for (const { feed, ended } of readers) {
      await feed.stop()
      await ended
    }
  }
})
