/** A session's events from a given record on: first those the journal has, then those that happen. Nothing durable is missed or told twice. */
import type { ProvisionalEvent, RunEvent } from '../events.ts'
import type { EventBus, Subscription } from '../ports/event-bus.ts'

export interface SessionFeedOptions {
  readonly events: EventBus<RunEvent>
  readonly topic: string
  /** Reads the committed events from a sequence number on. */
  readonly read: (fromSeq: number) => Promise<readonly RunEvent[]>
  /** Ends the feed. */
  readonly signal?: AbortSignal
}

/** Events that may wait for a reader; what is provisional and does not fit is lost, what is durable is read again. */
const maxBuffered = 4_096

export class SessionFeed implements AsyncDisposable {
  readonly #read: SessionFeedOptions['read']
  // From before the first read, so that nothing falls in between.
  readonly #subscription: Subscription<RunEvent>

  constructor({ events, topic, read, ...options }: SessionFeedOptions) {
    this.#read = read
    this.#subscription = events.subscribe(topic, { maxBuffered, ...options })
  }

  /** Iterate once. Ends when the feed is stopped. */
  async *from(
    fromSeq: number,
    { isAhead = false }: { /** Its first event has not happened before the feed was made. */ readonly isAhead?: boolean } = {},
  ): AsyncGenerator<RunEvent> {
    const told = new Told(fromSeq)
    try {
      if (!isAhead) {
        for (const event of await this.#read(fromSeq)) {
          if (!told.take(event)) continue
          yield event
        }
      }
      for await (const event of this.#subscription) {
        // Some did not fit into the buffer: the journal has them.
        if ('seq' in event && event.seq > told.nextSeq) {
          for (const missed of await this.#read(told.nextSeq)) {
            if ('seq' in missed && missed.seq < event.seq && told.take(missed)) yield missed
          }
        }
        if (told.take(event)) yield event
      }
    } finally {
      await this.#subscription.stop()
    }
  }

  stop(): Promise<void> {
    return this.#subscription.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** What a reader has been told, and what is therefore news. */
class Told {
  nextSeq: number
  // The attempt under way, as far as the records told say; undefined before the first that says anything.
  #attempt: string | undefined

  constructor(fromSeq: number) {
    this.nextSeq = fromSeq
  }

  /** False for what was told before, and for pieces of an answer that has been told as a whole or is void. */
  take(event: RunEvent): boolean {
    if (!('seq' in event)) return this.#attempt === undefined || this.#attempt === nameOf(event)
    if (event.seq < this.nextSeq) return false
    this.nextSeq = event.seq + 1
    if (event.type === 'model-request') this.#attempt = nameOf(event)
    else if (event.type === 'message' || event.type === 'model-failure' || event.type === 'run-end') this.#attempt = 'none'
    return true
  }
}

function nameOf({ runId, turn, attempt }: Pick<ProvisionalEvent, 'runId' | 'turn' | 'attempt'>): string {
  return `${runId} ${turn} ${attempt}`
}
