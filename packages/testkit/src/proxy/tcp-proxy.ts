/** A proxy before a server, so that a test decides what becomes of the connections to it. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type Clock, SystemClock } from '@beamclaw/core'
import { type LineMode, type LineRules, reset, TcpLine } from './tcp-line.ts'

/** From the client to the server, or back. */
export type TcpDirection = 'requests' | 'replies'

/** A port of a host (default 127.0.0.1), or the path of a unix socket. */
export type TcpAddress = { readonly port: number; readonly host?: string } | { readonly path: string }

/** Options of `TcpProxy.start`. */
export interface TcpProxyOptions {
  /** Where the server listens. */
  readonly target: TcpAddress
  /** Where the proxy listens. @default a free port of 127.0.0.1 */
  readonly listen?: TcpAddress
  /** Times what is late. @default new SystemClock() */
  readonly clock?: Pick<Clock, 'monotonic' | 'setTimer'>
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  readonly lines: Readonly<Record<TcpDirection, TcpLine>>
  /** Resolves once both sockets are gone. */
  readonly ended: Promise<void>
}

const directions: readonly TcpDirection[] = ['requests', 'replies']

/**
 * A real server seen through a network that fails. Rules hold for the present connections and for later ones; without a direction they are for both.
 *
 * I1: it owns both sides of each connection, and `stop` leaves none. I2: bytes of a connection never overtake each other.
 *
 * @example
 * const proxy = await TcpProxy.start({ target: { port: 6379 } })
 * proxy.hold('replies') // commands arrive, and their callers do not hear of it
 */
export class TcpProxy implements AsyncDisposable {
  readonly #target: TcpAddress
  readonly #clock: Pick<Clock, 'monotonic' | 'setTimer'>
  readonly #rules: Readonly<Record<TcpDirection, LineRules>> = {
    requests: { mode: 'pass', delayMs: 0, onHeld: undefined },
    replies: { mode: 'pass', delayMs: 0, onHeld: undefined },
  }
  readonly #pairs = new Set<Pair>()
  #address: TcpAddress
  #server: Server | undefined

  private constructor({ target, listen = { port: 0 }, clock = new SystemClock() }: TcpProxyOptions) {
    this.#target = withHost(target)
    this.#address = withHost(listen)
    this.#clock = clock
  }

  /** Resolves with a proxy that listens. Rejects as `listen` of Node does. */
  static async start(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options)
    await proxy.accept()
    return proxy
  }

  /** Where clients connect: pass it to `connect` of Node. */
  get address(): TcpAddress {
    return this.#address
  }

  /** The port where clients connect. Throws when it is a unix socket. */
  get port(): number {
    if ('path' in this.#address) throw new Error(`The proxy listens at ${this.#address.path}, which has no port`)
    return this.#address.port
  }

  /** Connections through the proxy whose ends are not both closed. */
  get connections(): number {
    return this.#pairs.size
  }

  /** Keeps what is sent, the end of a connection included, until `pass`. */
  hold(direction?: TcpDirection): void {
    this.#setMode('hold', direction)
  }

  /**
   * Lets what is sent vanish, the end of a connection included: each side takes the other for silent, and the connection for open. `cut` before `pass`:
   * no network delivers a stream with a hole.
   */
  swallow(direction?: TcpDirection): void {
    this.#setMode('swallow', direction)
  }

  /** Lets everything through again, what was held first. What was swallowed is lost. */
  pass(direction?: TcpDirection): void {
    this.#setMode('pass', direction)
  }

  /** Lets what is sent from now on arrive so many milliseconds later, in order. */
  delay(ms: number, direction?: TcpDirection): void {
    for (const name of direction === undefined ? directions : [direction]) this.#rules[name].delayMs = ms
  }

  /** Resolves once something is held in the direction. */
  held(direction: TcpDirection): Promise<void> {
    if ([...this.#pairs].some(({ lines }) => lines[direction].isHolding)) return Promise.resolve()
    const { onHeld } = this.#rules[direction]
    return new Promise((resolve) => {
      this.#rules[direction].onHeld = () => {
        onHeld?.()
        resolve()
      }
    })
  }

  /** Resets the present connections, both ends. What is held is lost; later connections are as the rules say. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      reset(client)
      reset(server)
    }
  }

  /** Refuses new connections, as a machine without the server does. The present ones stay. Idempotent. */
  refuse(): void {
    this.#server?.close()
    this.#server = undefined
  }

  /** Listens again, at the same address. Idempotent. Rejects as `listen` of Node does. */
  async accept(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true }, (client) => this.#join(client))
    server.listen(this.#address)
    await once(server, 'listening')
    this.#server = server
    if ('port' in this.#address) this.#address = { ...this.#address, port: (server.address() as AddressInfo).port }
  }

  /** Refuses new connections and ends the present ones. Idempotent. */
  async stop(): Promise<void> {
    this.refuse()
    const pairs = [...this.#pairs]
    for (const { client, server } of pairs) {
      client.destroy()
      server.destroy()
    }
    await Promise.all(pairs.map(({ ended }) => ended))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #setMode(mode: LineMode, direction: TcpDirection | undefined): void {
    for (const name of direction === undefined ? directions : [direction]) {
      this.#rules[name].mode = mode
      for (const { lines } of this.#pairs) lines[name].pump()
    }
  }

  #join(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true })
    const lines = {
      requests: new TcpLine(client, server, this.#rules.requests, this.#clock),
      replies: new TcpLine(server, client, this.#rules.replies, this.#clock),
    }
    const ended = Promise.all([gone(client), gone(server)]).then(() => void this.#pairs.delete(pair))
    const pair: Pair = { client, server, lines, ended }
    this.#pairs.add(pair)
  }
}

function withHost(address: TcpAddress): TcpAddress {
  return 'path' in address ? address : { host: '127.0.0.1', ...address }
}

/** Resolves once a socket is closed, or has failed: where a reset fails, Node tells of no close. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve())
    socket.once('error', () => resolve())
  })
}
