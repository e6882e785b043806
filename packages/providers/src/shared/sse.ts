/** Server-sent events out of a byte stream, with a bound on what one event may hold. */
import { createParser } from 'eventsource-parser'
import { protocolError } from './failure.ts'

/** One server-sent event. */
export interface ServerSentEvent {
  /** The name, where the server gave one. */
  readonly event: string | undefined
  readonly data: string
}

/** Yields events as they complete; throws `provider-protocol` when one is larger than `maxEventBytes`. */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  maxEventBytes: number,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const decoder = new TextDecoder()
  let isTooLarge = false
  let ready: ServerSentEvent[] = []
  const parser = createParser({
    maxBufferSize: maxEventBytes,
    onEvent: ({ event, data }) => {
      isTooLarge ||= data.length > maxEventBytes
      ready.push({ event, data })
    },
    // Unknown fields are not errors in this protocol; only the size bound matters.
    onError: ({ type }) => {
      isTooLarge ||= type === 'max-buffer-size-exceeded'
    },
  })
  const take = (): readonly ServerSentEvent[] => {
    if (isTooLarge) {
      throw protocolError(name, `one event is larger than ${maxEventBytes} bytes`, { limit: 'maxEventBytes', maxBytes: maxEventBytes })
    }
    const taken = ready
    ready = []
    return taken
  }
  for await (const chunk of chunks) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    yield* take()
  }
  // Some servers leave out the empty line after the last event. What was cut off is not a whole JSON text and stays out.
  parser.feed(`${decoder.decode()}\n\n`)
  for (const event of take()) if (isComplete(event.data)) yield event
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
