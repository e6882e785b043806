/** HTTP by `fetch`, without retries and redirects: for programs with a `fetch` of their own, and for platforms without undici. */
import type { FetchFunction } from './http-options.ts'
import type { IncomingAnswer, OutgoingRequest, Progress, Transport } from './transport.ts'

// A string as the reason: the default one is an error, whose stack trace would be captured at the end of every call.
const callIsOver = 'the call is over'

export class FetchTransport implements Transport {
  readonly #fetch: FetchFunction | undefined

  /** @param fetch default: the platform's own */
  constructor(fetch: FetchFunction | undefined) {
    this.#fetch = fetch
  }

  async send({ url, headers, body }: OutgoingRequest, { onConnected, whenOver }: Progress): Promise<IncomingAnswer> {
    const controller = new AbortController()
    whenOver(() => controller.abort(callIsOver))
    // Only the platform's fetch reads a request body as it is sent; there the connection can be watched through the body.
    const watched = this.#fetch === undefined && body !== undefined ? new TextEncoder().encode(body) : undefined
    if (watched === undefined) onConnected()
    const send: FetchFunction = this.#fetch ?? ((target, init) => fetch(target, init))
    const response = await send(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...(watched === undefined ? {} : { 'content-length': String(watched.byteLength) }) },
      redirect: 'manual',
      signal: controller.signal,
      ...(watched !== undefined ? { body: watchedBody(watched, onConnected), duplex: 'half' } : body === undefined ? {} : { body }),
    } as RequestInit)
    const reader = response.body?.getReader()
    return {
      status: response.type === 'opaqueredirect' ? 302 : response.status,
      headers: response.headers,
      read: async () => (await reader?.read())?.value,
    }
  }
}

/**
 * Returns a request body that reports when it is read. `fetch` reads one chunk ahead before it has a connection, so the first chunk is empty and
 * the second, which holds everything, is asked for when the request is on its way. Seen with Node 20, 22, 24 and 26.
 */
function watchedBody(bytes: Uint8Array<ArrayBuffer>, onTaken: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isFirst = true
  return new ReadableStream(
    {
      pull(controller) {
        if (isFirst) {
          isFirst = false
          controller.enqueue(new Uint8Array(0))
          return
        }
        onTaken()
        controller.enqueue(bytes)
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}
