/** What the adapters of search services share: one guarded request, its failures in words, and a second try where the service asks for patience. */
import { type BeamClawError, type Clock, SystemClock } from '@beamclaw/core'
import { anObjectWith, definedOnly, duration, type OptionRule, type OptionRules, sleep } from '@beamclaw/core/adapter'
import { fetchFailed } from './fetch-errors.ts'
import { type FetchedBody, GuardedFetch } from './guarded-fetch.ts'
import type { WebSearchResult } from './search-provider.ts'
import { stripTags } from './strip-tags.ts'

/** Options of every search service. */
export interface SearchServiceOptions {
  /** Milliseconds for one request. @default 15000 */
  readonly timeoutMs?: number
  /** @default the system's clock */
  readonly clock?: Clock
}

/** One request to a service. */
export interface SearchRequest {
  readonly url: URL
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** What a service's own statuses mean; `undefined` for the usual meaning. */
export type StatusAdvice = (status: number) => string | undefined

const maxTries = 3
const longestWaitMs = 5_000
const maxSearchBytes = 2 * 1024 * 1024

/** A client of one service at the address that its options name, wherever that is. */
export class SearchService {
  readonly #name: string
  readonly #clock: Clock
  readonly #client: GuardedFetch
  readonly #advice: StatusAdvice

  constructor(name: string, baseUrl: string, { clock = new SystemClock(), timeoutMs }: SearchServiceOptions, advice: StatusAdvice) {
    const { hostname } = new URL(baseUrl)
    this.#name = name
    this.#clock = clock
    this.#advice = advice
    this.#client = new GuardedFetch({
      allowHosts: [hostname],
      trustedHosts: [hostname],
      ports: 'any',
      maxRedirects: 0,
      maxBytes: maxSearchBytes,
      clock,
      ...definedOnly({ timeoutMs }),
    })
  }

  /** Resolves with the JSON of a response. Waits and tries again while the service says that there were too many requests. Rejects `fetch-failed`. */
  async json({ url, signal, ...request }: SearchRequest): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#client.fetch({ url: url.href, ...request, signal })
      if (response.status === 200) return this.#parsed(url, response)
      const failure = this.#failureOf(url, response)
      const waitMs = failure.retryAfterMs
      if (waitMs === undefined || waitMs > longestWaitMs || attempt === maxTries) throw failure
      await sleep(this.#clock, waitMs, signal)
    }
  }

  #parsed({ hostname: host }: URL, { bytes }: FetchedBody): unknown {
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8'))
    } catch (cause) {
      throw fetchFailed(`${this.#name} did not return JSON.`, { host, cause })
    }
  }

  #failureOf({ hostname: host }: URL, { status, headers }: FetchedBody): BeamClawError {
    const isRetryable = status === 429 || status >= 500
    const problem = this.#advice(status) ?? usualAdvice(status)
    const failure = { host, status, isRetryable }
    if (status !== 429) return fetchFailed(`${this.#name}: ${problem} (status ${status}).`, failure)
    return fetchFailed(`${this.#name}: ${problem} (status 429).`, { ...failure, retryAfterMs: waitOf(headers) })
  }
}

function usualAdvice(status: number): string {
  if (status === 401 || status === 403) return 'the key is missing, wrong or may not do this. Correct "apiKey"'
  if (status === 429) return 'there were too many requests. Try again later'
  return status >= 500 ? 'the service failed. Try again later' : 'the service does not take the request'
}

/** Milliseconds that a service asks to wait: `retry-after` in seconds, or the first of Brave's `x-ratelimit-reset`; a second without either. */
function waitOf(headers: FetchedBody['headers']): number {
  const seconds = Number((headers.get('retry-after') ?? headers.get('x-ratelimit-reset')?.split(',')[0] ?? '1').trim())
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(Math.ceil(seconds * 1000), 86_400_000) : 1000
}

/** Returns the objects in the array at `path` of a response. Rejects a response without one. */
export function itemsAt(name: string, host: string, response: unknown, ...path: readonly string[]): readonly Record<string, unknown>[] {
  let found = response
  for (const key of path) found = isRecord(found) ? found[key] : undefined
  if (Array.isArray(found)) return found.filter(isRecord)
  throw fetchFailed(`${name} returned something else than search results.`, { host })
}

/** Returns a hit of checked texts on one line each; `undefined` for one without a URL of the web. */
export function resultOf(title: unknown, url: unknown, snippet: unknown, publishedAt: unknown): WebSearchResult | undefined {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined
  const date = lineOf(publishedAt, 40)
  return { title: lineOf(title, 300), url: parsed.href, snippet: lineOf(snippet, 1000), ...(date === '' ? {} : { publishedAt: date }) }
}

function lineOf(text: unknown, maxCharacters: number): string {
  return typeof text === 'string' ? stripTags(text.slice(0, 20_000)).replaceAll(/\s+/g, ' ').slice(0, maxCharacters).toWellFormed() : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The rule for the address of a service. */
export const aServiceUrl: OptionRule = (value) => {
  const url = typeof value === 'string' ? URL.parse(value) : null
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username + url.password + url.search + url.hash === ''
  return isPlain ? undefined : 'an http or https URL without user name, password, query and fragment'
}

/** The rule for a key that a header can hold. */
export const aKey: OptionRule = (value) =>
  typeof value === 'string' && /^[\x21-\x7e]{1,500}$/.test(value)
    ? undefined
    : 'a key without spaces, line ends or characters outside ASCII'

/** The rules for `SearchServiceOptions`. */
export const searchServiceRules: OptionRules<SearchServiceOptions> = {
  timeoutMs: duration(1),
  clock: anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo'),
}

/** Returns the URL of a path below the address of a service. */
export function serviceUrl(baseUrl: string, path: string, query: Readonly<Record<string, string | number | undefined>> = {}): URL {
  const url = new URL(`${baseUrl.replace(/\/+$/, '')}${path}`)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  return url
}
