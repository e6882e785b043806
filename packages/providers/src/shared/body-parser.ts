/** Finds the events in the body of an answer by what is in it: its content type is missing or wrong at many gateways. */
import { protocolError } from './failure.ts'
import { EventParser, type ServerSentEvent } from './sse.ts'

/** How bodies are read. Both return the events that a piece, or the end, completes. */
interface BodyReader {
  feed(piece: Uint8Array): Iterable<ServerSentEvent>
  end(): Iterable<ServerSentEvent>
}

/** What begins a JSON text, after white space. An event stream begins with the name of a field, with a colon or with a line end. */
const beginsJson: ReadonlySet<number> = new Set([...'{["'].map((character) => character.charCodeAt(0)))
const beginsPage = '<'.charCodeAt(0)
const blanks: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf])

/** Phases: `undecided → event stream | JSON`, by the first byte that is no white space. */
export class BodyParser implements BodyReader {
  readonly #name: string
  readonly #maxEventBytes: number
  readonly #maxJsonBytes: number
  #reader: BodyReader | undefined

  constructor(name: string, { maxEventBytes, maxJsonBytes }: { readonly maxEventBytes: number; readonly maxJsonBytes: number }) {
    this.#name = name
    this.#maxEventBytes = maxEventBytes
    this.#maxJsonBytes = maxJsonBytes
  }

  /** To read the events throws `provider-protocol` where they are too large; a web page throws it at once. */
  feed(piece: Uint8Array): Iterable<ServerSentEvent> {
    this.#reader ??= this.#readerFor(piece)
    return this.#reader === undefined ? [] : this.#reader.feed(piece)
  }

  /** Throws `provider-protocol` where the body is a JSON text that breaks off. */
  end(): Iterable<ServerSentEvent> {
    return this.#reader === undefined ? [] : this.#reader.end()
  }

  #readerFor(piece: Uint8Array): BodyReader | undefined {
    const first = piece.find((byte) => !blanks.has(byte))
    if (first === undefined) return undefined
    if (first === beginsPage) throw webPage(this.#name)
    return beginsJson.has(first) ? new JsonBody(this.#name, this.#maxJsonBytes) : new EventParser(this.#name, this.#maxEventBytes)
  }
}

/** Returns the error for an answer that is a web page. */
export function webPage(name: string): Error {
  return protocolError(name, 'the answer is a web page. Correct "baseUrl"', { contentType: 'text/html' })
}

/** The answer of a server that does not stream: one JSON text with all of it, or with an error. */
class JsonBody implements BodyReader {
  readonly #name: string
  readonly #maxBytes: number
  readonly #decoder = new TextDecoder()
  #text = ''
  #bytes = 0

  constructor(name: string, maxBytes: number) {
    this.#name = name
    this.#maxBytes = maxBytes
  }

  feed(piece: Uint8Array): readonly ServerSentEvent[] {
    this.#bytes += piece.byteLength
    if (this.#bytes > this.#maxBytes) {
      const details = { limit: 'maxJsonBytes', maxBytes: this.#maxBytes }
      throw protocolError(this.#name, `the answer is one JSON text of more than ${this.#maxBytes} bytes`, details)
    }
    this.#text += this.#decoder.decode(piece, { stream: true })
    return []
  }

  end(): readonly ServerSentEvent[] {
    const text = this.#text + this.#decoder.decode()
    if (isJson(text)) return [{ event: undefined, data: text }]
    // A list of texts, one a line: the first one tells whose they are.
    const [line = ''] = text.trimStart().split(/[\r\n]/, 1)
    if (line.length < text.length && isJson(line)) return [{ event: undefined, data: line }]
    throw protocolError(this.#name, 'the answer is not JSON')
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
