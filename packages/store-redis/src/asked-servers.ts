/** Connections to the servers that are asked for the primary, once a second and by each client. */
import type { NodeRedisLike } from './node-redis-client.ts'
import { plainRefusal } from './plain-refusal.ts'
import type { HostAndPort } from './redis-address.ts'

/** Owns a connection to each server that was asked, until `close`. One that fails is made anew by the next question. */
export class AskedServers {
  readonly #clientOf: (server: HostAndPort) => NodeRedisLike
  readonly #clients = new Map<string, Promise<NodeRedisLike>>()
  #isClosed = false

  /** @param clientOf returns a client that gives up when it loses its connection. */
  constructor(clientOf: (server: HostAndPort) => NodeRedisLike) {
    this.#clientOf = clientOf
  }

  async ask(server: HostAndPort, command: readonly string[]): Promise<unknown> {
    if (this.#isClosed) throw new Error('The client was destroyed')
    const name = `${server.host} ${server.port}`
    const opening = this.#clients.get(name) ?? this.#open(server)
    this.#clients.set(name, opening)
    try {
      return await (await opening).sendCommand(command)
    } catch (error) {
      if (this.#clients.get(name) === opening) this.#clients.delete(name)
      end(await opening.catch(() => undefined))
      throw plainRefusal(error)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const opening of this.#clients.values()) opening.then(end, () => {})
    this.#clients.clear()
  }

  async #open(server: HostAndPort): Promise<NodeRedisLike> {
    const client = this.#clientOf(server)
    // Failures reject what is asked as well.
    client.on('error', () => undefined)
    try {
      await client.connect()
    } catch (error) {
      end(client)
      throw error
    }
    return client
  }
}

function end(client: NodeRedisLike | undefined): void {
  if (client?.isOpen === true) client.destroy()
}
