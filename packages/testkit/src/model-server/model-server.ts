/** A real HTTP server on this machine that speaks OpenAI's and Anthropic's protocols and answers from a script. For tests of adapters and hosts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ReceivedRequest } from './answer.ts'
import { ModelScript, type ModelServerOptions, parseBody } from './model-script.ts'
import type { ScriptedModelAnswer } from './scripted-answer.ts'
import { protocolOf } from './wires.ts'

/** Starts a server on 127.0.0.1, on a free port. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = new ModelServer(options)
  await server.start()
  return server
}

/** A running model server. Stop it with `stop()` or `await using`. */
export class ModelServer implements AsyncDisposable {
  readonly #server: Server
  readonly #script: ModelScript
  readonly #waiting = new Set<() => void>()
  #open = 0
  #total = 0
  #active = 0

  constructor(options: ModelServerOptions = {}) {
    this.#script = new ModelScript(options)
    this.#server = createServer((request, response) => void this.#serve(request, response))
    this.#server.on('connection', (socket) => {
      this.#open++
      this.#total++
      socket.once('close', () => {
        this.#open--
        this.#changed()
      })
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', resolve)
    })
  }

  /** Every request so far, in order of arrival. */
  get requests(): ReceivedRequest[] {
    return this.#script.requests
  }

  /** For example `http://127.0.0.1:43210`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The `baseUrl` of both protocols. */
  get baseUrl(): string {
    return `${this.url}/v1`
  }

  /** Connections that are open now. Idle ones count too: clients keep some for later, and Node's fetch opens a spare one after an abort. */
  get openConnections(): number {
    return this.#open
  }

  /** Connections there have been. */
  get totalConnections(): number {
    return this.#total
  }

  /** Requests whose answer is neither complete nor broken off; each holds a connection. */
  get activeRequests(): number {
    return this.#active
  }

  /** Adds answers to the end of the queue. Throws `invalid-option` for one that is none. */
  enqueue(...answers: readonly ScriptedModelAnswer[]): void {
    this.#script.enqueue(...answers)
  }

  /** Resolves when `count` requests have arrived. */
  received(count: number): Promise<void> {
    return this.#when(() => this.requests.length >= count)
  }

  /** Resolves when no request is being answered, so no call holds a connection. */
  idle(): Promise<void> {
    return this.#when(() => this.#active === 0)
  }

  /** Breaks all connections and frees the port; calling it again does nothing. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#active++
    response.once('close', () => {
      this.#active--
      this.#changed()
    })
    try {
      const request = await readRequest(incoming)
      const replied = this.#script.reply(request, response)
      this.#changed()
      await replied
    } catch (error) {
      // The other side left, or the test's own answer function failed; the latter must be seen.
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(String(error))
    }
  }

  #when(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve()
    return new Promise((resolve) => {
      const check = () => {
        if (!isTrue()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  #changed(): void {
    for (const check of this.#waiting) check()
  }
}

async function readRequest(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1')
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: parseBody(text),
    protocol: protocolOf(url.pathname, incoming.headers['anthropic-version'] !== undefined),
  }
}
