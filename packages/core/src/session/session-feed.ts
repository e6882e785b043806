/** A session's events from a given record on: first those the journal has, then those that happen. Nothing durable is missed or told twice. */
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { EventBus, Subscription } from '../ports/event-bus.ts'
import type { Clock, TimerHandle } from '../ports/services.ts'

export interface SessionFeedOptions {
  readonly events: EventBus<RunEvent>
  readonly topic: string
  /** Reads the committed events from a sequence number on. */
  readonly read: (fromSeq: number) => Promise<readonly RunEvent[]>
  readonly clock: Clock
  /** Ends the feed. */
  readonly signal?: AbortSignal
}

/** Milliseconds without an event until a reader who waits for the end of a run looks into the journal: a bus may lose any event. */
const lookAfterMs = 10_000

/** Events that may wait for a reader; what is provisional and does not fit is lost, what is durable is read again. */
const maxBuffered = 4_096

/** How a feed begins. */
interface FeedStart {
  /** Its first event has not happened before the feed was made. */
  readonly isAhead?: boolean
  /** Every record from the first one on is wanted, also when that is 1. */
  readonly mustFollow?: boolean
  /** The session is at work until the reader leaves, so that looking into its journal now and then keeps nothing awake. */
  readonly isAtWork?: boolean
  /** A session that does not exist yet is waited for. */
  readonly waitForFirstMessage?: boolean
}

export class SessionFeed implements AsyncDisposable {
  readonly #read: SessionFeedOptions['read']
  // From before the first read, so that nothing falls in between.
  readonly #subscription: Subscription<RunEvent>
  readonly #clock: Clock
  #isLive = false

  constructor({ events, topic, read, clock, ...options }: SessionFeedOptions) {
    this.#read = read
    this.#clock = clock
    this.#subscription = events.subscribe(topic, { maxBuffered, ...options })
  }

  /** True once what the journal had at the beginning has been told: what comes now happens while the reader listens. */
  get isLive(): boolean {
    return this.#isLive
  }

  /**
   * Iterate once. Ends when the feed is stopped. Throws what `read` rejects with, and `subscriber-lagged` when records that the reader has
   * not got are gone from the journal. `fromSeq` 1 asks for whatever there is, unless `mustFollow`.
   */
  async *from(
    fromSeq: number,
    { isAhead = false, mustFollow = fromSeq > 1, waitForFirstMessage = false, isAtWork = false }: FeedStart = {},
  ): AsyncGenerator<RunEvent> {
    let told = new Told(fromSeq, mustFollow)
    let looks: WithLooks | undefined
    try {
      if (!isAhead) {
        for (const event of await this.#readUnlessUnknown(fromSeq, waitForFirstMessage)) {
          told.checkFollows(event)
          if (told.take(event)) yield event
        }
      }
      this.#isLive = true
      if (isAtWork) looks = new WithLooks(this.#subscription, this.#clock)
      for await (const event of looks ?? this.#subscription) {
        if (event === undefined) {
          for (const missed of await this.#read(told.nextSeq)) if (told.take(missed)) yield missed
          continue
        }
        if (event.type === 'session-delete') {
          if (!isAtWork) throw new BeamClawError('unknown-session', `Session "${event.sessionKey}" was deleted`)
          // A session at work is not deleted: this was the one before it.
          told = new Told(fromSeq, mustFollow)
          continue
        }
        // Some did not fit into the buffer: the journal has them, unless a snapshot has taken their place.
        if ('seq' in event && event.seq > told.nextSeq) {
          for (const missed of await this.#read(told.nextSeq)) {
            if (!('seq' in missed) || missed.seq >= event.seq) continue
            told.checkFollows(missed)
            if (told.take(missed)) yield missed
          }
          told.checkFollows(event)
        }
        if (told.take(event)) yield event
      }
    } finally {
      looks?.stop()
      await this.#subscription.stop()
    }
  }

  /** The committed events that the journal still has from a sequence number on, and none that happen. */
  async *past(fromSeq: number): AsyncGenerator<RunEvent> {
    await this.#subscription.stop()
    yield* await this.#read(fromSeq)
  }

  async #readUnlessUnknown(fromSeq: number, isUnknownFine: boolean): Promise<readonly RunEvent[]> {
    try {
      return await this.#read(fromSeq)
    } catch (error) {
      if (isUnknownFine && BeamClawError.isInstance(error, 'unknown-session')) return []
      throw error
    }
  }

  stop(): Promise<void> {
    return this.#subscription.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/**
 * Events, and `undefined` when none has come for a while. Asked for one at a time; one timer serves many events. Whoever made it stops it.
 */
class WithLooks implements AsyncIterableIterator<RunEvent | undefined> {
  readonly #events: AsyncIterator<RunEvent>
  readonly #clock: Clock
  #timer: TimerHandle
  // Asked for, and not handed on yet.
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

  // By hand, and no race with one promise for all: that would remember every event until it is quiet.
  next(): Promise<IteratorResult<RunEvent | undefined>> {
    return new Promise((resolve, reject) => {
      this.#next ??= Promise.resolve(this.#events.next())
      // Once it was told that it is quiet, what comes is for the one who asks next.
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

/** What a reader has been told, and what is therefore news. */
class Told {
  nextSeq: number
  // False until something was told to a reader that asked for whatever there is.
  #mustFollow: boolean
  // The run and the attempt under way, as far as the records told say; undefined before the first that says anything.
  #attempt: { readonly runId: string; readonly name: string } | undefined
  // As long as no attempt is known: the run that ended last.
  #endedRun: string | undefined

  constructor(fromSeq: number, mustFollow: boolean) {
    this.nextSeq = fromSeq
    this.#mustFollow = mustFollow
  }

  /** Throws `subscriber-lagged` for an event that leaves out others. */
  checkFollows(event: RunEvent): void {
    if (!('seq' in event) || event.seq <= this.nextSeq || !this.#mustFollow) return
    const problem = `The reader has not got the events ${this.nextSeq} to ${event.seq - 1}, and a snapshot has taken their place`
    throw new BeamClawError('subscriber-lagged', `${problem}; read the history, and subscribe from ${event.seq} on`, {
      details: { nextSeq: this.nextSeq, cursor: event.seq },
    })
  }

  /** False for what was told before, and for pieces of an answer that has been told as a whole or is void. */
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

  /** A message that waited may end in the middle of another run, whose pieces go on. */
  #end(runId: string): void {
    if (this.#attempt === undefined) this.#endedRun = runId
    else if (this.#attempt.runId === runId) this.#attempt = { runId, name: 'none' }
  }
}

function nameOf({ runId, turn, attempt }: { readonly runId: string; readonly turn: number; readonly attempt: number }): string {
  return `${runId} ${turn} ${attempt}`
}
