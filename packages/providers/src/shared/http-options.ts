/** The common options of providers over HTTP: address, headers, deadlines and limits. */
import { BeamClawError, type Clock, type JsonObject } from '@beamclaw/core'
import { aFunction, anObject, anObjectWith, duration, integer, type OptionRule, type OptionRules, text } from '@beamclaw/core/adapter'
import { type ModelFacts, someFacts } from './model-facts.ts'

/** Sends one HTTP request; the global `fetch` with a URL string has this type. */
export type FetchFunction = (url: string, init: RequestInit) => Promise<Response>

/** Options of every provider over HTTP. */
export interface HttpOptions {
  /**
   * The secret sent with each request. Never appears in errors. By default the provider's environment variable, unless `baseUrl` is given here and
   * is not the service's own: a key of the environment is not sent to an address that it did not come with.
   */
  readonly apiKey?: string
  /** The base URL of the service, version path included, without user name or password; its only query may be `?api-version=`. By default the provider's environment variable. */
  readonly baseUrl?: string
  /**
   * The environment variables that are read, once, when the provider is made: those of the key and the address, and `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`;
   * `{}` for none. @default process.env, if there is one
   */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /**
   * The name under which messages keep what the service needs back, such as the signatures of thinking, which only the service that made them accepts. Give
   * two addresses of one service the same name. @default the provider's own name at its own address, otherwise the host of `baseUrl`
   */
  readonly service?: string
  /**
   * Fields of the body of each request for an answer, for what the service has and BeamClaw does not: `{ service_tier: 'flex' }`. They override the provider's
   * own fields. @default none
   */
  readonly extraBody?: JsonObject
  /**
   * Facts about models, by their id at the service: they override those that the provider knows, field by field. @default none
   */
  readonly models?: Readonly<Record<string, ModelFacts>>
  /** Additional headers of each request; they override the provider's own. @default none */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Replaces the global `fetch`, for tests and for connections of your own; proxies of the environment are then its matter. It gets the body as a string, and because it owns the connection,
   * `connectTimeoutMs` does not apply. @default the global fetch
   */
  readonly fetch?: FetchFunction
  /** Milliseconds until the connection is open (DNS lookup and TLS included) and the request can be sent. @default 10000 */
  readonly connectTimeoutMs?: number
  /** Milliseconds from then to the first byte of the response body. Node's own fetch times out after 300000. @default 300000 */
  readonly firstByteTimeoutMs?: number
  /** Milliseconds between two chunks of the answer, while the caller waits for the next one. @default 120000 */
  readonly idleTimeoutMs?: number
  /** Milliseconds for the whole call. @default 1800000 */
  readonly totalTimeoutMs?: number
  /** Bytes of one answer, after decompression. @default 67108864 */
  readonly maxResponseBytes?: number
  /** Bytes of one server-sent event; this bounds the memory of a call. @default 4194304 */
  readonly maxEventBytes?: number
  /** The clock of the deadlines. @default the system's clock */
  readonly clock?: Clock
}

/** Defaults for the deadlines and limits of `HttpOptions`. */
export const httpDefaults = {
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 300_000,
  idleTimeoutMs: 120_000,
  totalTimeoutMs: 1_800_000,
  maxResponseBytes: 64 * 1024 * 1024,
  maxEventBytes: 4 * 1024 * 1024,
} as const satisfies HttpOptions

const apiKey = /^[\x21-\x7e]+$/

/** The rule for an API key. */
export const anApiKey: OptionRule = (value) =>
  typeof value === 'string' && apiKey.test(value) ? undefined : 'a key without spaces, line ends or characters outside ASCII'

/** The rule for the address of a service. */
export const aBaseUrl: OptionRule = (value) =>
  typeof value === 'string' && isPlainHttpUrl(value)
    ? undefined
    : 'an http or https URL without user name, password, fragment and query (except api-version)'

// Header values are checked here, because the error that `fetch` throws for a bad one shows it.
const headerName = /^[\w!#$%&'*+.^`|~-]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/

const someHeaders: OptionRule = (value) =>
  anObject(value) === undefined &&
  Object.entries(value as object).every(([name, text]) => headerName.test(name) && typeof text === 'string' && headerValue.test(text))
    ? undefined
    : 'an object of HTTP header names with text that a header can hold'

/** The rules for `HttpOptions`, to be spread into a provider's own. */
export const httpOptionRules: OptionRules<HttpOptions> = {
  apiKey: anApiKey,
  baseUrl: aBaseUrl,
  environment: anObject,
  service: text(),
  extraBody: anObject,
  models: someFacts,
  headers: someHeaders,
  fetch: aFunction,
  connectTimeoutMs: duration(1),
  firstByteTimeoutMs: duration(1),
  idleTimeoutMs: duration(1),
  totalTimeoutMs: duration(1),
  maxResponseBytes: integer(1),
  maxEventBytes: integer(1),
  clock: anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo'),
}

function isPlainHttpUrl(value: string): boolean {
  const url = URL.parse(value)
  if (url === null || !/^https?:$/.test(url.protocol)) return false
  const isPlain = url.username === '' && url.password === '' && url.hash === ''
  // Azure's older addresses have a version in the query; anything else there may be a key, which errors would show.
  return isPlain && (url.search === '' || [...url.searchParams.keys()].every((name) => name === 'api-version'))
}

/** Returns the headers of one provider's requests: its own, overridden by the caller's. */
export function mergeHeaders(
  own: Readonly<Record<string, string>>,
  callers: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const merged = new Map(Object.entries(own).map(([name, value]) => [name.toLowerCase(), value]))
  for (const [name, value] of Object.entries(callers)) {
    const key = name.toLowerCase()
    if (key === 'content-length' || key === 'transfer-encoding' || key === 'host' || key === 'connection') {
      throw new BeamClawError('invalid-option', `Option "headers" must not set "${key}"`, { details: { option: `headers.${key}` } })
    }
    merged.set(key, value)
  }
  return Object.fromEntries(merged)
}
