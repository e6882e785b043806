/** Entries of `allowHosts` and `denyHosts`: names, wildcards, addresses and ranges of addresses. */
import ipaddr from 'ipaddr.js'
import { canonicalHost, type IpAddress, parseAddress } from './ip-address.ts'

/** What a list of hosts says of one host or one address. */
export interface HostPatterns {
  /** True for `*`, a wildcard or a name that covers this name. */
  coversName(name: string): boolean
  /** True for a name or a wildcard other than `*` that covers this name. */
  namesExplicitly(name: string): boolean
  coversAddress(address: IpAddress): boolean
}

/** Returns what is wrong with one entry, or `undefined`. */
export function patternProblem(entry: unknown): string | undefined {
  const expected = 'a host such as example.com, *.example.com, *, an address or a range such as 10.0.0.0/8'
  return typeof entry === 'string' && (entry === '*' || rangeOf(entry) !== undefined || nameOf(entry) !== undefined) ? undefined : expected
}

/** Returns the patterns of checked entries. */
export function hostPatterns(entries: readonly string[]): HostPatterns {
  const ranges = entries.flatMap((entry) => rangeOf(entry) ?? [])
  const names = entries.flatMap((entry) => (rangeOf(entry) === undefined ? (nameOf(entry) ?? []) : []))
  const coveredBy = (name: string): boolean =>
    names.some((known) => (known.startsWith('*.') ? name.endsWith(known.slice(1)) : known === name))
  return {
    coversName: (name) => entries.includes('*') || coveredBy(name),
    namesExplicitly: coveredBy,
    coversAddress: (address) => ranges.some(({ network, bits }) => network.kind() === address.kind() && address.match(network, bits)),
  }
}

interface Range {
  readonly network: IpAddress
  /** Of the address, how many are those of the network. */
  readonly bits: number
}

function rangeOf(entry: string): Range | undefined {
  const [host = '', bits, more] = entry.split('/')
  const address = parseAddress(host)
  if (address === undefined || more !== undefined) return undefined
  const all = address instanceof ipaddr.IPv4 ? 32 : 128
  if (bits === undefined) return { network: address, bits: all }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= all ? { network: address, bits: Number(bits) } : undefined
}

/** Returns a name or a wildcard as URLs spell it. */
function nameOf(entry: string): string | undefined {
  const wildcard = entry.startsWith('*.') ? '*.' : ''
  const name = entry.slice(wildcard.length)
  if (name === '' || /[\s/\\?#@:*%[\]]/.test(name)) return undefined
  const host = canonicalHost(name)
  // A number in another notation is an address; a wildcard of addresses means nothing.
  return host === undefined || parseAddress(host) !== undefined ? undefined : wildcard + host
}
