/** One client, from the gateway's side. */
import { setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import { closeCodes, type ErrorShape } from '@beamclaw/protocol'
import type { WebSocket } from 'ws'
import type { ConnectionInfo } from '../methods/implement-methods.ts'
import type { PreparedEvent } from './prepared-event.ts'
import type { TokenBucket } from './token-bucket.ts'
import type { WriteBatch } from './write-batch.ts'

export interface ConnectionOptions {
  readonly id: string
  readonly ws: WebSocket
  readonly socket: Socket
  readonly batch: WriteBatch
  readonly address: string
  /** Milliseconds since an arbitrary start. */
  readonly connectedAt: number
  readonly maxBufferedBytes: number
}

/** What a connection may do. */
export interface Grant {
  /** The scopes that it asked for. */
  readonly scopes: readonly string[]
  /** Those, and the ones they imply. */
  readonly held: ReadonlySet<string>
  readonly caps: readonly string[]
}

export class Connection implements ConnectionInfo {
  readonly id: string
  readonly address: string
  readonly connectedAt: number
  /** Undefined until the handshake is over. */
  grant: Grant | undefined
  /** Requests whose answer is due. */
  inFlight = 0
  /** False from a ping until the client shows that it is there. */
  isAlive = true
  /** Made when it is first needed: most connections only listen. */
  bucket: TokenBucket | undefined
  /** True from the moment that the end was decided. */
  isClosing = false
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #batch: WriteBatch
  readonly #maxBufferedBytes: number
  #seq = 0
  #isGone = false
  #ending: AbortController | undefined

  constructor(options: ConnectionOptions) {
    this.id = options.id
    this.address = options.address
    this.connectedAt = options.connectedAt
    this.#ws = options.ws
    this.#socket = options.socket
    this.#batch = options.batch
    this.#maxBufferedBytes = options.maxBufferedBytes
  }

  get scopes(): readonly string[] {
    return this.grant?.scopes ?? []
  }

  get caps(): readonly string[] {
    return this.grant?.caps ?? []
  }

  /** Made when it is first needed: few methods look at it. */
  get signal(): AbortSignal {
    if (this.#ending === undefined) {
      this.#ending = new AbortController()
      // One listener for each request that waits; Node would warn of more than ten.
      setMaxListeners(0, this.#ending.signal)
      if (this.#isGone) this.#ending.abort()
    }
    return this.#ending.signal
  }

  /** Returns true when the client may do what needs this scope. */
  holds(scope: string): boolean {
    return this.grant?.held.has(scope) === true
  }

  answer(id: string, payload: unknown): void {
    this.#send(JSON.stringify({ type: 'res', id, ok: true, payload }))
  }

  /** @param payload what a client that looks at it regardless is to find. */
  refuse(id: string, error: ErrorShape, payload?: unknown): void {
    this.#send(JSON.stringify({ type: 'res', id, ok: false, ...(payload === undefined ? {} : { payload }), error }))
  }

  /** Tells an event, where the client may hear it. */
  tell(event: PreparedEvent): void {
    const { grant } = this
    if (grant === undefined || !event.mayBeHeardBy(grant)) return
    if (this.#send(event.frame(this.#seq + 1))) this.#seq++
  }

  /** Tells an event before the handshake is over. It is not counted. */
  tellUncounted(event: string, payload: object): void {
    this.#send(JSON.stringify({ type: 'event', event, payload }))
  }

  ping(): void {
    this.isAlive = false
    if (!this.isClosing) this.#ws.ping()
  }

  /** Says goodbye; who does not answer is cut off a second later. */
  close(code: number, reason = ''): void {
    if (this.isClosing) return
    this.isClosing = true
    this.#ws.close(code, reason)
  }

  /** Cuts it off. */
  terminate(): void {
    this.isClosing = true
    this.#ws.terminate()
  }

  /** The socket is closed. */
  leave(): void {
    this.isClosing = true
    this.#isGone = true
    this.#ending?.abort()
  }

  #send(frame: string): boolean {
    if (this.isClosing || this.#ws.readyState !== this.#ws.OPEN) return false
    if (this.#ws.bufferedAmount > this.#maxBufferedBytes) {
      this.close(closeCodes.refused, 'slow consumer')
      return false
    }
    if (this.#socket.writableCorked === 0) this.#batch.add(this.#socket)
    this.#ws.send(frame)
    return true
  }
}
