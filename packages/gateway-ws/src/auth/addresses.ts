/** Names and addresses of machines. */
import { BlockList, isIP, isIPv4 } from 'node:net'

const loopback = loopbackList()

/** An IPv4 address in IPv6 clothes as what it is. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  return mapped !== undefined && isIPv4(mapped) ? mapped : address
}

/** True for an address, or `localhost`, that only this machine reaches. */
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
