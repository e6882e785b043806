/** IP addresses in the one notation that rules are applied to. */
import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An address of either version; a v4-mapped one is the IPv4 address that it stands for. */
export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6

/**
 * Returns the address that a text names; `undefined` for a text that is no address in its usual notation, or one with a zone id. Takes IPv6 with and
 * without brackets.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return ipaddr.IPv4.parse(text)
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (!isIPv6(bare) || bare.includes('%')) return undefined
  // The library reads `::127.0.0.1` as the mapped `::ffff:127.0.0.1`; the parser of URLs spells both without dots.
  const address = ipaddr.IPv6.parse(new URL(`http://[${bare}]/`).hostname.slice(1, -1))
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

/** Returns a host as `URL.hostname` has it, without a dot at its end; `undefined` for a text that is no host. */
export function canonicalHost(text: string): string | undefined {
  const url = URL.parse(`http://${text}/`)
  return url === null || url.hostname === '' ? undefined : url.hostname.replace(/\.$/, '')
}
