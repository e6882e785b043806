/** The options of `RedisStore`, and how it and `RedisCluster` are told of their server. */
import { BeamClawError, type Clock, type Logger } from '@beamclaw/core'
import { anObject, anObjectWith, checkOptions, definedOnly, integer, type OptionRule, type OptionRules, text } from '@beamclaw/core/adapter'
import { borrowedClient, type NodeRedisLike, ownedClient } from './node-redis-client.ts'
import { anAddress, primaryAddress, shownAddress } from './redis-address.ts'
import type { RedisClient } from './redis-client.ts'

/** Options of `RedisStore`. A value out of its rule throws `invalid-option` in the constructor. Either `url` or `client` is needed. */
export interface RedisStoreOptions {
  /**
   * `redis://user:password@host:port/database`, `rediss://…` for TLS, or `unix:///path/of/socket`; `redis+sentinel://a:26379,b:26379,c:26379/name/database` for the
   * primary that Sentinels know by that name, and `redis+cluster://a:6379,b:6379` for a Redis Cluster, in which all keys of one prefix share a slot. With TLS they
   * begin with `rediss+`. The store opens and ends the connection.
   */
  readonly url?: string
  /** A client of node-redis (`createClient`) that the application owns. It is connected if need be, and never ended. */
  readonly client?: RedisStoreClient
  /** Name of the ACL user, beside `url`. */
  readonly username?: string
  /** Password, beside `url`. */
  readonly password?: string
  /** Name of the ACL user at the Sentinels. */
  readonly sentinelUsername?: string
  /** Password of the Sentinels, which is not that of the server. */
  readonly sentinelPassword?: string
  /** Options of Node's `tls.connect`, for `rediss://`: `ca`, `cert`, `key`, `servername`. */
  readonly tls?: Readonly<Record<string, unknown>>
  /** What the names of all keys begin with: letters, digits and `_ . : -`. Stores with different prefixes share nothing. @default 'beamclaw' */
  readonly prefix?: string
  /** The id that the store must have, as `RedisStore.id` resolves with: an empty server is then `store-replaced`. @default any, and an empty one gets an id */
  readonly storeId?: string
  /** Milliseconds for one command, the wait for a connection included. @default 5000 */
  readonly deadlineMs?: number
  /** Largest document, record or snapshot as UTF-8 JSON, and largest attachment, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
  /** Receives the risks of the server's settings, and losses. @default none */
  readonly logger?: Logger
  /** Times the deadlines. @default the machine's clock */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** A client that the application made: what `createClient` of node-redis 5 or 6 returns. */
export interface RedisStoreClient {
  readonly isOpen: boolean
  readonly isReady: boolean
}

/** Defaults for `RedisStoreOptions`. */
export const redisStoreDefaults = {
  prefix: 'beamclaw',
  deadlineMs: 5_000,
  maxDocumentBytes: 64 * 1024 * 1024,
} as const satisfies Partial<RedisStoreOptions>

const aPrefix: OptionRule = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9_.:-]{1,128}$/.test(value) ? undefined : '1 to 128 letters, digits and _ . : -'

/** The options that lead to a server, and to the data there. */
export type ConnectionOptions = Pick<
  RedisStoreOptions,
  'url' | 'client' | 'username' | 'password' | 'sentinelUsername' | 'sentinelPassword' | 'tls' | 'prefix' | 'storeId'
>

/** The rules of `ConnectionOptions`. */
export const connectionRules: OptionRules<ConnectionOptions> = {
  url: anAddress,
  client: anObjectWith('sendCommand', 'connect', 'duplicate', 'on', 'off'),
  username: text(),
  password: text(),
  sentinelUsername: text(),
  sentinelPassword: text(),
  tls: anObject,
  prefix: aPrefix,
  storeId: text(),
}

const rules: OptionRules<RedisStoreOptions> = {
  ...connectionRules,
  deadlineMs: integer(10),
  maxDocumentBytes: integer(1),
  logger: anObjectWith('log'),
  clock: anObjectWith('setTimer'),
}

/** Throws `invalid-option` for the first option that is unknown or against its rule, and unless there is one way to a server. */
export function checkRedisStoreOptions(options: RedisStoreOptions): void {
  checkOptions<RedisStoreOptions>('RedisStore', options, rules)
  checkOneWay('RedisStore', options)
}

/** Throws `invalid-option` unless the options lead to a server in one way. */
export function checkOneWay(owner: string, options: ConnectionOptions): void {
  const { url, client, username, password, sentinelUsername, sentinelPassword, tls } = options
  if ((url === undefined) === (client === undefined)) {
    throw new BeamClawError('invalid-option', `${owner} needs either "url" or "client"`)
  }
  if (client !== undefined && (username ?? password ?? tls) !== undefined) {
    throw new BeamClawError('invalid-option', `${owner}: "username", "password" and "tls" belong to "url"; a client has its own`)
  }
  if (tls !== undefined && url?.startsWith('rediss') !== true) {
    throw new BeamClawError('invalid-option', `${owner}: "tls" belongs to a "url" with rediss://`)
  }
  if ((sentinelUsername ?? sentinelPassword) !== undefined && primaryAddress(url ?? '')?.kind !== 'sentinel') {
    throw new BeamClawError(
      'invalid-option',
      `${owner}: "sentinelUsername" and "sentinelPassword" belong to a "url" with redis+sentinel://`,
    )
  }
}

/** The way to a server. */
export interface Way {
  readonly client: RedisClient
  /** The address for messages, without a password. */
  readonly where: string
  /** What the names of keys begin with: in a Redis Cluster all of them in one slot. */
  readonly keyPrefix: string
  readonly kind: 'single' | 'sentinel' | 'cluster'
}

/** Returns the way to the server that the options name. `silenceMs` without a byte from the server end an owned connection. */
export function wayTo(options: ConnectionOptions, silenceMs: number): Way {
  const { url, client: borrowed, username, password, sentinelUsername, sentinelPassword, tls, prefix = redisStoreDefaults.prefix } = options
  if (borrowed !== undefined) {
    // The rules have found its functions.
    return {
      client: borrowedClient(borrowed as NodeRedisLike, prefix),
      where: 'the address of the given client',
      keyPrefix: prefix,
      kind: 'single',
    }
  }
  const address = url as string
  const where = shownAddress(address) as string
  const kind = primaryAddress(address)?.kind ?? 'single'
  const keyPrefix = kind === 'cluster' ? `{${prefix}}` : prefix
  const access = definedOnly({ username, password, sentinelUsername, sentinelPassword, tls })
  return { client: ownedClient({ url: address, silenceMs, keyPrefix, ...access }), where, keyPrefix, kind }
}
