/**
 * The HTTP client of all tools: it reaches public addresses only, follows few redirects, and reads a bounded body in a bounded time. Proxies of the
 * environment are ignored.
 */
import type { Socket } from 'node:net'
import { BeamClawError, type Clock, SystemClock } from '@beamclaw/core'
import type { Dispatcher, RequestInit, Response } from 'undici'
import { exportsOf } from '../exports-of.ts'
import { AddressPolicy, fullPolicy, type PolicyOptions, type PolicyParts } from './address-policy.ts'
import { asFetchError, fetchFailed, urlRefused } from './fetch-errors.ts'
import { type Dial, guardedConnector, systemResolver } from './guarded-connector.ts'
import { nextHop, type Outgoing, redirectTarget } from './redirect.ts'
import type { Resolver } from './resolver.ts'

/** Options of a `GuardedFetch`; the caller has checked them. */
export interface GuardedFetchOptions extends Partial<PolicyOptions> {
  /** Bytes of a body after decompression. */
  readonly maxBytes?: number
  /** Milliseconds for everything: lookups, redirects and the body. */
  readonly timeoutMs?: number
  readonly maxRedirects?: number
  /** An HTTP proxy. It looks names up itself, so it has to refuse names of private addresses; literal addresses are refused here. */
  readonly proxy?: string
  readonly resolve?: Resolver
  readonly clock?: Clock
  /** Opens connections. For tests. */
  readonly dial?: Dial
}

/** Defaults for `GuardedFetchOptions`. */
export const guardedFetchDefaults = {
  allowHosts: ['*'],
  denyHosts: [],
  ports: [80, 443],
  trustedHosts: [],
  maxBytes: 5 * 1024 * 1024,
  timeoutMs: 15_000,
  maxRedirects: 5,
} as const satisfies GuardedFetchOptions

/** A request; `url` is not trusted. */
export interface GuardedRequest {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** A response with any status, read to its end. */
export interface FetchedBody {
  /** The URL after all redirects. */
  readonly url: URL
  readonly status: number
  readonly headers: { readonly get: (name: string) => string | null }
  /** After decompression. */
  readonly bytes: Uint8Array
}

const maxUrlCharacters = 8192
const maxHeaderBytes = 32 * 1024

/** Requests URLs that others chose. Holds no connection between two requests. */
export class GuardedFetch {
  readonly #policy: AddressPolicy
  readonly #options: Required<Omit<GuardedFetchOptions, keyof PolicyOptions | 'proxy' | 'dial'>> &
    Pick<GuardedFetchOptions, 'proxy' | 'dial'>

  constructor(options: GuardedFetchOptions = {}, parts: PolicyParts = fullPolicy) {
    const given = { resolve: systemResolver, clock: new SystemClock(), ...guardedFetchDefaults, ...options }
    this.#policy = new AddressPolicy(given, parts)
    this.#options = given
  }

  /**
   * Resolves with the response, whatever its status. Rejects `url-refused` for a URL, a redirect or an address that must not be reached, `fetch-failed`
   * for a request without a complete response, and with the reason of `signal`.
   */
  async fetch(request: GuardedRequest): Promise<FetchedBody> {
    const { signal } = request
    signal.throwIfAborted()
    const url = request.url.length > maxUrlCharacters ? null : URL.parse(request.url)
    if (url === null) throw urlRefused('syntax', `it is not a URL of at most ${maxUrlCharacters} characters`, '')
    const { timeoutMs, clock } = this.#options
    const end = new AbortController()
    const onAbort = (): void => end.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const timer = clock.setTimer(() => {
      end.abort(fetchFailed(`there was no complete response within ${timeoutMs} ms.`, { host: url.hostname, isRetryable: true, timeoutMs }))
    }, timeoutMs)
    try {
      return await this.#request(url, request, end.signal)
    } catch (error) {
      if (end.signal.aborted) throw end.signal.reason
      throw error
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #request(url: URL, { method = 'GET', headers = {}, body }: GuardedRequest, signal: AbortSignal): Promise<FetchedBody> {
    // Loaded by the first request: the library takes longer to load than this package.
    const { fetch } = exportsOf(await import('undici'), 'fetch')
    signal.throwIfAborted()
    const dispatcher = await this.#dispatcher(signal)
    let outgoing: Outgoing = { url, method, headers, body }
    try {
      for (let hop = 1; ; hop++) {
        this.#policy.checkUrl(outgoing.url)
        this.#policy.checkLiteral(outgoing.url.hostname)
        const response = await this.#send(fetch, outgoing, dispatcher, signal)
        const target = redirectTarget(response, outgoing.url)
        if (target === undefined) return await this.#read(outgoing.url, response)
        const next = nextHop(outgoing, target, response.status)
        const hasBody = next.body !== undefined
        this.#policy.checkRedirect({ from: outgoing.url, to: target, hop, maxHops: this.#options.maxRedirects, hasBody })
        await response.body?.cancel()
        outgoing = next
      }
    } finally {
      // Closes the sockets at once; what it waits for may never come.
      dispatcher.destroy().catch(() => undefined)
    }
  }

  async #send(
    fetch: (url: URL, init: RequestInit) => Promise<Response>,
    { url, method, headers, body }: Outgoing,
    dispatcher: Dispatcher,
    signal: AbortSignal,
  ): Promise<Response> {
    try {
      return await fetch(url, { method, headers: { ...headers }, body: body ?? null, redirect: 'manual', dispatcher, signal })
    } catch (error) {
      throw asFetchError(error, url.hostname)
    }
  }

  async #read(url: URL, response: Response): Promise<FetchedBody> {
    const { maxBytes } = this.#options
    const pieces: Uint8Array[] = []
    let received = 0
    try {
      for await (const piece of response.body ?? []) {
        received += piece.byteLength
        if (received > maxBytes) {
          throw fetchFailed(`its body is larger than ${maxBytes} bytes.`, { host: url.hostname, limit: 'maxBytes', maxBytes })
        }
        pieces.push(piece)
      }
    } catch (error) {
      throw BeamClawError.isInstance(error) ? error : asFetchError(error, url.hostname)
    }
    return { url, status: response.status, headers: response.headers, bytes: Buffer.concat(pieces) }
  }

  async #dispatcher(signal: AbortSignal): Promise<Dispatcher> {
    const { Agent, buildConnector, ProxyAgent } = exportsOf(await import('undici'), 'Agent')
    const { proxy, resolve, timeoutMs, dial } = this.#options
    // One deadline for everything is enough.
    const limits = { maxHeaderSize: maxHeaderBytes, headersTimeout: 0, bodyTimeout: 0 }
    if (proxy !== undefined) return new ProxyAgent({ ...limits, uri: proxy })
    // It returns the socket, which its type does not say.
    const direct: Dial = (lookup, options, callback) =>
      buildConnector({ timeout: timeoutMs, lookup })(options, callback) as unknown as Socket | undefined
    return new Agent({ ...limits, connect: guardedConnector(this.#policy, resolve, dial ?? direct, signal) })
  }
}
