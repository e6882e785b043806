/** A session's events from a given record on: first those the journal has, then those that happen. Nothing durable is missed or told twice. */
import type { RunEvent } from '../events.ts'
import type { EventBus, Subscription } from '../ports/event-bus.ts'

export interface SessionFeedOptions {
  readonly events: EventBus<RunEvent>
  readonly topic: string
  /** Reads the committed events from a sequence number on. */
  readonly read: (fromSeq: number) => Promise<readonly RunEvent[]>
}

/** Events that may wait for a reader; what is provisional and does not fit is lost, what is durable is read again. */
const maxBuffered = 4_096

export class SessionFeed implements AsyncDisposable {
  readonly #read: SessionFeedOptions['read']
  // From before the first read, so that nothing falls in between.
  readonly #subscription: Subscription<RunEvent>

  constructor({ events, topic, read }: SessionFeedOptions) {
    this.#read = read
    this.#subscription = events.subscribe(topic, { maxBuffered })
  }

  /** Iterate once. Ends when the feed is stopped. */
  async *from(fromSeq: number): AsyncGenerator<RunEvent> {
    let next = fromSeq
    try {
      for (const event of await this.#read(next)) {
        yield event
        next = seqOf(event, next) + 1
      }
      for await (const event of this.#subscription) {
        const seq = seqOf(event, undefined)
        if (seq === undefined) {
          yield event
          continue
        }
        if (seq < next) continue
        // Some did not fit into the buffer: the journal has them.
        for (const missed of seq > next ? await this.#read(next) : []) {
          if (seqOf(missed, next) >= seq) break
          yield missed
        }
        yield event
        next = seq + 1
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

function seqOf<T>(event: RunEvent, otherwise: T): number | T {
  return 'seq' in event ? event.seq : otherwise
}
