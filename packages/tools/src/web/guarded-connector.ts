/** Opens connections to checked addresses only: looks a name up once, and connects to what was checked. */
import { lookup } from 'node:dns/promises'
import type { LookupFunction, Socket } from 'node:net'
import type { buildConnector } from 'undici'
import type { AddressPolicy } from './address-policy.ts'
import type { ResolvedAddress, Resolver } from './resolver.ts'

/**
 * Opens a connection, as a connector of undici does; it gets a lookup that knows the checked addresses only. Returns the socket, where there is one already.
 */
export type Dial = (lookup: LookupFunction, options: buildConnector.Options, callback: buildConnector.Callback) => Socket | undefined

/** Looks names up as the system does, with all their addresses. */
export const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true })

/** Returns the connector of one request, which obeys `policy` and ends with `signal`, also within a lookup. */
export function guardedConnector(policy: AddressPolicy, resolve: Resolver, dial: Dial, signal: AbortSignal): buildConnector.connector {
  return (options, callback) => {
    const { hostname } = options
    let connecting: Socket | undefined
    let isOver = false
    const end = (error: unknown, socket?: Socket): void => {
      // What comes after an abort is for no one.
      if (isOver) return void socket?.destroy()
      isOver = true
      signal.removeEventListener('abort', onAbort)
      if (socket === undefined) callback(error as Error, null)
      else callback(null, socket)
    }
    const onAbort = (): void => {
      connecting?.destroy()
      end(signal.reason)
    }
    const onConnected = (error: Error | null, socket: Socket | null): void => {
      if (error !== null || socket === null) return end(error ?? new Error('There is no socket'))
      try {
        policy.checkSocket(hostname, socket.remoteAddress)
        end(null, socket)
      } catch (refusal) {
        socket.destroy()
        end(refusal)
      }
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    checkedAddresses(policy, resolve, hostname)
      .then((addresses) => {
        if (!isOver) connecting = dial(lookupOf(hostname, addresses), options, (...[error, socket]) => onConnected(error, socket))
      })
      .catch(end)
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
