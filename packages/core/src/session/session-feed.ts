/** A session's events from a given record on: first those in the journal, then new ones. No durable event is missed or delivered twice. */
import type { Clock, EventBus, Subscription } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { CommittedEvent, RunEvent } from '../base/events.ts'
import { DeliveredEvents } from './delivered-events.ts'
import type { EventPage } from './event-page.ts'
import { InterruptibleEvents } from './interruptible-events.ts'

export interface SessionFeedOptions {
  readonly events: EventBus<RunEvent>
  readonly topic: string
  /** Reads a page of the committed events from a sequence number on. */
  readonly read: (fromSeq: number) => Promise<EventPage>
  readonly clock: Clock
  /** Ends the feed. */
  readonly signal?: AbortSignal
}

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

/**
 * Phases: `open → reading → stopped`. Owns one subscription, and its timer while it reads a session at work.
 * I1: The journal is first read when the subscription is ready, and again after each gap that the bus tells of, also one during a read.
 */
export class SessionFeed implements AsyncDisposable {
  readonly #read: SessionFeedOptions['read']
  // Subscribes before the first read, so that no event is missed between the two.
  readonly #subscription: Subscription<RunEvent>
  readonly #clock: Clock
  #events: InterruptibleEvents | undefined
  #isLive = false
  // The bus may have lost events since the last read of the journal began.
  #hasGap = false

  constructor({ events, topic, read, clock, ...options }: SessionFeedOptions) {
    this.#read = read
    this.#clock = clock
    this.#subscription = events.subscribe(topic, { maxBuffered, onGap: () => this.#onGap(), ...options })
  }

  /** Resolves once no later event is missed; also when the feed is stopped before. */
  get ready(): Promise<void> {
    return this.#subscription.ready
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
    const { next, ready } = this.#begin(fromSeq, start)
    try {
      for (let event = await next(); event !== undefined; event = ready() ?? (await next())) yield event
    } finally {
      await this.stop()
    }
  }

  /** Calls `take` with the events of `from` until it returns false. Rejects as that throws. Cheaper: events that came together cost no promises. */
  async each(fromSeq: number, start: FeedStart, take: (event: RunEvent) => boolean): Promise<void> {
    const { next, ready } = this.#begin(fromSeq, start)
    try {
      for (let event = await next(); event !== undefined && take(event); event = ready() ?? (await next()));
    } finally {
      await this.stop()
    }
  }

  /** Begins to read. `next` resolves with the next event, undefined at the end; `ready` returns it if it has arrived and follows the one before. */
  #begin(
    fromSeq: number,
    { isAhead = false, mustFollow = fromSeq > 1, waitForFirstMessage = false, isAtWork = false }: FeedStart,
  ): { readonly next: () => Promise<RunEvent | undefined>; readonly ready: () => RunEvent | undefined } {
    let told = new DeliveredEvents(fromSeq, mustFollow)
    let isReady = isAhead
    // What is read from the journal now, and the event that comes after it.
    let missed: AsyncGenerator<RunEvent> | undefined = isAhead ? undefined : this.#missed(told, { isUnknownFine: waitForFirstMessage })
    let after: CommittedEvent | undefined
    const isForReader = (event: RunEvent): boolean => {
      if (event.type === 'session-delete') {
        if (!isAtWork) throw new BeamClawError('unknown-session', `Session "${event.sessionKey}" was deleted`)
        // An active session cannot be deleted, so the event belongs to an earlier session with the same key.
        told = new DeliveredEvents(fromSeq, mustFollow)
        return false
      }
      if (!('seq' in event) || event.seq <= told.nextSeq) return told.take(event)
      // Events that did not fit into the buffer are in the journal, unless their records are gone.
      missed = this.#missed(told, { before: event.seq })
      after = event
      return false
    }
    const ready = (): RunEvent | undefined => {
      let event = missed === undefined ? this.#events?.takeReady() : undefined
      while (event !== undefined && !isForReader(event)) event = missed === undefined ? this.#events?.takeReady() : undefined
      return event
    }
    const next = async (): Promise<RunEvent | undefined> => {
      if (!isReady) {
        isReady = true
        await this.#subscription.ready
        // The read of the journal that follows has what was lost until now.
        this.#hasGap = false
      }
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
        const { done, value: event } = await this.#next(isAtWork)
        if (done === true) return undefined
        if (event === undefined) {
          missed = this.#missed(told, { isAfterGap: this.#hasGap, isUnknownFine: waitForFirstMessage && !told.hasAny })
          this.#hasGap = false
        } else if (isForReader(event)) return event
      }
    }
    return { next, ready }
  }

  /** Resolves with the next event of the bus, or with no value when the journal is to be read. */
  #next(isAtWork: boolean): Promise<IteratorResult<RunEvent | undefined>> {
    this.#isLive = true
    if (this.#events === undefined) {
      this.#events = new InterruptibleEvents(this.#subscription, isAtWork ? this.#clock : undefined)
      if (this.#hasGap) this.#events.interrupt()
    }
    return this.#events.next()
  }

  #onGap(): void {
    this.#hasGap = true
    this.#events?.interrupt()
  }

  /** Yields the committed events that the journal still has from a sequence number on, and no new ones. */
  async *past(fromSeq: number): AsyncGenerator<RunEvent> {
    await this.#subscription.stop()
    for await (const { events } of this.#pages(fromSeq)) yield* events
  }

  /**
   * Yields the committed events that the reader has not received, up to `before`. Throws `subscriber-lagged` when some are gone, and `unknown-session` when
   * a gap has hidden the deletion of the session: the journal then belongs to a later session with the same key.
   */
  async *#missed(
    told: DeliveredEvents,
    { before = Number.POSITIVE_INFINITY, isUnknownFine = false, isAfterGap = false } = {},
  ): AsyncGenerator<RunEvent> {
    try {
      for await (const { events, lastSeq } of this.#pages(told.nextSeq)) {
        if (isAfterGap && told.hasAny && lastSeq < told.nextSeq - 1)
          throw new BeamClawError('unknown-session', 'The session was deleted; its key has another session now')
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
  async *#pages(fromSeq: number): AsyncGenerator<EventPage> {
    for (let next = fromSeq; ; ) {
      const page = await this.#read(next)
      yield page
      next = (page.events.at(-1)?.seq ?? page.lastSeq) + 1
      if (next > page.lastSeq) return
    }
  }

  stop(): Promise<void> {
    this.#events?.stop()
    return this.#subscription.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
