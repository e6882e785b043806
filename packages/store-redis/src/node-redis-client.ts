/** The five functions over node-redis: with a client of our own, or with one that the application made. */
import { definedOnly } from '@beamclaw/core/adapter'
import { createClient, RESP_TYPES } from '@redis/client'
import { AskedServers } from './asked-servers.ts'
import { FailoverClient, isPrimaryRole } from './failover-client.ts'
import { plainRefusal } from './plain-refusal.ts'
import { type AskServer, primariesBySentinel, primariesBySlot } from './primary-search.ts'
import { type HostAndPort, type PrimaryAddress, primaryAddress, unixPath } from './redis-address.ts'
import { NotConnectedError, type RedisClient, type RedisReply, type RedisScript, type RedisWord, type SendOptions } from './redis-client.ts'

/** What is used of a node-redis client, described here so that its types are in no signature of ours. */
export interface NodeRedisLike {
  readonly isReady: boolean
  readonly isOpen: boolean
  sendCommand(words: readonly (string | Buffer)[], options?: object): Promise<unknown>
  connect(): Promise<unknown>
  destroy(): void
  duplicate(): NodeRedisLike
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  on(event: 'ready' | 'error' | 'terminated', listener: (error?: unknown) => void): unknown
  off(event: 'ready' | 'error' | 'terminated', listener: (error?: unknown) => void): unknown
}

/** Where an owned client connects to. */
export interface ConnectTo {
  /** One server, or several that tell which of them is the primary. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** The login of the Sentinels. */
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  readonly tls?: Readonly<Record<string, unknown>>
  /** Milliseconds without a byte from the server after which a connection is given up. */
  readonly silenceMs: number
  /** What the names of all keys begin with: in a Redis Cluster its slot says which primary is meant. */
  readonly keyPrefix?: string
}

const bytesMapping = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }
const firstDelayMs = 50
const longestDelayMs = 2_000
// A server that is asked for the primary and is away must not hold up the others' answers.
const longestAskMs = 1_000

/** Returns the delay before the next attempt to connect, with jitter, so that many processes do not return in the same moment. */
function delayBefore(attempt: number): number {
  const longest = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(attempt, 10))
  return longest / 2 + Math.random() * (longest / 2)
}

/** Returns a client of our own, which connects at its first use and reconnects until it is stopped. */
export function ownedClient(to: ConnectTo): RedisClient {
  const address = primaryAddress(to.url)
  return new NodeRedisClient(address === undefined ? singleClient(to) : primaryClient(to, address), true, to.keyPrefix)
}

function singleClient({ url, username, password, tls, silenceMs }: ConnectTo): NodeRedisLike {
  const unix = unixPath(url)
  const times = { connectTimeout: silenceMs, socketTimeout: silenceMs, reconnectStrategy: delayBefore }
  const socket = unix !== undefined ? { path: unix, ...times } : { ...times, ...(tls === undefined ? {} : { ...tls, tls: true as const }) }
  return bareClient({ ...(unix === undefined ? { url } : {}), ...definedOnly({ username, password }), socket }, silenceMs)
}

/** Returns a client that looks for the primary before each connection. */
function primaryClient(to: ConnectTo, address: PrimaryAddress): NodeRedisLike {
  const { tls, silenceMs, keyPrefix = '', sentinelUsername, sentinelPassword } = to
  const { kind, asked, name, database, isTls } = address
  const { username = address.username, password = address.password } = to
  const login = definedOnly({ username, password })
  const sentinelLogin = definedOnly({ username: sentinelUsername, password: sentinelPassword })
  const clientOf = ({ host, port }: HostAndPort, options: object, timeoutMs: number): NodeRedisLike => {
    const times = { connectTimeout: timeoutMs, socketTimeout: timeoutMs, reconnectStrategy: false as const }
    return bareClient({ ...options, socket: { host, port, ...times, ...(isTls ? { ...tls, tls: true as const } : {}) } }, timeoutMs)
  }
  const askMs = Math.min(longestAskMs, silenceMs)
  const ofLogin = new AskedServers((server) => clientOf(server, login, askMs))
  const guides = kind === 'sentinel' ? new AskedServers((server) => clientOf(server, sentinelLogin, askMs)) : ofLogin
  const ask: AskServer = (server, command) => guides.ask(server, command)
  return new FailoverClient({
    search: () => (kind === 'sentinel' ? primariesBySentinel(asked, name, ask) : primariesBySlot(asked, keyPrefix, ask)),
    isPrimary: async (server) => isPrimaryRole(await ofLogin.ask(server, ['ROLE'])),
    clientOf: (server) => clientOf(server, { ...login, database }, silenceMs),
    delayBefore,
    close() {
      ofLogin.close()
      guides.close()
    },
  })
}

function bareClient(options: object, silenceMs: number): NodeRedisLike {
  const all = {
    ...options,
    // Without a queue a command is either sent now or certainly not.
    disableOfflineQueue: true,
    // An idle connection has a byte to show for itself before the silence counts.
    pingInterval: Math.ceil(silenceMs / 3),
    name: 'beamclaw',
  }
  return createClient(all as Parameters<typeof createClient>[0]) as unknown as NodeRedisLike
}

/** Returns the five functions over a client of the application. It is neither connected nor stopped here unless it was not open. */
export function borrowedClient(client: NodeRedisLike, keyPrefix?: string): RedisClient {
  return new NodeRedisClient(client, false, keyPrefix)
}

/** Phases: `new → open → stopped`. Owns the client if `isOwned`, and the connection of subscriptions in any case. */
class NodeRedisClient implements RedisClient {
  readonly keyPrefix: string | undefined
  readonly #client: NodeRedisLike
  readonly #isOwned: boolean
  readonly #listeners = new Set<(trouble?: unknown) => void>()
  #subscriber: Promise<NodeRedisLike> | undefined
  /** The client of `#subscriber`, from its first attempt to connect on. */
  #opening: NodeRedisLike | undefined
  #lastError: unknown
  #isStopped = false
  readonly #onReady = (): void => {
    this.#lastError = undefined
    for (const listener of this.#listeners) listener()
  }
  readonly #onError = (failure: unknown): void => {
    const error = plainRefusal(failure)
    this.#lastError = error
    for (const listener of this.#listeners) listener(error)
  }

  constructor(client: NodeRedisLike, isOwned: boolean, keyPrefix: string | undefined) {
    this.keyPrefix = keyPrefix
    this.#client = client
    this.#isOwned = isOwned
    client.on('ready', this.#onReady)
    // Without a listener node would end the process.
    client.on('error', this.#onError)
  }

  async send(command: readonly RedisWord[], { asBytes = false }: SendOptions = {}): Promise<RedisReply> {
    if (this.#isStopped || !this.#client.isReady) throw new NotConnectedError('There is no connection', { cause: this.#lastError })
    const words = command.map((word) => (typeof word === 'string' ? word : Buffer.from(word.buffer, word.byteOffset, word.byteLength)))
    try {
      return (await this.#client.sendCommand(words, asBytes ? bytesMapping : undefined)) as RedisReply
    } catch (error) {
      if (error instanceof NotConnectedError || (error as Error).constructor.name !== 'ClientOfflineError') throw plainRefusal(error)
      throw new NotConnectedError('There is no connection', { cause: this.#lastError })
    }
  }

  async script({ source, sha }: RedisScript, keys: readonly string[], args: readonly RedisWord[]): Promise<RedisReply> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.send(['EVALSHA', sha, ...rest])
    } catch (error) {
      // The server has not run it: a new server, or one whose scripts were flushed.
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
      return await this.send(['EVAL', source, ...rest])
    }
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    this.#subscriber ??= this.#openSubscriber().catch((error: unknown) => {
      // The next call tries again.
      this.#subscriber = undefined
      throw plainRefusal(error)
    })
    const subscriber = await this.#subscriber
    await subscriber.subscribe(channel, listener)
    return async () => {
      if (!this.#isStopped) await subscriber.unsubscribe(channel, listener)
    }
  }

  onReconnect(listener: (trouble?: unknown) => void): () => void {
    this.#listeners.add(listener)
    if (this.#client.isReady) listener()
    else if (!this.#client.isOpen) this.#client.connect().catch(this.#onError)
    return () => void this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#listeners.clear()
    this.#client.off('ready', this.#onReady)
    // Also one that never came up, for which the promise would wait.
    if (this.#opening?.isOpen === true) this.#opening.destroy()
    if (!this.#isOwned) this.#client.off('error', this.#onError)
    else if (this.#client.isOpen) this.#client.destroy()
  }

  /** A connection that subscribes takes no other commands. */
  async #openSubscriber(): Promise<NodeRedisLike> {
    const subscriber = this.#client.duplicate()
    this.#opening = subscriber
    subscriber.on('error', this.#onError)
    await subscriber.connect()
    return subscriber
  }
}
