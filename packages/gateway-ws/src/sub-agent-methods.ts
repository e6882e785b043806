/** `subagents.*`: the sub-agents of the default tenant, for a gateway whose host has `SubAgents`. */
import type { SubAgent, SubAgents } from '@beamclaw/core'
import { definedOnly } from '@beamclaw/core/adapter'
import { type SubAgentRow, subAgentMethods } from '@beamclaw/protocol'
import { type ImplementedMethods, implementMethods } from './methods/implement-methods.ts'

/**
 * Returns the methods `subagents.list`, `get` and `cancel` over sub-agents, for the option `methods` of `Gateway`.
 *
 * @example
 * const gateway = new Gateway({ claw, methods: [implementSubAgents(subAgents)] })
 */
export function implementSubAgents(subAgents: SubAgents): ImplementedMethods {
  return implementMethods(subAgentMethods, {
    'subagents.list': ({ parent, running }) => ({
      subAgents: subAgents
        .of()
        .list(definedOnly({ parent, isRunning: running }))
        .map(rowOf),
    }),
    'subagents.get': ({ id }) => rowOf(subAgents.of().get(id)),
    'subagents.cancel': async ({ id }) => rowOf(await subAgents.of().cancel(id)),
  })
}

function rowOf(one: SubAgent): SubAgentRow {
  const { id, agentId, sessionKey, parent, label, task, depth, status, startedAt, deadlineAt, endedAt, answer, failure } = one
  return {
    ...{ id, agentId, sessionKey, parent, task, depth, status },
    startedAtMs: Math.round(startedAt),
    deadlineAtMs: Math.round(deadlineAt),
    ...definedOnly({ label, answer, endedAtMs: endedAt === undefined ? undefined : Math.round(endedAt), failure: failure?.code }),
  }
}
