/** A client of the gateway protocol, version 4, over one WebSocket. */
import { randomUUID } from 'node:crypto'
import {
  type ConnectParams,
  type ErrorShape,
  type EventFrame,
  frame,
  helloOk,
  type MethodName,
  type MethodParams,
  type MethodResult,
  protocolVersion,
  type ResponseFrame,
} from '@beamclaw/protocol'
import { version } from '../version.ts'
import { ClientError } from './client-error.ts'
import { reachGateway } from './reach-gateway.ts'
import type { Target } from './target.ts'

/** Timeouts, in milliseconds. */
export interface ClientTimes {
  /** Until the connection is open. @default 10_000 */
  readonly connectMs?: number
  /** Until a request is answered. @default 30_000 */
  readonly requestMs?: number
}

export interface RequestOptions {
  /** Called with the first of two responses; without it the request resolves with the first one. */
  readonly onAccepted?: (payload: unknown) => void
  /** Milliseconds; once accepted, there is no limit. @default the client's */
  readonly timeoutMs?: number
}

interface Pending {
  readonly onAccepted: ((payload: unknown) => void) | undefined
  readonly timer: NodeJS.Timeout
  readonly resolve: (payload: unknown) => void
  readonly reject: (error: ClientError) => void
}

/** Milliseconds between ticks of the gateway, unless it announces another interval. */
const defaultTickMs = 30_000

export class GatewayClient implements AsyncDisposable {
  readonly #socket: WebSocket
  readonly #requestMs: number
  readonly #pending = new Map<string, Pending>()
  readonly #listeners = new Set<(event: EventFrame) => void>()
  #tickMs = defaultTickMs
  #silence: NodeJS.Timeout | undefined
  #lost: ClientError | undefined

  private constructor(url: string, requestMs: number) {
    this.#requestMs = requestMs
    this.#socket = new WebSocket(url)
    this.#socket.addEventListener('message', ({ data }) => this.#receive(data))
    this.#socket.addEventListener('error', () => this.#lose(''))
    this.#socket.addEventListener('close', ({ reason }) => this.#lose(reason))
  }

  /** Connects and performs the handshake. Rejects with `ClientError`. */
  static async connect({ url, token }: Target, { connectMs = 10_000, requestMs = 30_000 }: ClientTimes = {}): Promise<GatewayClient> {
    await reachGateway(url, connectMs)
    const client = new GatewayClient(url.replace(/^http/, 'ws'), requestMs)
    try {
      await client.#hello(token, connectMs)
      return client
    } catch (error) {
      await client[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Sends a request and resolves with its response. Rejects with `ClientError`, with the code of the gateway's error details if there is one. */
  request<M extends MethodName>(method: M, params: MethodParams<M>, options: RequestOptions = {}): Promise<MethodResult<M>> {
    return this.#send(method, params, options) as Promise<MethodResult<M>>
  }

  /** As `request`, for a method that only some gateways have; the result is not checked. */
  call(method: string, params: object): Promise<unknown> {
    return this.#send(method, params, {})
  }

  /** Calls the listener for every event. Returns a function that removes it. */
  onEvent(listener: (event: EventFrame) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#silence)
    this.#fail(new ClientError('connection-lost', 'The connection was closed'))
    this.#socket.close(1000)
    return Promise.resolve()
  }

  async #hello(token: string | undefined, timeoutMs: number): Promise<void> {
    const challenged = Promise.withResolvers<void>()
    const stop = this.onEvent(({ event }) => event === 'connect.challenge' && challenged.resolve())
    const timer = setTimeout(
      () => challenged.reject(new ClientError('connect-timeout', `The gateway did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    this.#socket.addEventListener('close', () => challenged.reject(this.#lost))
    try {
      await challenged.promise
    } finally {
      clearTimeout(timer)
      stop()
    }
    const params: ConnectParams = {
      minProtocol: protocolVersion,
      maxProtocol: protocolVersion,
      client: { id: 'cli', version, platform: process.platform, mode: 'cli' },
      role: 'operator',
      scopes: ['operator.admin'],
      caps: ['tool-events'],
      ...(token === undefined ? {} : { auth: { token } }),
    }
    const hello = helloOk.safeParse(await this.#send('connect', params, { timeoutMs }))
    if (!hello.success) throw new ClientError('not-a-gateway', 'The gateway speaks another protocol than this client')
    this.#tickMs = hello.data.policy.tickIntervalMs
    this.#heard()
  }

  #send(method: string, params: unknown, { onAccepted, timeoutMs = this.#requestMs }: RequestOptions): Promise<unknown> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    const id = randomUUID()
    return new Promise((resolve, reject) => {
      const late = (): void => this.#settle(id)?.reject(new ClientError('request-timeout', `No answer to ${method} within ${timeoutMs} ms`))
      this.#pending.set(id, { onAccepted, resolve, reject, timer: setTimeout(late, timeoutMs) })
      this.#socket.send(JSON.stringify({ type: 'req', id, method, params }))
    })
  }

  #receive(data: unknown): void {
    const received = typeof data === 'string' ? frame.safeParse(parsed(data)).data : undefined
    if (received === undefined || received.type === 'req') return
    this.#heard()
    if (received.type === 'event') for (const listener of this.#listeners) listener(received)
    else this.#answer(received)
  }

  #answer({ id, ok, payload, error }: ResponseFrame): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    if (ok && pending.onAccepted !== undefined && isAccepted(payload)) {
      clearTimeout(pending.timer)
      pending.onAccepted(payload)
      return
    }
    this.#settle(id)
    if (ok) pending.resolve(payload)
    else pending.reject(failure(error))
  }

  #settle(id: string): Pending | undefined {
    const pending = this.#pending.get(id)
    clearTimeout(pending?.timer)
    this.#pending.delete(id)
    return pending
  }

  /** Restarts the timer that closes the connection without ticks: a half-open TCP connection reports no error. */
  #heard(): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#lose('the gateway fell silent'), this.#tickMs * 2 + 1_000)
    this.#silence.unref()
  }

  #lose(reason: string): void {
    clearTimeout(this.#silence)
    this.#lost ??= new ClientError('connection-lost', `The connection to the gateway was lost${reason === '' ? '' : `: ${reason}`}`)
    this.#fail(this.#lost)
    this.#socket.close()
  }

  #fail(error: ClientError): void {
    this.#lost ??= error
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isAccepted(payload: unknown): boolean {
  return typeof payload === 'object' && payload !== null && 'status' in payload && payload.status === 'accepted'
}

const hints: Readonly<Record<string, string>> = {
  AUTH_TOKEN_MISMATCH: 'the token is not that of the gateway; pass --token or set BEAMCLAW_GATEWAY_TOKEN',
  DEVICE_IDENTITY_REQUIRED: 'the gateway wants a token; pass --token or set BEAMCLAW_GATEWAY_TOKEN',
}

function failure(error: ErrorShape | undefined): ClientError {
  const code = codeOf(error?.details) ?? error?.code ?? 'refused'
  return new ClientError(code, hints[code] ?? error?.message ?? 'The gateway refused')
}

function codeOf(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('code' in details)) return undefined
  return typeof details.code === 'string' ? details.code : undefined
}
