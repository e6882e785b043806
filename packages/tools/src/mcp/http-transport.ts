/** The HTTP client of one server: the guarded one of the web tools, with answers that are read as they come. */
import type { FetchLike } from '@modelcontextprotocol/client'
import { exportsOf } from '../exports-of.ts'
import { AddressPolicy } from '../web/address-policy.ts'
import { asFetchError, fetchFailed } from '../web/fetch-errors.ts'
import { type Dial, guardedConnector, systemResolver } from '../web/guarded-connector.ts'

/** A client whose connections last until it is closed. */
export interface ServerFetch {
  readonly fetch: FetchLike
  readonly close: () => void
}

const maxHeaderBytes = 32 * 1024
const connectTimeoutMs = 10_000

/**
 * Returns a client that reaches the host of `url` alone, at whatever address the operator gave it. A body has at most `maxBytes`; one of server-sent events
 * has no end, and each of its events at most as many. `onOverflow` is called for a stream beyond that: its reader would wait for the rest.
 */
export async function serverFetch(url: URL, maxBytes: number, onOverflow: (why: string) => void): Promise<ServerFetch> {
  const { Agent, buildConnector, fetch } = exportsOf(await import('undici'), 'Agent')
  const over = new AbortController()
  const { hostname } = url
  const policy = new AddressPolicy({
    allowHosts: [hostname.replace(/^\[|\]$/g, '')],
    denyHosts: [],
    ports: 'any',
    trustedHosts: [hostname],
  })
  const dial: Dial = (lookup, options, callback) =>
    buildConnector({ timeout: connectTimeoutMs, lookup })(options, callback) as unknown as ReturnType<Dial>
  const dispatcher = new Agent({
    connect: guardedConnector(policy, systemResolver, dial, over.signal),
    maxHeaderSize: maxHeaderBytes,
    // Each request has a socket of its own: on one that the server has closed meanwhile it would be lost, and nothing could tell whether it had arrived.
    pipelining: 0,
    // Calls have deadlines of their own, and a stream may be silent.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const guarded: FetchLike = async (target, init = {}) => {
    const to = new URL(target)
    policy.checkUrl(to)
    policy.checkLiteral(to.hostname)
    try {
      const response = (await fetch(to, { ...(init as object), dispatcher })) as unknown as Response
      return bounded(response, { maxBytes, host: to.hostname, onOverflow })
    } catch (error) {
      init.signal?.throwIfAborted()
      throw asFetchError(error, to.hostname)
    }
  }
  return {
    fetch: guarded,
    close: () => {
      over.abort(fetchFailed('the connection was closed.', { host: hostname }))
      dispatcher.destroy().catch(() => undefined)
    },
  }
}

/** Returns the response with a body that fails once it, or one of its events, is larger than allowed. */
function bounded(
  response: Response,
  { maxBytes, host, onOverflow }: { readonly maxBytes: number; readonly host: string; readonly onOverflow: (why: string) => void },
): Response {
  if (response.body === null) return response
  const { status, statusText, headers } = response
  const isStream = (headers.get('content-type') ?? '').includes('text/event-stream')
  let size = 0
  let isLineEmpty = true
  const guard = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      if (isStream) {
        for (const byte of chunk) {
          size++
          // An empty line ends an event.
          if (byte === 0x0a) {
            if (isLineEmpty) size = 0
            isLineEmpty = true
          } else if (byte !== 0x0d) isLineEmpty = false
          if (size > maxBytes) break
        }
      } else size += chunk.byteLength
      if (size <= maxBytes) return controller.enqueue(chunk)
      controller.error(fetchFailed(`a message is larger than ${maxBytes} bytes.`, { host, limit: 'maxMessageBytes', maxBytes }))
      if (isStream) onOverflow(`a message is larger than ${maxBytes} bytes`)
    },
  })
  return new Response(response.body.pipeThrough(guard), { status, statusText, headers })
}
