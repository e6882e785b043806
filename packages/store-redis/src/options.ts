/** The options of `RedisStore`, their defaults and their rules. */
import { BeamClawError, type Clock, type Logger } from '@beamclaw/core'
import { anObject, anObjectWith, checkOptions, integer, type OptionRule, type OptionRules, text } from '@beamclaw/core/adapter'
import type { NodeRedisLike } from './node-redis-client.ts'

/** Options of `RedisStore`. A value out of its rule throws `invalid-option` in the constructor. Either `url` or `client` is needed. */
export interface RedisStoreOptions {
  /** `redis://user:password@host:port/database`, `rediss://…` for TLS, or `unix:///path/of/socket`. The store opens and ends the connection. */
  readonly url?: string
  /** A client of node-redis (`createClient`) that the application owns. It is connected if need be, and never ended. */
  readonly client?: RedisStoreClient
  /** Name of the ACL user, beside `url`. */
  readonly username?: string
  /** Password, beside `url`. */
  readonly password?: string
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

const anAddress: OptionRule = (value) =>
  typeof value === 'string' && /^(?:rediss?:\/\/.+|unix:.*\/.+)/.test(value)
    ? undefined
    : 'an address such as redis://localhost:6379, rediss://host:6380 or unix:///run/redis.sock'

const aPrefix: OptionRule = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9_.:-]{1,128}$/.test(value) ? undefined : '1 to 128 letters, digits and _ . : -'

const rules: OptionRules<RedisStoreOptions> = {
  url: anAddress,
  client: anObjectWith('sendCommand', 'connect', 'duplicate', 'on', 'off'),
  username: text(),
  password: text(),
  tls: anObject,
  prefix: aPrefix,
  storeId: text(),
  deadlineMs: integer(10),
  maxDocumentBytes: integer(1),
  logger: anObjectWith('log'),
  clock: anObjectWith('setTimer'),
}

/** Throws `invalid-option` for the first option that is unknown or against its rule, and unless there is one way to a server. */
export function checkRedisStoreOptions(options: RedisStoreOptions): void {
  checkOptions<RedisStoreOptions>('RedisStore', options, rules)
  const { url, client, username, password, tls } = options
  if ((url === undefined) === (client === undefined)) {
    throw new BeamClawError('invalid-option', 'RedisStore needs either "url" or "client"')
  }
  if (client !== undefined && (username ?? password ?? tls) !== undefined) {
    throw new BeamClawError('invalid-option', 'RedisStore: "username", "password" and "tls" belong to "url"; a client has its own')
  }
}

/** Returns the client as it is used; the rules have found its functions. */
export function clientOf({ client }: RedisStoreOptions): NodeRedisLike | undefined {
  return client as NodeRedisLike | undefined
}
