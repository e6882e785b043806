/** `beamclaw sessions`: lists the sessions. */
import { ClientError } from '../client/client-error.ts'
import type { GatewayClient } from '../client/gateway-client.ts'
import { ConfigError } from '../config/config-error.ts'
import { harmless, say, sayJson, sayTable, shownTime } from '../output.ts'
import { count } from './arguments.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface SessionsFlags extends GatewayFlags {
  readonly agent?: string
  readonly owner?: string
  readonly label?: string
  readonly prefix?: string
  readonly sort?: SessionOrder
  readonly limit?: string
  readonly after?: string
  readonly active?: string
}

/** The orders of a list, by the words of the flag. */
const orders = { key: 'key', activity: 'updatedAt', created: 'createdAt' } as const

type SessionOrder = keyof typeof orders

export async function sessions(flags: SessionsFlags): Promise<void> {
  const params = {
    limit: count('--limit', flags.limit ?? '100', 1_000),
    sort: orders[flags.sort ?? 'key'],
    ...(flags.agent === undefined ? {} : { agentId: flags.agent }),
    ...(flags.active === undefined ? {} : { activeMinutes: count('--active', flags.active, 1_000_000) }),
    ...texts(flags),
  }
  const list = await withGateway(flags, async (client) => {
    const found = await client.request('sessions.list', params)
    // An agent that is not configured any more may still have sessions.
    if (found.sessions.length === 0 && flags.agent !== undefined) await checkAgent(client, flags.agent)
    return found
  })
  if (flags.json === true) return sayJson(list)
  if (list.sessions.length === 0 && isNarrowed(flags)) return say('No sessions match these flags')
  if (list.sessions.length === 0)
    return say(`${noSessions(flags)}; begin one with: beamclaw send ${flags.agent === undefined ? '' : `--agent ${flags.agent} `}"hello"`)
  const rows = list.sessions.map(({ key, updatedAt, label = '' }) => [key, updatedAt === null ? '' : shownTime(updatedAt), harmless(label)])
  sayTable(['SESSION', 'LAST CHANGE', 'LABEL'], rows)
  if (list.nextCursor !== null) say(`There are more; the next page with --after '${harmless(list.nextCursor)}'`)
}

/** Returns the flags whose values go to the gateway as they are. Throws `ConfigError` for an empty one, which would select nothing or all. */
function texts(flags: SessionsFlags): Partial<Record<(typeof textFlags)[number], string>> {
  const chosen: Partial<Record<(typeof textFlags)[number], string>> = {}
  for (const name of textFlags) {
    const value = flags[name]
    if (value === '') throw new ConfigError([`--${name}: expected a text, is empty`])
    if (value !== undefined) chosen[name] = value
  }
  return chosen
}

const textFlags = ['owner', 'label', 'prefix', 'after'] as const

function isNarrowed(flags: SessionsFlags): boolean {
  return textFlags.some((name) => flags[name] !== undefined)
}

function noSessions({ agent, active }: SessionsFlags): string {
  const whose = agent === undefined ? 'There are no sessions' : `The agent "${agent}" has no sessions`
  return active === undefined ? `${whose} yet` : `${whose} that changed in the last ${active} minutes`
}

async function checkAgent(client: GatewayClient, id: string): Promise<void> {
  const { agents } = await client.request('agents.list', {})
  if (agents.some((agent) => agent.id === id.toLowerCase())) return
  throw new ClientError('unknown-agent', `There is no agent "${harmless(id)}"; known are ${agents.map((agent) => agent.id).join(', ')}`)
}
