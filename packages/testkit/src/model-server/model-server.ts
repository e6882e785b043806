/** A real HTTP server on this machine that speaks OpenAI's and Anthropic's protocols and answers from a script. For tests of adapters and hosts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ModelAnswer, ReceivedRequest } from './answer.ts'
import { anthropicError, anthropicModels } from './anthropic-wire.ts'
import { deliver } from './deliver.ts'
import { openAiError, openAiModels } from './openai-wire.ts'

/** Decides the answer to a request; `index` counts model calls from 0. */
export type AnswerFunction = (request: ReceivedRequest, index: number) => ModelAnswer | string | Promise<ModelAnswer | string>

/** What a model server says. A string is short for `{ text }`. */
export interface ModelServerOptions {
  /** Answers in order, or a function that decides. An empty queue answers 500. @default [] */
  readonly answers?: readonly (ModelAnswer | string)[] | AnswerFunction
  /** Requests without this key are answered 401. @default any key is fine */
  readonly apiKey?: string
  /** @default one model, `scripted-1` */
  readonly models?: readonly { readonly id: string; readonly contextWindow?: number }[]
}

/** What a model server uses for options that are left out. */
export const modelServerDefaults = { answers: [], models: [{ id: 'scripted-1' }] } as const satisfies ModelServerOptions

/** Starts a server on 127.0.0.1, on a free port. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = new ModelServer(options)
  await server.start()
  return server
}

/** A running model server. Stop it with `stop()` or `await using`. */
export class ModelServer implements AsyncDisposable {
  /** Every request so far, in order of arrival. */
  readonly requests: ReceivedRequest[] = []
  readonly #server: Server
  readonly #options: ModelServerOptions
  readonly #queue: (ModelAnswer | string)[]
  readonly #waiting = new Set<() => void>()
  #calls = 0
  #open = 0
  #total = 0
  #active = 0

  constructor(options: ModelServerOptions = {}) {
    this.#options = options
    const answers = options.answers ?? modelServerDefaults.answers
    this.#queue = typeof answers === 'function' ? [] : [...answers]
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

  /** Adds answers to the end of the queue. */
  enqueue(...answers: readonly (ModelAnswer | string)[]): void {
    this.#queue.push(...answers)
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
      this.requests.push(request)
      this.#changed()
      await this.#answer(request, response)
    } catch (error) {
      // The other side left, or the test's own answer function failed; the latter must be seen.
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(String(error))
    }
  }

  async #answer(request: ReceivedRequest, response: ServerResponse): Promise<void> {
    if (!this.#isAllowed(request)) return deliver(response, request, { error: { status: 401 } })
    if (request.method === 'GET' && request.path === '/v1/models') {
      const models = this.#options.models ?? modelServerDefaults.models
      return sendJson(response, 200, request.protocol === 'openai' ? openAiModels(models) : anthropicModels(models, request.query))
    }
    if (request.method !== 'POST' || (request.path !== '/v1/chat/completions' && request.path !== '/v1/messages')) {
      const error = { status: 404 }
      return sendJson(response, 404, request.protocol === 'openai' ? openAiError(error) : anthropicError(error))
    }
    const { answers } = this.#options
    const answer = typeof answers === 'function' ? await answers(request, this.#calls++) : this.#queue.shift()
    if (answer === undefined)
      return sendJson(response, 500, { error: { type: 'script_exhausted', message: 'The script has no more answers' } })
    await deliver(response, request, typeof answer === 'string' ? { text: answer } : answer)
  }

  #isAllowed({ headers }: ReceivedRequest): boolean {
    const { apiKey } = this.#options
    return apiKey === undefined || headers['x-api-key'] === apiKey || headers.authorization === `Bearer ${apiKey}`
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
  const isAnthropic = url.pathname.endsWith('/messages') || incoming.headers['anthropic-version'] !== undefined
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: parse(text),
    protocol: isAnthropic ? 'anthropic' : 'openai',
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
