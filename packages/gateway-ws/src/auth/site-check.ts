/** Checks the `Host` and `Origin` headers of a request. */
import { isLoopback, plainAddress } from './addresses.ts'

export interface SiteRules {
  /** The host that the gateway listens on. */
  readonly host: string
  /** Other host names of the gateway, without a port. */
  readonly allowedHosts: readonly string[]
  /** Browser origins besides the gateway's own, for example `https://chat.example.com`. */
  readonly allowedOrigins: readonly string[]
}

/**
 * Returns true when the `Host` header names this gateway. Rejects DNS rebinding: a rebound page sends its own host name. An IP literal cannot be
 * rebound, so the local address is accepted.
 * @param localAddress the local address of the connection.
 */
export function isOwnHost(rules: SiteRules, header: string | undefined, localAddress?: string): boolean {
  const host = hostOf(header)
  if (host === undefined) return false
  if (isLoopback(host) || host === bare(rules.host)) return true
  if (localAddress !== undefined && host === plainAddress(localAddress)) return true
  return rules.allowedHosts.some((allowed) => bare(allowed) === host)
}

/** Returns true without an `Origin`, for the gateway's own, and for allowed origins. `header` is a `Host` header that was checked. */
export function isOwnOrigin(rules: SiteRules, origin: string | undefined, header: string | undefined): boolean {
  if (origin === undefined) return true
  return origin.toLowerCase() === `http://${header?.toLowerCase()}` || rules.allowedOrigins.includes(origin)
}

/** Returns the number of `Host` headers; Node keeps the first of several and hides the rest. */
export function hostHeaders(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
}

/** Returns the name or address of a `Host` header in lower case, without port and brackets. */
function hostOf(header: string | undefined): string | undefined {
  const match = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(header ?? '')
  return match?.[1] === undefined ? undefined : bare(match[1])
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase()
}
