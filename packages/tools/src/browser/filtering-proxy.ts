/**
 * The proxy that all requests of Chromium go through. It looks each host up itself, refuses what `AddressPolicy` refuses, and connects to the address
 * that was checked: redirects, parts of pages and WebSockets included, because Chromium opens no connection of its own.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { BeamClawError } from '@beamclaw/core'
import type { AddressPolicy } from '../web/address-policy.ts'
import { asFetchError } from '../web/fetch-errors.ts'
import { type Dial, guardedConnector, type Resolver } from '../web/guarded-connector.ts'

/** What a proxy decides by. */
export interface FilteringProxyOptions {
  readonly policy: AddressPolicy
  readonly resolve: Resolver
  /** Opens connections. @default plain TCP */
  readonly dial?: Dial
  /** Milliseconds for a lookup and the connection. */
  readonly connectTimeoutMs: number
}

/** A user of the proxy: what it has to say to be let through. */
export interface ProxyUser {
  readonly username: string
  readonly password: string
}

/** Called with each connection that was refused or failed: `url-refused` or `fetch-failed`. */
export type OnRefused = (error: BeamClawError) => void

interface Admitted {
  readonly password: string
  readonly onRefused: OnRefused
}

const plainTcp: Dial = (lookup, { hostname, port }, callback) => {
  const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port), lookup, autoSelectFamily: true })
  const onError = (error: Error): void => callback(error, null)
  socket.once('error', onError).once('connect', () => {
    socket.removeListener('error', onError)
    callback(null, socket)
  })
  return socket
}

/** Headers that are between a client and its proxy alone. */
const hopHeaders: readonly string[] = ['proxy-authorization', 'proxy-connection', 'connection', 'keep-alive', 'te', 'trailer', 'upgrade']

/**
 * Phases: new → listening → closed. Owns its server and every socket that it opened; all end with `close`.
 *
 * I1  Nothing is connected for a request without the name and password of a user that is admitted.
 * I2  Every connection goes through `guardedConnector`: to an address that was checked for this very host and port.
 */
export class FilteringProxy {
  readonly #options: FilteringProxyOptions
  readonly #users = new Map<string, Admitted>()
  readonly #sockets = new Set<Duplex>()
  readonly #server: Server
  readonly #end = new AbortController()

  constructor(options: FilteringProxyOptions) {
    this.#options = options
    this.#server = createServer((incoming, response) => void this.#forward(incoming, response))
    this.#server.on('connect', (incoming, socket, head) => void this.#tunnel(incoming, socket, head))
    this.#server.on('connection', (socket) => this.#own(socket))
    this.#server.on('clientError', (_error, socket) => socket.destroy())
    // A download or a quiet page may take any time; the browser's own ends decide.
    this.#server.requestTimeout = 0
  }

  /** Resolves with the URL of the proxy once it accepts connections, on the loopback address only. */
  async listen(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen(0, '127.0.0.1', resolve)
    await promise
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Lets a user through until `dismiss`. */
  admit(onRefused: OnRefused): ProxyUser {
    const user = { username: randomBytes(8).toString('hex'), password: randomBytes(24).toString('hex') }
    this.#users.set(user.username, { password: user.password, onRefused })
    return user
  }

  dismiss({ username }: ProxyUser): void {
    this.#users.delete(username)
  }

  /** Ends the server and all its connections at once. */
  close(): void {
    this.#end.abort(new Error('The proxy is closed'))
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  async #tunnel(incoming: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    const user = this.#userOf(incoming)
    if (user === undefined)
      return void client.end(`HTTP/1.1 407 Proxy Authentication Required\r\n${challenge}\r\ncontent-length: 0\r\n\r\n`)
    try {
      // Whether it is http or https that goes through the tunnel, only the port tells.
      const target = urlOf(`https://${incoming.url}/`)
      const remote = await this.#open(target, target.port === '' ? 443 : Number(target.port))
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      remote.write(head)
      joined(client, remote)
    } catch (error) {
      user.onRefused(asFetchError(error, hostOf(incoming.url)))
      client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n')
    }
  }

  async #forward(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const user = this.#userOf(incoming)
    if (user === undefined) return void response.writeHead(407, { 'proxy-authenticate': 'Basic realm="beamclaw"' }).end()
    let host = ''
    try {
      const target = urlOf(incoming.url ?? '')
      host = target.hostname
      const socket = await this.#open(target, target.port === '' ? 80 : Number(target.port))
      await this.#exchange(target, socket, incoming, response)
    } catch (error) {
      user.onRefused(asFetchError(error, host))
      if (response.headersSent) response.destroy()
      else response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end('This request was refused or failed.')
    }
  }

  #exchange(target: URL, socket: Socket, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const { pathname, search, host } = target
    const headers = { ...withoutHop(incoming.headers), host, connection: 'close' }
    const outgoing = request({ createConnection: () => socket, method: incoming.method ?? 'GET', path: pathname + search, headers })
    outgoing.once('error', reject).once('response', (answer) => {
      answer.once('error', reject)
      response.once('close', resolve)
      response.writeHead(answer.statusCode ?? 502, withoutHop(answer.headers))
      answer.pipe(response)
    })
    response.once('close', () => socket.destroy())
    incoming.pipe(outgoing)
    return promise
  }

  /** Resolves with a connection to what the policy allows. */
  async #open(url: URL, port: number): Promise<Socket> {
    const { policy, resolve, dial = plainTcp, connectTimeoutMs } = this.#options
    policy.checkUrl(url)
    const signal = AbortSignal.any([this.#end.signal, AbortSignal.timeout(connectTimeoutMs)])
    const { hostname, host } = url
    const opened = Promise.withResolvers<Socket>()
    guardedConnector(
      policy,
      resolve,
      dial,
      signal,
    )({ hostname, host, port: String(port), protocol: 'http:' }, (error, socket) => {
      if (socket === null) opened.reject(error ?? new Error('There is no socket'))
      else opened.resolve(socket)
    })
    const socket = await opened.promise
    this.#own(socket)
    return socket
  }

  #own(socket: Duplex): void {
    this.#sockets.add(socket)
    // The ends of both sides are told by `close`; an error of its own says nothing more.
    socket.on('error', () => undefined).once('close', () => this.#sockets.delete(socket))
    if (this.#end.signal.aborted) socket.destroy()
  }

  #userOf({ headers }: IncomingMessage): Admitted | undefined {
    const [scheme, encoded = ''] = (headers['proxy-authorization'] ?? '').split(' ')
    if (scheme?.toLowerCase() !== 'basic') return undefined
    const [username = '', password = ''] = Buffer.from(encoded, 'base64').toString().split(':')
    const user = this.#users.get(username)
    if (user === undefined || password.length !== user.password.length) return undefined
    return timingSafeEqual(Buffer.from(password), Buffer.from(user.password)) ? user : undefined
  }
}

const challenge = 'proxy-authenticate: Basic realm="beamclaw"'

function urlOf(text: string): URL {
  const url = URL.parse(text)
  if (url === null)
    throw new BeamClawError('url-refused', 'The URL is refused: it is not a URL.', { details: { rule: 'syntax', host: '' } })
  return url
}

function hostOf(authority = ''): string {
  return URL.parse(`https://${authority}/`)?.hostname ?? ''
}

function joined(one: Duplex, other: Duplex): void {
  one.pipe(other).pipe(one)
  one.once('close', () => other.destroy())
  other.once('close', () => one.destroy())
}

function withoutHop(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.includes(name)))
}
