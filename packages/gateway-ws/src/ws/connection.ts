/** The server side of one WebSocket connection. */
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

/** What the handshake granted to a connection. */
export interface Grant {
  /** The scopes that it requested. */
  readonly scopes: readonly string[]
  /** The requested scopes and those they imply. */
  readonly held: ReadonlySet<string>
  readonly caps: readonly string[]
}

/**
 * Phases: `handshake` (no `grant`) `→ granted → closing → gone`. Owns the socket's writes; the socket server owns the set of connections.
 *
 * - I1: no frame is sent once the phase is `closing`.
 * - I2: `seq` numbers the sent events of this connection from 1 without gaps.
 * - I3: a consumer whose buffered bytes exceed the limit is closed with 1008 (back-pressure); buffers do not grow without bound.
 */
export class Connection implements ConnectionInfo {
  readonly id: string
  readonly address: string
  readonly connectedAt: number
  /** Undefined until the handshake is over. */
  grant: Grant | undefined
  /** Number of requests without a response. */
  inFlight = 0
  /** False from a ping until the client sends anything. */
  isAlive = true
  /** Created on first use: most connections only listen. */
  bucket: TokenBucket | undefined
  /** True once the connection is about to close. */
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

  /** Created on first use: few methods need it. */
  get signal(): AbortSignal {
    if (this.#ending === undefined) {
      this.#ending = new AbortController()
      // One listener for each request under way; Node would warn above ten.
      setMaxListeners(0, this.#ending.signal)
      if (this.#isGone) this.#ending.abort()
    }
    return this.#ending.signal
  }

  /** Returns true when the client holds this scope, directly or implied. */
  holds(scope: string): boolean {
    return this.grant?.held.has(scope) === true
  }

  answer(id: string, payload: unknown): void {
    this.#send(JSON.stringify({ type: 'res', id, ok: true, payload }))
  }

  /** @param payload for clients that read it even in an error response. */
  refuse(id: string, error: ErrorShape, payload?: unknown): void {
    this.#send(JSON.stringify({ type: 'res', id, ok: false, ...(payload === undefined ? {} : { payload }), error }))
  }

  /** Sends an event if the client was granted its scope and cap. */
  tell(event: PreparedEvent): void {
    const { grant } = this
    if (grant === undefined || !event.mayBeHeardBy(grant)) return
    if (this.#send(event.frame(this.#seq + 1))) this.#seq++
  }

  /** Sends an event before the handshake is over, without a `seq`. */
  tellUncounted(event: string, payload: object): void {
    this.#send(JSON.stringify({ type: 'event', event, payload }))
  }

  ping(): void {
    this.isAlive = false
    if (!this.isClosing) this.#ws.ping()
  }

  /** Starts the closing handshake; the library terminates the connection a second later if the client does not reply. */
  close(code: number, reason = ''): void {
    if (this.isClosing) return
    this.isClosing = true
    this.#ws.close(code, reason)
  }

  /** Terminates the connection without a closing handshake. */
  terminate(): void {
    this.isClosing = true
    this.#ws.terminate()
  }

  /** Called when the socket is closed. */
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
