/** Asks Sentinels, or the servers of a Redis Cluster, which server is the primary now. */
import { isRefusedLogin, SentinelRefusal } from './failures.ts'
import type { HostAndPort } from './redis-address.ts'

/** Sends one command to one server. */
export type AskServer = (server: HostAndPort, command: readonly string[]) => Promise<unknown>

/** An answer; the highest epoch is the latest. */
interface Answer {
  readonly primary: HostAndPort
  readonly epoch: number
}

/**
 * Resolves with the primaries that the Sentinels name, that of the latest failover first: one that is cut off from the others still names the primary before it, and
 * one that is wrong must not keep the others from being heard. Rejects with what the last one said when none knows.
 */
export async function primariesBySentinel(
  sentinels: readonly HostAndPort[],
  name: string,
  ask: AskServer,
): Promise<readonly HostAndPort[]> {
  const answers = await Promise.allSettled(sentinels.map(async (sentinel) => sentinelAnswer(await askSentinel(sentinel, name, ask))))
  return latest(answers, `no Sentinel knows the primary "${name}"`)
}

/**
 * Resolves with the primaries of the slot of `key` in a Redis Cluster, that of the latest configuration first. Rejects with what the last server said when none knows.
 */
export async function primariesBySlot(servers: readonly HostAndPort[], key: string, ask: AskServer): Promise<readonly HostAndPort[]> {
  const answers = await Promise.allSettled(
    servers.map(async (server) => {
      const slot = Number(await ask(server, ['CLUSTER', 'KEYSLOT', key]))
      return slotAnswer(String(await ask(server, ['CLUSTER', 'NODES'])), slot, server)
    }),
  )
  return latest(answers, 'no server of the Redis Cluster knows the primary of the slot')
}

/** Rejects a refused login as that of a Sentinel, whose login is not that of the server. */
async function askSentinel(sentinel: HostAndPort, name: string, ask: AskServer): Promise<unknown> {
  try {
    return await ask(sentinel, ['SENTINEL', 'MASTER', name])
  } catch (error) {
    throw error instanceof Error && isRefusedLogin(error) ? new SentinelRefusal(`${sentinel.host}:${sentinel.port}`, error) : error
  }
}

function latest(answers: readonly PromiseSettledResult<Answer | undefined>[], problem: string): readonly HostAndPort[] {
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' && answer.value !== undefined ? [answer.value] : []))
  const primaries = new Map(found.sort((a, b) => b.epoch - a.epoch).map(({ primary }) => [`${primary.host} ${primary.port}`, primary]))
  if (primaries.size > 0) return [...primaries.values()]
  const failure = answers.findLast((answer) => answer.status === 'rejected')
  const cause: unknown = failure?.reason
  const said = cause instanceof Error ? cause.message : undefined
  // A refused login keeps its first word, by which the store knows that no wait mends it.
  throw isRefusedLogin(cause) ? cause : new Error(said === undefined ? problem : `${problem}: ${said}`, { cause })
}

/** The reply is a flat list of names and values, or an object, by the version of the protocol. */
function sentinelAnswer(reply: unknown): Answer | undefined {
  const fields = new Map<string, string>()
  if (Array.isArray(reply)) for (let at = 0; at + 1 < reply.length; at += 2) fields.set(String(reply[at]), String(reply[at + 1]))
  else if (typeof reply === 'object' && reply !== null) for (const [field, value] of Object.entries(reply)) fields.set(field, String(value))
  const host = fields.get('ip')
  const port = Number(fields.get('port'))
  if (host === undefined || host === '' || !Number.isInteger(port)) return undefined
  return { primary: { host, port }, epoch: Number(fields.get('config-epoch') ?? 0) }
}

/** Each line: id, `ip:port@busPort[,hostname]`, flags, primary, ping, pong, epoch, link, slots. https://redis.io/docs/latest/commands/cluster-nodes/ */
function slotAnswer(nodes: string, slot: number, asked: HostAndPort): Answer | undefined {
  for (const line of nodes.split('\n')) {
    const [, address = '', flags = '', , , , epoch = '0', , ...slots] = line.split(' ')
    if (!flags.split(',').includes('master') || /\bfail\b/.test(flags) || !slots.some((range) => holds(range, slot))) continue
    const [, ip = '', port = ''] = /^(.*):(\d+)(?:@|$)/.exec(address.split(',')[0] ?? '') ?? []
    // A server that knows no address of its own was reached by the one that was asked.
    return { primary: { host: ip === '' ? asked.host : ip, port: Number(port) }, epoch: Number(epoch) }
  }
  return undefined
}

function holds(range: string, slot: number): boolean {
  const [first, last] = range.split('-').map(Number)
  return first !== undefined && slot >= first && slot <= (last ?? first)
}
