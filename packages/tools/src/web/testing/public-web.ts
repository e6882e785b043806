/** A web of one local server that seems to have public addresses: what a guarded client may do is seen here, without any network. */
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Dial, ResolvedAddress, Resolver } from '../guarded-connector.ts'

/** What one test makes of the web. */
export interface Scene {
  /** What DNS has for every name. @default the address that seems to be the server's */
  readonly answers?: readonly string[]
  /** Where the socket seems to end, whatever was looked up. */
  readonly connectedTo?: string
  /** Where the responses redirect to, one by one. */
  readonly redirects?: readonly string[]
  /** Of the redirects. */
  readonly status?: number
}

/** What the web has seen. */
export interface Sightings {
  /** Addresses to which a connection was asked for. */
  readonly dialed: string[]
  readonly requests: string[]
  lookups: number
}

export interface PublicWeb {
  stage(scene: Scene): { readonly resolve: Resolver; readonly dial: Dial; readonly seen: Sightings }
  close(): Promise<void>
}

const serverAddress = '93.184.216.34'

export async function publicWeb(): Promise<PublicWeb> {
  let next: string[] = []
  let status = 302
  let seen: Sightings = { dialed: [], requests: [], lookups: 0 }
  const server = createServer((request, response) => {
    // Asked for by browsers at times of their own.
    if (request.url === '/favicon.ico') return void response.writeHead(404).end()
    seen.requests.push(`${request.method} ${request.headers.host}${request.url}`)
    request.resume()
    const location = next.shift()
    if (location === undefined) response.end('reached')
    else response.writeHead(status, { location }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const dialAs =
    (place: string | undefined): Dial =>
    (lookup, { hostname }, callback) => {
      const open = (address: string): void => {
        seen.dialed.push(address)
        const socket: Socket = connect(port, '127.0.0.1')
        Object.defineProperty(socket, 'remoteAddress', { value: place ?? address })
        socket.once('connect', () => callback(null, socket)).once('error', (error) => callback(error, null))
      }
      const literal = hostname.replace(/^\[(.*)\]$/, '$1')
      if (/^[\d.]+$/.test(literal) || literal.includes(':')) open(literal)
      else
        lookup(hostname, { all: true }, (error, addresses) => {
          const first = (addresses as readonly ResolvedAddress[])[0]
          if (error !== null || first === undefined) callback(error ?? new Error('no address'), null)
          else open(first.address)
        })
      return undefined
    }

  return {
    stage: ({ answers = [serverAddress], connectedTo, redirects = [], status: given = 302 }) => {
      next = [...redirects]
      status = given
      const sightings: Sightings = { dialed: [], requests: [], lookups: 0 }
      seen = sightings
      const resolve: Resolver = async () => {
        sightings.lookups++
        return answers.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
      }
      return { resolve, dial: dialAs(connectedTo), seen: sightings }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
