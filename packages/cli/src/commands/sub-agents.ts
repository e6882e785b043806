/** `beamclaw subagents`: looks at the agents that others have started in the background, and ends them. */
import { type SubAgentRow, subAgentMethods } from '@beamclaw/protocol'
import { harmless, say, sayJson, sayTable, shownAge } from '../output.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface ListSubAgentsFlags extends GatewayFlags {
  readonly session?: string
  readonly running?: boolean
}

const { methods } = subAgentMethods

export async function listSubAgents({ session, running, ...flags }: ListSubAgentsFlags): Promise<void> {
  const params = { ...(session === undefined ? {} : { parent: session }), ...(running === true ? { running: true } : {}) }
  const { subAgents } = await withGateway(flags, async (client) =>
    methods['subagents.list'].result.parse(await client.call('subagents.list', params)),
  )
  if (flags.json === true) return sayJson({ subAgents })
  if (subAgents.length === 0) return say('There are no sub-agents')
  const rows = subAgents.map((row) => [row.id, row.agentId, row.status, shownAge(row), row.parent, titleOf(row)])
  sayTable(['ID', 'AGENT', 'STATE', 'TIME', 'PARENT', 'TASK'], rows)
}

export async function showSubAgent(id: string, flags: GatewayFlags): Promise<void> {
  const row = await withGateway(flags, async (client) => methods['subagents.get'].result.parse(await client.call('subagents.get', { id })))
  if (flags.json === true) return sayJson(row)
  const { agentId, parent, sessionKey, status, failure, task, answer } = row
  say(`${id}: ${status}${failure === undefined ? '' : ` (${failure})`} after ${shownAge(row)}`)
  say(`agent ${agentId}, session ${sessionKey}, started by ${parent}`)
  say(`Task: ${harmless(task)}`)
  if (answer !== undefined) say(`Answer: ${harmless(answer)}`)
}

export async function cancelSubAgent(id: string, flags: GatewayFlags): Promise<void> {
  const row = await withGateway(flags, async (client) =>
    methods['subagents.cancel'].result.parse(await client.call('subagents.cancel', { id })),
  )
  if (flags.json === true) return sayJson(row)
  say(`${id}: ${row.status}`)
}

function titleOf({ label, task }: SubAgentRow): string {
  return harmless(label ?? task)
    .replaceAll(/\s+/g, ' ')
    .slice(0, 60)
}
