/** HTTP by undici's dispatcher: chunks are passed on as they arrive, which costs half as much as `fetch`. */
import type { Agent, Dispatcher } from 'undici'
import type { HeaderReader } from './retry-after.ts'
import type { IncomingAnswer, OutgoingRequest, Progress, Transport } from './transport.ts'

/** Buffered bytes above which back-pressure is applied to the server. */
const maxWaitingBytes = 1024 * 1024

type Headers = Readonly<Record<string, string | string[] | undefined>>

export class DispatchTransport implements Transport {
  readonly #connectTimeoutMs: number
  #agent: Promise<Agent> | undefined

  /** @param connectTimeoutMs limit of an attempt to connect, in milliseconds, for all calls that wait for it */
  constructor(connectTimeoutMs: number) {
    this.#connectTimeoutMs = connectTimeoutMs
  }

  async send({ url, headers, body }: OutgoingRequest, { onConnected, whenOver }: Progress): Promise<IncomingAnswer> {
    const answer = new DispatchedAnswer()
    let isOver = false
    whenOver(() => {
      isOver = true
      answer.abort()
    })
    // Loaded by the first call: undici takes longer to load than core and this package together.
    this.#agent ??= makeAgent(this.#connectTimeoutMs)
    const agent = await this.#agent
    if (isOver) throw new Error('The call is over')
    return new Promise((resolve, reject) => {
      const { origin, pathname, search } = new URL(url)
      const method = body === undefined ? 'GET' : 'POST'
      const request = { origin, path: pathname + search, method, headers: { ...headers, 'accept-encoding': 'identity' } } as const
      agent.dispatch(
        { ...request, body: body ?? null },
        {
          onRequestStart(controller) {
            answer.controller = controller
            if (isOver) answer.abort()
            else onConnected()
          },
          onResponseStart(_controller, status, received) {
            if (status >= 200) resolve(answer.begin(status, received))
          },
          onResponseData: (_controller, piece) => answer.take(piece),
          onResponseEnd: () => answer.end(),
          onResponseError(_controller, error) {
            reject(error)
            answer.fail(error)
          },
        },
      )
    })
  }
}

async function makeAgent(connectTimeoutMs: number): Promise<Agent> {
  const { Agent } = await import('undici')
  // Of deadlines only the one for sockets is left to the agent: it alone can close them.
  return new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: connectTimeoutMs } })
}

class DispatchedAnswer implements IncomingAnswer {
  controller: Dispatcher.DispatchController | undefined
  status = 0
  headers: HeaderReader = { get: () => null }
  #pieces: Uint8Array[] = []
  #waitingBytes = 0
  #isEnded = false
  #error: Error | undefined
  #reader: PromiseWithResolvers<Uint8Array | undefined> | undefined

  begin(status: number, headers: Headers): this {
    this.status = status
    this.headers = {
      get: (name) => {
        const value = headers[name.toLowerCase()]
        return (Array.isArray(value) ? value.join(', ') : value) ?? null
      },
    }
    return this
  }

  take(piece: Uint8Array): void {
    const reader = this.#reader
    if (reader !== undefined) {
      this.#reader = undefined
      return reader.resolve(piece)
    }
    this.#pieces.push(piece)
    this.#waitingBytes += piece.byteLength
    if (this.#waitingBytes > maxWaitingBytes) this.controller?.pause()
  }

  end(): void {
    this.#isEnded = true
    this.#reader?.resolve(undefined)
  }

  fail(error: Error): void {
    this.#error = error
    this.#reader?.reject(error)
  }

  /** Releases the connection; a body that was read to its end has released it already. */
  abort(): void {
    this.#pieces = []
    if (!this.#isEnded) this.controller?.abort(new Error('The call is over'))
  }

  read(): Promise<Uint8Array | undefined> {
    const piece = this.#pieces.shift()
    if (piece !== undefined) {
      this.#waitingBytes -= piece.byteLength
      if (this.controller?.paused === true && this.#waitingBytes <= maxWaitingBytes) this.controller.resume()
      return Promise.resolve(piece)
    }
    if (this.#error !== undefined) return Promise.reject(this.#error)
    if (this.#isEnded) return Promise.resolve(undefined)
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }
}
