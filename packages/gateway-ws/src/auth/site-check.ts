/** Whether a request was meant for this gateway, and comes from a page that may talk to it. */
import { isLoopback, plainAddress } from './addresses.ts'

export interface SiteRules {
  /** Where the gateway listens. */
  readonly host: string
  /** Other names that it is known by, without a port. */
  readonly allowedHosts: readonly string[]
  /** Browser origins besides the gateway's own, for example `https://chat.example.com`. */
  readonly allowedOrigins: readonly string[]
}

/**
 * True when the `Host` header names this gateway. A page of somebody else whose name was made to point here sends its own name.
 * @param localAddress where the connection came in; whoever names it in numbers was not led here by a name.
 */
export function isOwnHost(rules: SiteRules, header: string | undefined, localAddress?: string): boolean {
  const host = hostOf(header)
  if (host === undefined) return false
  if (isLoopback(host) || host === bare(rules.host)) return true
  if (localAddress !== undefined && host === plainAddress(localAddress)) return true
  return rules.allowedHosts.some((allowed) => bare(allowed) === host)
}

/** True for no `Origin`, the gateway's own, and those that are allowed. `header` is a `Host` that has been checked. */
export function isOwnOrigin(rules: SiteRules, origin: string | undefined, header: string | undefined): boolean {
  if (origin === undefined) return true
  return origin.toLowerCase() === `http://${header?.toLowerCase()}` || rules.allowedOrigins.includes(origin)
}

/** How many `Host` headers there are; Node keeps the first of several and hides the rest. */
export function hostHeaders(rawHeaders: readonly string[]): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
}

/** The name or address of a `Host` header, without port and brackets, in lower case. */
function hostOf(header: string | undefined): string | undefined {
  const match = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(header ?? '')
  return match?.[1] === undefined ? undefined : bare(match[1])
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase()
}
