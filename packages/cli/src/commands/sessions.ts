/** `beamclaw sessions`: the conversations there are. */
import { harmless, say, sayJson, sayTable, shownTime } from '../output.ts'
import { count } from './arguments.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface SessionsFlags extends GatewayFlags {
  readonly agent?: string
  readonly limit?: string
  readonly active?: string
}

export async function sessions(flags: SessionsFlags): Promise<void> {
  const params = {
    limit: count('--limit', flags.limit ?? '100', 1_000),
    ...(flags.agent === undefined ? {} : { agentId: flags.agent }),
    ...(flags.active === undefined ? {} : { activeMinutes: count('--active', flags.active, 1_000_000) }),
  }
  const list = await withGateway(flags, (client) => client.request('sessions.list', params))
  if (flags.json === true) return sayJson(list)
  if (list.sessions.length === 0) return say('There are no sessions yet; begin one with: beamclaw send "hello"')
  const rows = list.sessions.map(({ key, updatedAt, label = '' }) => [key, updatedAt === null ? '' : shownTime(updatedAt), harmless(label)])
  sayTable(['SESSION', 'LAST CHANGE', 'LABEL'], rows)
  if (list.hasMore) say(`These are the first ${list.count}; more with --limit`)
}
