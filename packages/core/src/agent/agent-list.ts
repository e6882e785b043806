/** Checks the agents of a BeamClaw; each error has the path of the wrong value. */
import { checkOptions, guardedRead, hintOf, invalidOption } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { AgentId } from '../base/ids.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import { type AgentDefinition, type AgentOptions, definitionOf, modelRule } from './agent.ts'

/**
 * Returns the definitions of all agents; plain options are passed through `defineAgent`. Throws `invalid-option`, with the path, for invalid
 * options, for two agents with one id, for a model whose provider is not configured, and for a tool that asks or hands over to an agent that is not
 * in the list; `invalid-id`.
 */
export function readAgents(
  owner: string,
  agents: readonly (AgentDefinition | AgentOptions)[],
  providers: ProviderTable,
): readonly AgentDefinition[] {
  const list = guardedRead(owner, 'agents', () => {
    if (Array.isArray(agents)) return [...(agents as readonly unknown[])]
    throw invalidOption(owner, 'agents', 'an array of agents', agents)
  })
  const definitions = list.map((agent, index) =>
    guardedRead(owner, `agents[${index}]`, () => readAgent(owner, `agents[${index}]`, agent, providers)),
  )
  const ids = new Set<AgentId>()
  for (const [index, { id, model }] of definitions.entries()) {
    if (ids.has(id)) throw new BeamClawError('invalid-option', `${owner}: agents[${index}]: there is another agent "${id}"`)
    ids.add(id)
    providers.check(owner, `agents[${index}].model`, model, ` of agent "${id}"`)
  }
  for (const [index, { tools }] of definitions.entries()) {
    for (const [name, { agentId }] of tools) {
      if (agentId !== undefined && !ids.has(agentId)) throw lostAgent(owner, `agents[${index}].tools["${name}"]`, agentId, [...ids])
    }
  }
  return definitions
}

/** Returns the error for an agent that is not configured: `unknown-agent`, with the known ids. */
export function unknownAgent(agentId: string, known: readonly AgentId[]): BeamClawError {
  const hint = known.length === 0 ? 'this BeamClaw has none yet; add agents with updateAgents()' : hintOf(agentId, known, 'agents')
  return new BeamClawError('unknown-agent', `There is no agent "${agentId}"; ${hint}`, { details: { agentId, known } })
}

function lostAgent(owner: string, option: string, agentId: AgentId, known: readonly AgentId[]): BeamClawError {
  const problem = `${owner}: ${option} is for the agent "${agentId}", which is not among the agents; ${hintOf(agentId, known, 'agents')}`
  return new BeamClawError('invalid-option', problem, { details: { owner, option, received: agentId, known } })
}

function readAgent(list: string, path: string, agent: unknown, providers: ProviderTable): AgentDefinition {
  const { id, model, tools } = (agent ?? {}) as { readonly id?: unknown; readonly model?: unknown; readonly tools?: unknown }
  if (typeof model === 'string' && model !== '' && !model.includes('/')) providers.check(list, `${path}.model`, model)
  const owner = `${list}: ${path}`
  if (tools instanceof Map) {
    checkOptions(owner, { model }, { model: modelRule }, ['model'])
    if (typeof id !== 'string') throw invalidOption(owner, 'id', 'a string', id)
    return agent as AgentDefinition
  }
  return definitionOf(typeof id === 'string' ? `${owner} ("${id.slice(0, 64)}")` : owner, agent as AgentOptions, `${owner}.id`)
}
