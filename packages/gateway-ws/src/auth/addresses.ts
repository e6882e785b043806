/** Names and addresses of machines. */
import { BlockList, isIP, isIPv4 } from 'node:net'

const loopback = loopbackList()

/** Returns an IPv4-mapped IPv6 address as IPv4, any other address unchanged. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && isIPv4(mapped) ? mapped : address
}

/** Returns true for `localhost` and loopback addresses. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true
  const address = plainAddress(host)
  return isIP(address) > 0 && loopback.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

function loopbackList(): BlockList {
  const list = new BlockList()
  list.addSubnet('127.0.0.0', 8, 'ipv4')
  list.addAddress('::1', 'ipv6')
  return list
}
