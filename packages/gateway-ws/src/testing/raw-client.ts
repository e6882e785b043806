/** A WebSocket client that sends any frame, records every received one, and checks it against the published schema. */
import { once } from 'node:events'
import type { ClientOptions } from 'ws'
import { WebSocket } from 'ws'
import { PublishedSchema } from './published-schema.ts'

export interface HeardFrame {
  readonly type: 'res' | 'event'
  readonly id?: string
  readonly ok?: boolean
  readonly payload?: Readonly<Record<string, unknown>>
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly details?: Readonly<Record<string, unknown>>
    readonly retryable?: boolean
    readonly retryAfterMs?: number
  }
  readonly event?: string
  readonly seq?: number
}

/** The `connect` parameters of a well-behaved client. */
export const connectParams = {
  minProtocol: 4,
  maxProtocol: 4,
  client: { id: 'test', version: '1.0.0', platform: 'linux', mode: 'test' },
  role: 'operator',
  scopes: ['operator.read', 'operator.write'],
}

export class RawClient implements AsyncDisposable {
  readonly ws: WebSocket
  readonly heard: HeardFrame[] = []
  /** Resolves with the close code and reason. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly #schema = new PublishedSchema()
  readonly #waiting = new Set<() => void>()
  #problem: unknown
  #nextId = 1

  constructor(url: string, options: ClientOptions = {}) {
    this.ws = new WebSocket(url.replace(/^http/, 'ws'), options)
    this.ws.on('error', () => {})
    this.closed = once(this.ws, 'close').then(([code, reason]) => ({ code: code as number, reason: String(reason) }))
    this.ws.on('message', (data) => this.#hear(String(data)))
    this.ws.on('close', () => this.#wake())
  }

  /** Connects and completes the handshake. */
  static async connected(url: string, params: object = {}, options: ClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(url, options)
    await client.challenge()
    const hello = await client.request('connect', { ...connectParams, ...params })
    if (hello.ok !== true) throw new Error(`refused: ${JSON.stringify(hello.error)}`)
    return client
  }

  /** The gateway's challenge. */
  challenge(): Promise<HeardFrame> {
    return this.frame(({ event }) => event === 'connect.challenge')
  }

  send(value: unknown): void {
    this.ws.send(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value))
  }

  /** Resolves with the first response. */
  async request(method: string, params?: unknown, id = `r${this.#nextId++}`): Promise<HeardFrame> {
    this.send({ type: 'req', id, method, ...(params === undefined ? {} : { params }) })
    return this.frame((frame) => frame.type === 'res' && frame.id === id)
  }

  /** Resolves with the payload of the response; throws when the request failed. */
  async ask<T = Readonly<Record<string, unknown>>>(method: string, params?: unknown): Promise<T> {
    const { ok, payload, error } = await this.request(method, params)
    if (ok !== true) throw new Error(`${method} was refused: ${JSON.stringify(error)}`)
    return payload as T
  }

  /** Resolves with the first frame, past or future, for which `holds` returns true. */
  async frame(holds: (frame: HeardFrame) => boolean): Promise<HeardFrame> {
    const [frame] = await this.frames((heard) => heard.filter(holds).slice(0, 1), 1)
    return frame as HeardFrame
  }

  /** Waits until `choose` returns enough frames. */
  async frames(choose: (heard: readonly HeardFrame[]) => readonly HeardFrame[], atLeast: number): Promise<readonly HeardFrame[]> {
    for (;;) {
      if (this.#problem !== undefined) throw this.#problem
      const chosen = choose(this.heard)
      if (chosen.length >= atLeast) return chosen
      if (this.ws.readyState === WebSocket.CLOSED) throw new Error(`closed after ${JSON.stringify(this.heard.slice(-2)).slice(0, 400)}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /** Events of a run, by name. */
  eventsOf(runId: string, name?: string): readonly HeardFrame[] {
    return this.heard.filter(
      ({ event, payload }) => event !== undefined && payload?.runId === runId && (name === undefined || event === name),
    )
  }

  /** Waits for the last `chat` event of a run. */
  chatEnd(runId: string): Promise<HeardFrame> {
    const isEnd = (state: unknown): boolean => state === 'final' || state === 'error' || state === 'aborted'
    return this.frame(({ event, payload }) => event === 'chat' && payload?.runId === runId && isEnd(payload.state))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ws.terminate()
    await this.closed
  }

  #hear(text: string): void {
    const frame = JSON.parse(text) as HeardFrame
    this.heard.push(frame)
    try {
      this.#schema.checkFrame(frame)
    } catch (error) {
      this.#problem ??= error
    }
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
