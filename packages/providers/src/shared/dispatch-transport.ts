/** HTTP by undici's dispatcher: chunks are passed on as they arrive, which costs half as much as `fetch`. */
import type { Dispatcher } from 'undici'
import { codingsOf, type DecodedAnswer, decodedAnswer } from './decoded-answer.ts'
import type { EnvironmentProxy } from './proxy.ts'
import type { HeaderReader } from './retry-after.ts'
import type { AnswerSink, IncomingAnswer, OutgoingRequest, Progress, Transport } from './transport.ts'

interface Target {
  readonly origin: string
  readonly path: string
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

export class DispatchTransport implements Transport {
  readonly #connectTimeoutMs: number
  readonly #proxy: EnvironmentProxy | undefined
  #loading: Promise<Dispatcher> | undefined
  #agent: Dispatcher | undefined
  // The address of the last call: most calls go to one.
  #last: { readonly url: string; readonly target: Target } | undefined

  /** @param connectTimeoutMs limit of an attempt to connect, in milliseconds, for all calls that wait for it */
  constructor(connectTimeoutMs: number, proxy: EnvironmentProxy | undefined) {
    this.#connectTimeoutMs = connectTimeoutMs
    this.#proxy = proxy
  }

  async send({ url, headers, body }: OutgoingRequest, { onConnected, whenOver }: Progress): Promise<IncomingAnswer> {
    const answer = new DispatchedAnswer()
    let plain: DecodedAnswer | undefined
    let isOver = false
    whenOver(() => {
      isOver = true
      answer.abort()
      plain?.cancel()
    })
    // Loaded by the first call: undici takes longer to load than core and this package together.
    this.#loading ??= makeAgent(this.#connectTimeoutMs, this.#proxy)
    this.#agent ??= await this.#loading
    const agent = this.#agent
    if (isOver) throw new Error('The call is over')
    const arrived = await new Promise<DispatchedAnswer>((resolve, reject) => {
      const { origin, path } = this.#targetOf(url)
      const method = body === undefined ? 'GET' : 'POST'
      agent.dispatch(
        { origin, path, method, headers: { ...headers, 'accept-encoding': 'identity' }, body: body ?? null },
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
    const codings = codingsOf(arrived.headers)
    if (codings.length === 0) return arrived
    plain = await decodedAnswer(arrived, codings)
    if (isOver) plain.cancel()
    return plain
  }

  #targetOf(url: string): Target {
    if (this.#last?.url === url) return this.#last.target
    const { origin, pathname, search } = new URL(url)
    const target = { origin, path: pathname + search }
    this.#last = { url, target }
    return target
  }
}

async function makeAgent(timeout: number, proxy: EnvironmentProxy | undefined): Promise<Dispatcher> {
  const loaded = await import('undici')
  // Of a library in the old format, a bundle in several files has the default alone.
  const { Agent, Pool, ProxyAgent } = 'Agent' in loaded ? loaded : (loaded as { readonly default: typeof loaded }).default
  // Of deadlines only the one for sockets is left to the agent: it alone can close them.
  const limits = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout } } as const
  if (proxy === undefined) return new Agent(limits)
  return new ProxyAgent({
    ...limits,
    uri: proxy.url,
    ...(proxy.authorization === undefined ? {} : { token: proxy.authorization }),
    proxyTls: { timeout },
    requestTls: { timeout },
    // The answer of the proxy itself belongs to the connection.
    clientFactory: (url, options) => {
      const client = new Pool(url, { ...options, headersTimeout: timeout })
      const connect = client.connect.bind(client) as (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>
      return Object.assign(client, { connect: (asked: Dispatcher.ConnectOptions) => connect(asked).catch(failTunnel) })
    },
  })
}

/** For undici a socket that closed is one to try again, at once and without end: here it is a proxy that opens no tunnel. */
function failTunnel(cause: unknown): never {
  const { code } = cause as { readonly code?: unknown }
  throw code === 'UND_ERR_SOCKET' ? Object.assign(new Error('The proxy closed the connection', { cause }), { code: 'ECONNRESET' }) : cause
}

/** Phases: `arriving → ended | failed`. What arrives before there is a sink waits for it. */
class DispatchedAnswer implements IncomingAnswer {
  controller: Dispatcher.DispatchController | undefined
  status = 0
  headers: HeaderReader = { get: () => null }
  #sink: AnswerSink | undefined
  #early: Uint8Array[] = []
  #phase: { readonly name: 'arriving' | 'ended' } | { readonly name: 'failed'; readonly error: Error } = { name: 'arriving' }

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

  receive(sink: AnswerSink): void {
    this.#sink = sink
    for (const piece of this.#early.splice(0)) sink.onPiece(piece)
    if (this.#phase.name === 'ended') sink.onEnd()
    else if (this.#phase.name === 'failed') sink.onError(this.#phase.error)
    else this.more()
  }

  take(piece: Uint8Array): void {
    if (this.#sink !== undefined) return this.#sink.onPiece(piece)
    this.#early.push(piece)
    this.pause()
  }

  end(): void {
    this.#phase = { name: 'ended' }
    this.#sink?.onEnd()
  }

  fail(error: Error): void {
    this.#phase = { name: 'failed', error }
    this.#sink?.onError(error)
  }

  pause(): void {
    this.controller?.pause()
  }

  more(): void {
    if (this.controller?.paused === true) this.controller.resume()
  }

  /** Releases the connection; a body that was read to its end has released it already. */
  abort(): void {
    this.#early = []
    if (this.#phase.name !== 'ended') this.controller?.abort(new Error('The call is over'))
  }
}
