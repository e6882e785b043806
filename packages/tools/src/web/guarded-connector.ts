/** Opens connections to checked addresses only: looks a name up once, and connects to what was checked. */
import { lookup } from 'node:dns/promises'
import type { LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'
import type { AddressPolicy } from './address-policy.ts'

/** One address of a name. */
export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Looks a name up. Rejects with the `code` of `dns.lookup` for a name that has no address. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>

/** Opens a connection, as a connector of undici does; it gets a lookup that knows the checked addresses only. */
export type Dial = (lookup: LookupFunction, options: buildConnector.Options, callback: buildConnector.Callback) => void

/** Looks names up as the system does, with all their addresses. */
export const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true })

/** Returns the connector of a client whose requests obey `policy`. */
export function guardedConnector(policy: AddressPolicy, resolve: Resolver, dial: Dial): buildConnector.connector {
  return (options, callback) => {
    const { hostname } = options
    const fail = (error: unknown): void => callback(error as Error, null)
    const connect = (addresses: readonly ResolvedAddress[]): void =>
      dial(lookupOf(hostname, addresses), options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
        if (error !== null) return callback(error, null)
        try {
          policy.checkSocket(hostname, socket.remoteAddress)
        } catch (refusal) {
          socket.destroy()
          return fail(refusal)
        }
        callback(null, socket)
      })
    checkedAddresses(policy, resolve, hostname).then(connect).catch(fail)
  }
}

async function checkedAddresses(policy: AddressPolicy, resolve: Resolver, hostname: string): Promise<readonly ResolvedAddress[]> {
  return policy.checkLiteral(hostname) ? [] : policy.reachable(hostname, await resolve(hostname))
}

/** Returns a lookup that knows one name, as `net.connect` asks it: for one address or for all. */
function lookupOf(hostname: string, addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_name, { all }, callback) => {
    const [first] = addresses
    if (first === undefined) {
      const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' })
      return callback(error, all === true ? [] : '', 0)
    }
    if (all === true) callback(null, [...addresses])
    else callback(null, first.address, first.family)
  }
}
