/** A proxy before a server that holds, swallows and cuts what goes through it, in one direction or both. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

/** From the client to the server, or back. */
export type Direction = 'requests' | 'replies'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  /** What is held for each direction; undefined where bytes pass. */
  readonly held: { requests: Buffer[] | undefined; replies: Buffer[] | undefined }
  readonly swallowed: Set<Direction>
  /** Its client is gone, and its way to the server is not. */
  isDetached: boolean
}

/** Owns the connections through it. */
export class RedisProxy {
  readonly socket: string
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  /** Connections that lead nowhere. */
  readonly #strays = new Set<Socket>()
  #onHeld: (() => void) | undefined
  #trigger: string | undefined
  #isUnplugged = false

  private constructor(socket: string, target: string) {
    this.socket = socket
    this.#server = createServer((client) => {
      if (!this.#isUnplugged) return this.#join(client, connect(target))
      this.#strays.add(client)
      client.on('error', () => undefined).on('close', () => this.#strays.delete(client))
    })
  }

  /** Starts a proxy before the unix socket `target`, in the same folder, which has one of each name at a time. */
  static async start(folder: string, target: string, name = 'proxy'): Promise<RedisProxy> {
    const proxy = new RedisProxy(join(folder, `${name}.sock`), target)
    proxy.#server.listen(proxy.socket)
    await once(proxy.#server, 'listening')
    return proxy
  }

  get url(): string {
    return `unix://${this.socket}`
  }

  /** Holds what goes through the present connections in the direction; later connections are free. Resolves once a reply, or a whole command, is held. */
  hold(direction: Direction): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const { held } of this.#pairs) held[direction] = []
    this.#onHeld = resolve
    return promise
  }

  /** Holds the requests of the present connections from the first one on that holds the word. Resolves once that one is held as a whole. */
  holdFrom(word: string): Promise<void> {
    this.#trigger = word
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onHeld = resolve
    return promise
  }

  /** Lets what goes through the present connections in the direction vanish. */
  swallow(direction: Direction): void {
    for (const { swallowed } of this.#pairs) swallowed.add(direction)
  }

  /** Ends the clients' side of the present connections. What is held can still be delivered to the server. */
  async detach(): Promise<void> {
    const closing: Promise<unknown>[] = []
    for (const pair of this.#pairs) {
      pair.isDetached = true
      if (!pair.client.destroyed) closing.push(once(pair.client, 'close'))
      pair.client.destroy()
    }
    await Promise.all(closing)
  }

  /** Cuts the present connections, both sides. What is held is lost. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy()
      server.destroy()
    }
    for (const stray of this.#strays) stray.destroy()
  }

  /** As a cable that is pulled: nothing passes, also through later connections, and neither side hears of an end. */
  unplug(): void {
    this.#isUnplugged = true
    for (const pair of this.#pairs) {
      pair.isDetached = true
      for (const direction of ['requests', 'replies'] as const) pair.swallowed.add(direction)
    }
  }

  /** Later connections are free again; those from before have ended. */
  plug(): void {
    this.#isUnplugged = false
    this.cut()
  }

  /** Delivers what is held on its way to the server. Resolves once the server has answered. */
  async deliver(): Promise<void> {
    for (const { server, held } of this.#pairs) {
      const bytes = Buffer.concat(held.requests ?? [])
      held.requests = undefined
      if (bytes.length === 0) continue
      const answered = once(server, 'data')
      server.write(bytes)
      await answered
    }
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket, server: Socket): void {
    const pair: Pair = { client, server, held: { requests: undefined, replies: undefined }, swallowed: new Set(), isDetached: false }
    this.#pairs.add(pair)
    this.#pass(pair, 'requests', client, server)
    this.#pass(pair, 'replies', server, client)
    client.on('close', () => {
      if (!pair.isDetached && pair.held.requests === undefined) server.destroy()
    })
    server.on('close', () => {
      client.destroy()
      this.#pairs.delete(pair)
    })
    for (const socket of [client, server]) socket.on('error', () => undefined)
  }

  #pass({ held, swallowed }: Pair, direction: Direction, from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (swallowed.has(direction)) return
      if (direction === 'requests' && this.#trigger !== undefined && bytes.includes(this.#trigger)) {
        held.requests = []
        this.#trigger = undefined
      }
      const kept = held[direction]
      if (kept === undefined) {
        if (!to.destroyed) to.write(bytes)
        return
      }
      kept.push(bytes)
      if (direction === 'replies' || isWhole(Buffer.concat(kept))) this.#onHeld?.()
    })
  }
}

/** True for bytes that end with the end of a command: an array of `$` strings. */
function isWhole(bytes: Buffer): boolean {
  let at = 0
  const numberAt = (): number => {
    const end = bytes.indexOf('\r\n', at)
    const value = end < 0 ? Number.NaN : Number(bytes.toString('latin1', at + 1, end))
    at = end + 2
    return value
  }
  while (at < bytes.length) {
    const words = numberAt()
    for (let word = 0; word < words; word++) {
      const length = at < bytes.length ? numberAt() : Number.NaN
      at += length + 2
      if (!(at <= bytes.length)) return false
    }
    if (Number.isNaN(words)) return false
  }
  return true
}
