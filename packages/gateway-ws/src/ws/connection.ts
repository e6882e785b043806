/** One client, from the gateway's side. */
import type { Socket } from 'node:net'
import { closeCodes, type ErrorShape, type OperatorScope } from '@beamclaw/protocol'
import type { WebSocket } from 'ws'
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
  readonly scopes: readonly OperatorScope[]
  readonly caps: readonly string[]
}

export class Connection {
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

  constructor(options: ConnectionOptions) {
    this.id = options.id
    this.address = options.address
    this.connectedAt = options.connectedAt
    this.#ws = options.ws
    this.#socket = options.socket
    this.#batch = options.batch
    this.#maxBufferedBytes = options.maxBufferedBytes
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
    if (grant === undefined || !event.mayBeHeardBy(grant.scopes, grant.caps)) return
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
