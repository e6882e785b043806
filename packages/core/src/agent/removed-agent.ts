/** What stands in for an agent that is configured no more: its sessions can be read, aborted and deleted, and no model is asked for them. */
import type { AgentId } from '../base/ids.ts'
import { type AgentDefinition, agentDefaults } from './agent.ts'

/** Returns the definition of an agent that is not configured. */
export function removedAgent(id: AgentId): AgentDefinition {
  return {
    id,
    // No agent that is configured has an empty one.
    model: '',
    system: undefined,
    temperature: undefined,
    maxOutputTokens: undefined,
    toolChoice: undefined,
    context: undefined,
    retention: undefined,
    askMode: undefined,
    hooks: {},
    tools: new Map(),
    toolsOfSession: undefined,
    skills: undefined,
    ...agentDefaults,
  }
}

/** True for what `removedAgent` returned. */
export function isRemoved({ model }: AgentDefinition): boolean {
  return model === ''
}
