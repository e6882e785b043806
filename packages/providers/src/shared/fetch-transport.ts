/** HTTP by `fetch`, without retries and redirects: for programs with a `fetch` of their own, and for platforms without undici. */
import type { FetchFunction } from './http-options.ts'
import type { HeaderReader } from './retry-after.ts'
import type { AnswerSink, IncomingAnswer, OutgoingRequest, Progress, Transport } from './transport.ts'

// A string as the reason: the default one is an error, whose stack trace would be captured at the end of every call.
const callIsOver = 'the call is over'

export class FetchTransport implements Transport {
  readonly #fetch: FetchFunction | undefined
  readonly #watchesBody: boolean

  /**
   * @param fetch default: the platform's own
   * @param watchesBody whether the platform's own reads a request body as it is sent, so that the connection can be watched through it; browsers refuse such a
   *   body, and there a request counts as connected at once
   */
  constructor(fetch: FetchFunction | undefined, watchesBody: boolean) {
    this.#fetch = fetch
    this.#watchesBody = watchesBody && fetch === undefined
  }

  async send({ url, headers, body }: OutgoingRequest, { onConnected, whenOver }: Progress): Promise<IncomingAnswer> {
    const controller = new AbortController()
    let answer: FetchedAnswer | undefined
    whenOver(() => {
      // A body that ended or broke off by itself holds no connection.
      if (answer?.isOver === true) return
      controller.abort(callIsOver)
      answer?.cancel()
    })
    const watched = this.#watchesBody && body !== undefined ? new TextEncoder().encode(body) : undefined
    if (watched === undefined) onConnected()
    const send: FetchFunction = this.#fetch ?? ((target, init) => fetch(target, init))
    const response = await send(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...(watched === undefined ? {} : { 'content-length': String(watched.byteLength) }) },
      redirect: 'manual',
      signal: controller.signal,
      ...(watched !== undefined ? { body: watchedBody(watched, onConnected), duplex: 'half' } : body === undefined ? {} : { body }),
    } as RequestInit)
    answer = new FetchedAnswer(response)
    // A `fetch` that does not hear of the signal may answer after the end of the call.
    if (controller.signal.aborted) answer.cancel()
    return answer
  }
}

// A body that is made in this process is there at once, and would keep timers and all else waiting until its end.
const piecesInARow = 64

/** Reads a piece when the reader waits for one. */
class FetchedAnswer implements IncomingAnswer {
  readonly status: number
  readonly headers: HeaderReader
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #sink: AnswerSink | undefined
  #isReading = false
  /** True once the body has ended, broken off, or been let go of. */
  isOver = false
  #pieces = 0

  constructor({ type, status, headers, body }: Response) {
    this.status = type === 'opaqueredirect' ? 302 : status
    this.headers = headers
    this.#reader = body?.getReader()
  }

  receive(sink: AnswerSink): void {
    this.#sink = sink
    this.more()
  }

  pause(): void {}

  /** Lets go of the body. Not every `fetch` does that for its signal. */
  cancel(): void {
    this.isOver = true
    this.#reader?.cancel(callIsOver).catch(() => undefined)
  }

  more(): void {
    if (this.#isReading || this.isOver || this.#sink === undefined) return
    this.#isReading = true
    void this.#read(this.#sink)
  }

  async #read({ onPiece, onEnd, onError }: AnswerSink): Promise<void> {
    let piece: Uint8Array | undefined
    try {
      if (++this.#pieces % piecesInARow === 0) await new Promise<void>((resolve) => void setTimeout(resolve, 0))
      piece = (await this.#reader?.read())?.value
    } catch (error) {
      this.isOver = true
      return onError(error)
    } finally {
      this.#isReading = false
    }
    if (piece !== undefined) return onPiece(piece)
    this.isOver = true
    onEnd()
  }
}

/**
 * Returns a request body that reports when it is read. `fetch` reads one chunk ahead before it has a connection, so the first chunk is empty and
 * the second, which holds everything, is asked for when the request is on its way. Seen with Node 20, 22, 24 and 26.
 */
function watchedBody(bytes: Uint8Array<ArrayBuffer>, onTaken: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isFirst = true
  return new ReadableStream(
    {
      pull(controller) {
        if (isFirst) {
          isFirst = false
          controller.enqueue(new Uint8Array(0))
          return
        }
        onTaken()
        controller.enqueue(bytes)
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}
