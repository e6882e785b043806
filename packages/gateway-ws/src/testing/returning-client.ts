/** A client that reconnects on command and records what it missed. Light, so that one process can run thousands. */
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { connectParams } from './raw-client.ts'

export interface ReturningClientOptions {
  readonly url: string
  readonly token?: string
  /** Gateways to which it turns, one after the other, when the one at which it was connected is gone. @default [] */
  readonly others?: readonly string[]
  readonly sessionKey: string
  /** Local address to connect from, for example another one of loopback than 127.0.0.1. */
  readonly localAddress?: string
}

interface Frame {
  readonly id?: string
  readonly event?: string
  readonly ok?: boolean
  readonly payload?: Payload
  readonly error?: { readonly message: string; readonly retryAfterMs?: number }
}

interface Payload {
  readonly kind?: string
  readonly state?: string
  readonly runId?: string
  readonly deltaCursor?: string
  readonly messages?: readonly { readonly role: string; readonly runId: string }[]
}

/** The upgrade was rejected; holds the reason and the retry delay. */
class TurnedAway extends Error {
  readonly retryAfterMs: number | undefined

  constructor(why: string, retryAfterMs?: number) {
    super(why)
    this.retryAfterMs = retryAfterMs
  }
}

export class ReturningClient {
  /** `<role> <run>` of each message, in the order of the history. */
  readonly known: string[] = []
  readonly problems: string[] = []
  /** Number of rejected attempts. */
  refusals = 0
  /** Number of attempts for which no server listened, or the connection broke first. */
  failures = 0
  readonly #options: ReturningClientOptions
  readonly #told = new Set<string>()
  readonly #answers = new Map<string, (frame: Frame) => void>()
  /** The gateways, that of the next attempt first. */
  #urls: readonly string[]
  #ws: WebSocket | undefined
  #cursor: string | undefined
  #nextId = 1
  #wake = (): void => {}

  constructor(options: ReturningClientOptions) {
    this.#options = options
    this.#urls = [options.url, ...(options.others ?? [])]
  }

  /** Retries until it is connected, subscribes to its session, and fetches the missed events. Resolves with the milliseconds until `hello-ok`. */
  async enter(): Promise<number> {
    const startedAt = performance.now()
    for (;;) {
      try {
        await this.#connect()
        const enteredAfter = performance.now() - startedAt
        const { sessionKey } = this.#options
        await this.#ask('sessions.subscribe', { sessionKey })
        await this.#catchUp()
        return enteredAfter
      } catch (error) {
        if (!(error instanceof TurnedAway)) throw error
        if (error.retryAfterMs === undefined) {
          this.failures++
          // At first it stays with its own gateway, which may be slow.
          if (this.#cursor !== undefined) this.#urls = [...this.#urls.slice(1), ...this.#urls.slice(0, 1)]
        } else this.refusals++
        await sleep(error.retryAfterMs ?? 100 + Math.random() * 400)
      }
    }
  }

  /** Resolves once the end of each of these runs is known, from the history or its last event; then compares the received messages with them. */
  async heardAll(runIds: readonly string[]): Promise<void> {
    const isOpen = (runId: string): boolean => !this.#told.has(runId) && !this.known.includes(`assistant ${runId}`)
    while (runIds.some(isOpen)) await new Promise<void>((resolve) => (this.#wake = resolve))
    await this.#catchUp()
    const expected = runIds.flatMap((runId) => [`user ${runId}`, `assistant ${runId}`])
    if (this.known.join() !== expected.join()) this.problems.push(`it knows ${this.known.join()} instead of ${expected.join()}`)
  }

  /** Returns the runs whose end it has not received, for messages. */
  missing(runIds: readonly string[]): readonly string[] {
    return runIds.filter((runId) => !this.#told.has(runId) && !this.known.includes(`assistant ${runId}`))
  }

  /** Resolves once the connection to the gateway is closed. */
  async cutOff(): Promise<void> {
    const ws = this.#ws
    if (ws === undefined || ws.readyState === WebSocket.CLOSED) return
    await new Promise((resolve) => ws.once('close', resolve))
  }

  leave(): void {
    this.#ws?.terminate()
  }

  async #catchUp(): Promise<void> {
    const { sessionKey } = this.#options
    const cursor = this.#cursor
    const answer = await this.#ask('chat.history', { sessionKey, ...(cursor === undefined ? {} : { cursor }) })
    if (cursor !== undefined && answer.kind !== 'delta') this.problems.push(`its cursor was answered with ${answer.kind ?? 'no kind'}`)
    for (const { role, runId } of answer.messages ?? []) this.known.push(`${role} ${runId}`)
    this.#cursor = answer.deltaCursor
  }

  #connect(): Promise<void> {
    const { token, localAddress } = this.#options
    const [url = ''] = this.#urls
    const greeting = { ...connectParams, ...(token === undefined ? {} : { auth: { token } }) }
    const ws = new WebSocket(url.replace(/^http/, 'ws'), {
      perMessageDeflate: false,
      ...(localAddress === undefined ? {} : { localAddress }),
    })
    this.#ws = ws
    const entered = Promise.withResolvers<void>()
    ws.on('unexpected-response', (_request, response) => void refusalOf(response).then(entered.reject))
    ws.on('error', (error) => entered.reject(new TurnedAway(error.message)))
    ws.on('close', () => {
      entered.reject(new TurnedAway('closed'))
      for (const answer of this.#answers.values()) answer({ ok: false })
      this.#answers.clear()
    })
    ws.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.event === 'connect.challenge') this.#ask('connect', greeting).then(() => entered.resolve(), entered.reject)
      else this.#hear(frame)
    })
    return entered.promise
  }

  #hear({ id, event, payload, ...frame }: Frame): void {
    if (id !== undefined) {
      this.#answers.get(id)?.({ ...frame, ...(payload === undefined ? {} : { payload }) })
      this.#answers.delete(id)
    }
    if (event !== 'chat' || payload?.runId === undefined || payload.state !== 'final') return
    this.#told.add(payload.runId)
    this.#wake()
  }

  /** Rejects `TurnedAway` when it is rejected, or the connection breaks. */
  async #ask(method: string, params: object): Promise<Payload> {
    const id = String(this.#nextId++)
    const { ok, payload, error } = await new Promise<Frame>((resolve) => {
      this.#answers.set(id, resolve)
      this.#ws?.send(JSON.stringify({ type: 'req', id, method, params }), (failed) => {
        if (failed instanceof Error) resolve({ ok: false })
      })
    })
    if (ok === true) return payload ?? {}
    throw new TurnedAway(error?.message ?? 'closed', error?.retryAfterMs)
  }
}

/** Returns the content of the response to a rejected upgrade. */
async function refusalOf(response: IncomingMessage): Promise<Error> {
  let text = ''
  for await (const chunk of response) text += String(chunk)
  const { error } = JSON.parse(text) as { readonly error: { readonly message: string; readonly retryAfterMs?: number } }
  const seconds = Number(response.headers['retry-after'])
  if (error.retryAfterMs === undefined || !(seconds * 1_000 >= error.retryAfterMs)) {
    return new Error(`refused with ${response.statusCode}, and not told when to come again: ${text}`)
  }
  return new TurnedAway(error.message, error.retryAfterMs)
}
