/** Parses server-sent events from a byte stream, with a limit on the size of an event. */
import { createParser, type EventSourceParser } from 'eventsource-parser'
import { ErrorFields } from './error-field.ts'
import { protocolError } from './failure.ts'

/** One server-sent event. */
export interface ServerSentEvent {
  /** The name, if the server sent one. */
  readonly event: string | undefined
  readonly data: string
}

/** Assembles events from the chunks of a stream. */
export class EventParser {
  readonly #name: string
  readonly #maxEventBytes: number
  readonly #decoder = new TextDecoder()
  readonly #errorFields = new ErrorFields()
  readonly #parser: EventSourceParser
  #isTooLarge = false
  #ready: ServerSentEvent[] = []

  constructor(name: string, maxEventBytes: number) {
    this.#name = name
    this.#maxEventBytes = maxEventBytes
    this.#parser = createParser({
      maxBufferSize: maxEventBytes,
      onEvent: ({ event, data }) => {
        this.#isTooLarge ||= data.length > maxEventBytes
        if (!this.#isTooLarge) this.#ready.push({ event, data })
      },
      // Unknown fields are not errors in this protocol; only the size bound matters.
      onError: ({ type }) => {
        this.#isTooLarge ||= type === 'max-buffer-size-exceeded'
      },
    })
  }

  /** Returns the events that this chunk completes. To read them throws `provider-protocol` where one is larger than `maxEventBytes`. */
  feed(piece: Uint8Array): Iterable<ServerSentEvent> {
    this.#parser.feed(this.#errorFields.rewrite(this.#decoder.decode(piece, { stream: true })))
    return this.#take()
  }

  /** Returns the events that the end of the stream completes. Throws as those of `feed` do. */
  end(): readonly ServerSentEvent[] {
    // Some servers omit the empty line after the last event. A truncated event is no valid JSON and is dropped.
    this.#parser.feed(`${this.#errorFields.rewrite(this.#decoder.decode())}${this.#errorFields.end()}\n\n`)
    return [...this.#take()].filter(({ data }) => isComplete(data))
  }

  #take(): Iterable<ServerSentEvent> {
    const taken = this.#ready
    this.#ready = []
    return this.#isTooLarge ? this.#thenTooLarge(taken) : taken
  }

  *#thenTooLarge(before: readonly ServerSentEvent[]): Generator<ServerSentEvent, void, undefined> {
    yield* before
    const details = { limit: 'maxEventBytes', maxBytes: this.#maxEventBytes }
    throw protocolError(this.#name, `one event is larger than ${this.#maxEventBytes} bytes`, details)
  }
}

function isComplete(data: string): boolean {
  if (data === '[DONE]') return true
  try {
    JSON.parse(data)
    return true
  } catch {
    return false
  }
}
