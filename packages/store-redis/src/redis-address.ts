/** The address of Redis as a URL names it: one server, or several that tell which of them is the primary. */
import type { OptionRule } from '@beamclaw/core/adapter'

/** One server's host and port. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** Servers that are asked for the primary: of a name, of which Sentinels know, or of a slot of a Redis Cluster. */
export interface PrimaryAddress {
  readonly kind: 'sentinel' | 'cluster'
  readonly asked: readonly HostAndPort[]
  /** The name that the Sentinels have for the primary; empty for a Redis Cluster. */
  readonly name: string
  readonly database: number
  readonly isTls: boolean
  readonly username?: string
  readonly password?: string
}

const several = /^redis(s?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^@/]+)(?:\/(.*))?$/
const unixSocket = /^unix:(?:\/\/)?(\/.+)$/
const usualPorts = { sentinel: 26_379, cluster: 6_379 } as const

/** Allows what `RedisStoreOptions.url` describes. */
export const anAddress: OptionRule = (value) =>
  typeof value === 'string' && shownAddress(value) !== undefined
    ? undefined
    : 'an address such as redis://localhost:6379, rediss://host:6380, unix:///run/redis.sock, redis+sentinel://a:26379,b:26379/mymaster or redis+cluster://a:6379,b:6379'

/** Returns the path of an address such as `unix:///run/redis.sock`; undefined for any other text. */
export function unixPath(url: string): string | undefined {
  return unixSocket.exec(url)?.[1]
}

/** Returns an address without login, for messages; undefined for what is no address. */
export function shownAddress(url: string): string | undefined {
  if (unixPath(url) !== undefined) return url
  if (primaryAddress(url) !== undefined) return url.replace(/\/\/[^@]*@/, '//')
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) return undefined
  const { protocol, host, username, password, pathname, search, hash } = new URL(url)
  const isRight = host !== '' && search === '' && hash === '' && /^\/?\d{0,4}$/.test(pathname)
  return isRight && loginOf(`${username}:${password}`) !== undefined ? `${protocol}//${host}${pathname}` : undefined
}

/** Returns what `redis+sentinel://` and `redis+cluster://` say; undefined for any other text, also for one that is not quite such an address. */
export function primaryAddress(url: string): PrimaryAddress | undefined {
  const match = several.exec(url)
  if (match === null) return undefined
  const [, tls, kind, login, hosts = '', path = ''] = match
  const isSentinel = kind === 'sentinel'
  const asked = hosts.split(',').map((text) => hostAndPort(text, usualPorts[isSentinel ? 'sentinel' : 'cluster']))
  const [name = '', database = '0', ...rest] = isSentinel ? path.split('/') : ['', path === '' ? '0' : path]
  const isRight = isSentinel ? /^[\w.-]+$/.test(name) && /^\d{1,4}$/.test(database) : database === '0'
  if (!isRight || rest.length > 0 || asked.includes(undefined)) return undefined
  const access = loginOf(login)
  if (access === undefined) return undefined
  const servers = asked.filter((server) => server !== undefined)
  return { kind: isSentinel ? 'sentinel' : 'cluster', asked: servers, name, database: Number(database), isTls: tls === 's', ...access }
}

function hostAndPort(text: string, usualPort: number): HostAndPort | undefined {
  const [, host = '', port] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  const number = port === undefined ? usualPort : Number(port)
  if (host === '' || number < 1 || number > 65_535) return undefined
  return { host: host.replace(/^\[|\]$/g, ''), port: number }
}

function loginOf(text: string | undefined): Pick<PrimaryAddress, 'username' | 'password'> | undefined {
  if (text === undefined || text === '') return {}
  const [, username = '', password] = /^([^:]*)(?::(.*))?$/.exec(text) ?? []
  try {
    return {
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === undefined ? {} : { password: decodeURIComponent(password) }),
    }
  } catch {
    return undefined
  }
}
