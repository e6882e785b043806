/** A web-standard `Response` that is written to as Node's `ServerResponse` is. */
import type { ReplyTarget } from '../model-server/deliver.ts'

/**
 * `response` resolves with the head; rejects when the connection breaks before. Phases: waiting (no head) → open → closed, which is when
 * the body ended, broke, or its reader went away. I1 Nothing is written once it is closed. I2 `close` is told once.
 */
export class WebReply implements ReplyTarget {
  readonly response: Promise<Response>
  readonly #head = Promise.withResolvers<Response>()
  readonly #body: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #hasHead = false
  #isClosed = false
  readonly #closeListeners = new Set<() => void>()
  readonly #drainListeners = new Set<() => void>()

  /** @param signal aborted when the request is */
  constructor(signal: AbortSignal) {
    this.response = this.#head.promise
    this.#body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
      },
      pull: () => {
        for (const listener of [...this.#drainListeners]) listener()
      },
      cancel: () => this.#close(),
    })
    const abort = (): void => this.#break(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    this.once('close', () => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
  }

  get writableEnded(): boolean {
    return this.#isClosed
  }

  writeHead(status: number, headers: Record<string, string>): void {
    this.#hasHead = true
    this.#head.resolve(new Response(this.#body, { status, headers }))
  }

  /** The head was sent by `writeHead`. */
  flushHeaders(): void {}

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed) return true
    this.#controller?.enqueue(bytes)
    return (this.#controller?.desiredSize ?? 1) > 0
  }

  end(text?: string): void {
    if (this.#isClosed) return
    if (text !== undefined) this.write(new TextEncoder().encode(text))
    this.#controller?.close()
    this.#close()
  }

  destroy(): void {
    this.#break(new TypeError('terminated'))
  }

  /** Returns the response of a server whose script failed. */
  fail(error: unknown): void {
    if (!this.#hasHead) this.writeHead(500, { 'content-type': 'text/plain' })
    this.end(String(error))
  }

  once(_event: 'close', listener: () => void): void {
    this.#closeListeners.add(listener)
  }

  on(_event: 'drain', listener: () => void): void {
    this.#drainListeners.add(listener)
  }

  off(_event: 'drain', listener: () => void): void {
    this.#drainListeners.delete(listener)
  }

  #break(reason: unknown): void {
    if (this.#isClosed) return
    this.#controller?.error(reason)
    this.#head.reject(reason)
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const listener of this.#closeListeners) listener()
    this.#closeListeners.clear()
  }
}
