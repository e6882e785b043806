/** Checks the agents of a BeamClaw; each error has the path of the wrong value. */
import { BeamClawError } from '../base/errors.ts'
import { checkOptions, invalidOption } from '../base/options.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import { type AgentDefinition, type AgentOptions, definitionOf, modelRule } from './agent.ts'

/**
 * Returns the definitions of all agents; plain options are passed through `defineAgent`. Throws `invalid-option`, with the path, for invalid
 * options, for two agents with one id, and for a model whose provider is not configured; `invalid-id`.
 */
export function readAgents(
  owner: string,
  agents: readonly (AgentDefinition | AgentOptions)[],
  providers: ProviderTable,
): readonly AgentDefinition[] {
  if (!Array.isArray(agents)) throw invalidOption(owner, 'agents', 'an array of agents', agents)
  const definitions = (agents as readonly unknown[]).map((agent, index) => readAgent(`${owner}: agents[${index}]`, agent))
  const ids = new Set<string>()
  for (const [index, { id, model }] of definitions.entries()) {
    if (ids.has(id)) throw new BeamClawError('invalid-option', `${owner}: agents[${index}]: there is another agent "${id}"`)
    ids.add(id)
    providers.check(owner, `agents[${index}].model`, model, ` of agent "${id}"`)
  }
  return definitions
}

function readAgent(owner: string, agent: unknown): AgentDefinition {
  const { id, tools } = (agent ?? {}) as { readonly id?: unknown; readonly tools?: unknown }
  if (tools instanceof Map) {
    const definition = agent as AgentDefinition
    checkOptions(owner, { model: definition.model }, { model: modelRule }, ['model'])
    if (typeof id !== 'string') throw invalidOption(owner, 'id', 'a string', id)
    return definition
  }
  return definitionOf(typeof id === 'string' ? `${owner} ("${id.slice(0, 64)}")` : owner, agent as AgentOptions)
}
