/** The options that the tools of the web share, and their rules. */
import type { Clock } from '@beamclaw/core'
import { aFunction, anObjectWith, describeValue, duration, integer, type OptionRule, type OptionRules } from '@beamclaw/core/adapter'
import { patternProblem } from './host-pattern.ts'
import type { Resolver } from './resolver.ts'

/** What a tool may reach, and how much of it. */
export interface WebOptions {
  /**
   * Hosts that may be requested: names (`example.com`), wildcards (`*.example.com`, without `example.com` itself), `*`, addresses and ranges (`10.0.0.0/8`).
   * An address or a range allows it even when it is private: for itself, and for names that another entry but `*` covers.
   * @default ['*'], which is every host with a public address
   */
  readonly allowHosts?: readonly string[]
  /** Hosts that must not be requested, in the same notation; they count more than `allowHosts`. @default none */
  readonly denyHosts?: readonly string[]
  /** Ports that may be requested. @default [80, 443] */
  readonly ports?: readonly number[] | 'any'
  /** Bytes of one response after decompression. @default 5242880 */
  readonly maxBytes?: number
  /** Milliseconds for one request with all its redirects. @default 15000 */
  readonly timeoutMs?: number
  /** @default 5 */
  readonly maxRedirects?: number
  /**
   * URL of an HTTP proxy. It looks names up itself, so it has to refuse names of private addresses. Proxies of the environment are ignored.
   * @default none
   */
  readonly proxy?: string
  /** Looks names up. @default the system's lookup */
  readonly resolve?: Resolver
  /** @default the system's clock */
  readonly clock?: Clock
}

const someHosts: OptionRule = (value) => {
  if (!Array.isArray(value)) return 'an array of hosts'
  const index = value.findIndex((entry) => patternProblem(entry) !== undefined)
  if (index === -1) return undefined
  const entry: unknown = value[index]
  const shown = typeof entry === 'string' ? JSON.stringify(entry.slice(0, 64)) : describeValue(entry)
  return `an array in which each entry is ${patternProblem(entry)}; entry ${index + 1} is ${shown}`
}

const somePorts: OptionRule = (value) =>
  value === 'any' || (Array.isArray(value) && value.every((port) => integer(1, 65_535)(port) === undefined))
    ? undefined
    : 'an array of ports, or "any"'

const aProxy: OptionRule = (value) =>
  typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '') ? undefined : 'the http or https URL of a proxy'

/** The rules for `WebOptions`, to be spread into those of a tool. */
export const webOptionRules: OptionRules<WebOptions> = {
  allowHosts: someHosts,
  denyHosts: someHosts,
  ports: somePorts,
  maxBytes: integer(1),
  timeoutMs: duration(1),
  maxRedirects: integer(0, 20),
  proxy: aProxy,
  resolve: aFunction,
  clock: anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo'),
}
