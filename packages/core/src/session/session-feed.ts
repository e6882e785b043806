/** A session's events from a given record on: first those in the journal, then new ones. No durable event is missed or delivered twice. */
import type { Clock, EventBus, Subscription, TimerHandle } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { CommittedEvent, RunEvent } from '../base/events.ts'

/** Committed events in order: at least one, unless there is none. */
export interface EventPage {
  readonly events: readonly CommittedEvent[]
  /** Number of the last event that there is. */
  readonly lastSeq: number
}

export interface SessionFeedOptions {
  readonly events: EventBus<RunEvent>
  readonly topic: string
  /** Reads a page of the committed events from a sequence number on. */
  readonly read: (fromSeq: number) => Promise<EventPage>
  readonly clock: Clock
  /** Ends the feed. */
  readonly signal?: AbortSignal
}

/** Milliseconds without an event until a reader that waits for the end of a run reads the journal: a bus may lose any event. */
const lookAfterMs = 10_000

/** Maximum events that wait for a reader. Beyond it, provisional events are lost and durable ones are read again from the journal. */
const maxBuffered = 4_096

/** How a feed starts. */
export interface FeedStart {
  /** True when the reader's first event comes after the feed was created, so that the journal need not be read first. */
  readonly isAhead?: boolean
  /** True when the reader needs every record from the first one on, even if that is 1. */
  readonly mustFollow?: boolean
  /** True when the session works until the reader leaves, so that regular reads of the journal do not keep an idle session awake. */
  readonly isAtWork?: boolean
  /** Waits for a session that does not exist yet, instead of rejecting. */
  readonly waitForFirstMessage?: boolean
}

export class SessionFeed implements AsyncDisposable {
  readonly #read: SessionFeedOptions['read']
  // Subscribes before the first read, so that no event is missed between the two.
  readonly #subscription: Subscription<RunEvent>
  readonly #clock: Clock
  #looks: WithLooks | undefined
  #isLive = false

  constructor({ events, topic, read, clock, ...options }: SessionFeedOptions) {
    this.#read = read
    this.#clock = clock
    this.#subscription = events.subscribe(topic, { maxBuffered, ...options })
  }

  /** True once the events in the journal have been delivered: later events happen while the reader listens. */
  get isLive(): boolean {
    return this.#isLive
  }

  /**
   * May be iterated once, and not beside `each`. Ends when the feed is stopped. Throws errors of `read`, and `subscriber-lagged` when the journal no longer
   * has records that the reader still needs. `fromSeq` 1 means all records that exist, unless `mustFollow` is set.
   */
  async *from(fromSeq: number, start: FeedStart = {}): AsyncGenerator<RunEvent> {
    const next = this.#begin(fromSeq, start)
    try {
      for (let event = await next(); event !== undefined; event = await next()) yield event
    } finally {
      await this.stop()
    }
  }

  /** Calls `take` with the events of `from` until it returns false. Rejects as that throws. Cheaper: each event costs half the promises. */
  async each(fromSeq: number, start: FeedStart, take: (event: RunEvent) => boolean): Promise<void> {
    const next = this.#begin(fromSeq, start)
    try {
      for (let event = await next(); event !== undefined && take(event); event = await next());
    } finally {
      await this.stop()
    }
  }

  /** Begins to read. Returns what resolves with the next event; undefined at the end. */
  #begin(
    fromSeq: number,
    { isAhead = false, mustFollow = fromSeq > 1, waitForFirstMessage = false, isAtWork = false }: FeedStart,
  ): () => Promise<RunEvent | undefined> {
    let told = new Told(fromSeq, mustFollow)
    // What is read from the journal now, and the event that comes after it.
    let missed: AsyncGenerator<RunEvent> | undefined = isAhead ? undefined : this.#missed(told, { isUnknownFine: waitForFirstMessage })
    let after: CommittedEvent | undefined
    let events: AsyncIterator<RunEvent | undefined> | undefined
    return async () => {
      for (;;) {
        if (missed !== undefined) {
          const next = await missed.next()
          if (next.done !== true) return next.value
          missed = undefined
          if (after !== undefined) {
            const event = after
            after = undefined
            told.checkFollows(event)
            if (told.take(event)) return event
          }
        }
        if (events === undefined) {
          this.#isLive = true
          events = isAtWork ? this.#withLooks() : this.#subscription[Symbol.asyncIterator]()
        }
        const { done, value: event } = await events.next()
        if (done === true) return undefined
        if (event === undefined) {
          missed = this.#missed(told)
        } else if (event.type === 'session-delete') {
          if (!isAtWork) throw new BeamClawError('unknown-session', `Session "${event.sessionKey}" was deleted`)
          // An active session cannot be deleted, so the event belongs to an earlier session with the same key.
          told = new Told(fromSeq, mustFollow)
        } else if ('seq' in event && event.seq > told.nextSeq) {
          // Events that did not fit into the buffer are in the journal, unless their records are gone.
          missed = this.#missed(told, { before: event.seq })
          after = event
        } else if (told.take(event)) return event
      }
    }
  }

  #withLooks(): WithLooks {
    this.#looks = new WithLooks(this.#subscription, this.#clock)
    return this.#looks
  }

  /** Yields the committed events that the journal still has from a sequence number on, and no new ones. */
  async *past(fromSeq: number): AsyncGenerator<RunEvent> {
    await this.#subscription.stop()
    for await (const events of this.#pages(fromSeq)) yield* events
  }

  /** Yields the committed events that the reader has not received, up to `before`. Throws `subscriber-lagged` when some are gone. */
  async *#missed(told: Told, { before = Number.POSITIVE_INFINITY, isUnknownFine = false } = {}): AsyncGenerator<RunEvent> {
    try {
      for await (const events of this.#pages(told.nextSeq)) {
        for (const event of events) {
          if (event.seq >= before) return
          told.checkFollows(event)
          if (told.take(event)) yield event
        }
      }
    } catch (error) {
      if (!isUnknownFine || !BeamClawError.isInstance(error, 'unknown-session')) throw error
    }
  }

  /** Yields the pages of the journal up to its present end. A page is read when the reader has taken the one before. */
  async *#pages(fromSeq: number): AsyncGenerator<EventPage['events']> {
    for (let next = fromSeq; ; ) {
      const { events, lastSeq } = await this.#read(next)
      yield events
      next = (events.at(-1)?.seq ?? lastSeq) + 1
      if (next > lastSeq) return
    }
  }

  stop(): Promise<void> {
    this.#looks?.stop()
    return this.#subscription.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/**
 * Yields events, and `undefined` after a quiet period. Supports one pending read at a time. One timer serves many events; the creator must call `stop`.
 */
class WithLooks implements AsyncIterableIterator<RunEvent | undefined> {
  readonly #events: AsyncIterator<RunEvent>
  readonly #clock: Clock
  #timer: TimerHandle
  // The read that was requested and whose event was not delivered yet.
  #next: Promise<IteratorResult<RunEvent>> | undefined
  #tellQuiet: (() => void) | undefined
  #hasHappened = false

  constructor(events: AsyncIterable<RunEvent>, clock: Clock) {
    this.#events = events[Symbol.asyncIterator]()
    this.#clock = clock
    this.#timer = this.#arm()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  // Not `Promise.race` with one long-lived promise: that would retain every event until the quiet period ends.
  next(): Promise<IteratorResult<RunEvent | undefined>> {
    return new Promise((resolve, reject) => {
      this.#next ??= Promise.resolve(this.#events.next())
      // After `undefined` was delivered, the pending event goes to the next call.
      let isAnswered = false
      this.#tellQuiet = () => {
        isAnswered = true
        resolve({ done: false, value: undefined })
      }
      this.#next.then(
        (result) => {
          if (isAnswered) return
          this.#hasHappened = true
          this.#next = undefined
          resolve(result)
        },
        (error) => {
          if (!isAnswered) reject(error)
        },
      )
    })
  }

  stop(): void {
    this.#timer.cancel()
  }

  #arm(): TimerHandle {
    const look = (): void => {
      if (!this.#hasHappened) this.#tellQuiet?.()
      this.#hasHappened = false
      this.#timer = this.#arm()
    }
    return this.#clock.setTimer(look, lookAfterMs, true)
  }
}

/** Tracks the events that a reader has received, and decides which events are new. */
class Told {
  nextSeq: number
  // False until the first event is delivered to a reader that accepts any start.
  #mustFollow: boolean
  // The active run and attempt, according to the delivered records; undefined before the first record that names one.
  #attempt: { readonly runId: string; readonly name: string } | undefined
  // While no attempt is known: the run that ended last.
  #endedRun: string | undefined

  constructor(fromSeq: number, mustFollow: boolean) {
    this.nextSeq = fromSeq
    this.#mustFollow = mustFollow
  }

  /** Throws `subscriber-lagged` for an event after a gap. */
  checkFollows(event: RunEvent): void {
    if (!('seq' in event) || event.seq <= this.nextSeq || !this.#mustFollow) return
    const problem = `The events ${this.nextSeq} to ${event.seq - 1}, which the reader has not received, are not in the journal any more`
    throw new BeamClawError('subscriber-lagged', `${problem}; read the history, and subscribe from ${event.seq} on`, {
      details: { nextSeq: this.nextSeq, cursor: event.seq },
    })
  }

  /** Returns false for a delivered event, and for pieces of an answer that is complete or void. Marks other events as delivered. */
  take(event: RunEvent): boolean {
    if (event.type === 'tool-progress' || event.type === 'session-delete') return true
    if (!('seq' in event)) return this.#attempt === undefined ? event.runId !== this.#endedRun : this.#attempt.name === nameOf(event)
    if (event.seq < this.nextSeq) return false
    this.nextSeq = event.seq + 1
    this.#mustFollow = true
    const { runId } = event
    if (event.type === 'model-request') this.#attempt = { runId, name: nameOf(event) }
    else if (event.type === 'message' || event.type === 'model-failure') this.#attempt = { runId, name: 'none' }
    else if (event.type === 'run-end') this.#end(runId)
    return true
  }

  /** A waiting message may end during another run, whose pieces continue. */
  #end(runId: string): void {
    if (this.#attempt === undefined) this.#endedRun = runId
    else if (this.#attempt.runId === runId) this.#attempt = { runId, name: 'none' }
  }
}

function nameOf({ runId, turn, attempt }: { readonly runId: string; readonly turn: number; readonly attempt: number }): string {
  return `${runId} ${turn} ${attempt}`
}
