/**
 * The agent's definition for each step: a run keeps the one with which it began in this process, and the next run takes the new one. After a hand-off it
 * is the definition that the other agent has then. The session's own settings count from the next step on.
 */
import type { AgentDefinition } from '../../agent/agent.ts'
import { isRemoved } from '../../agent/removed-agent.ts'
import type { SessionSettings } from '../../agent/session-settings.ts'
import type { RunId } from '../../base/ids.ts'
import { allowedTools } from '../../tool/tool-names.ts'
import type { SessionState } from '../state/session-state.ts'

export class AgentOfRun {
  #kept: { readonly runId: RunId; readonly agent: AgentDefinition } | undefined

  /** Returns the definition for the next step; `now` is the one that is configured. */
  of({ current }: Pick<SessionState, 'current'>, now: AgentDefinition, settings: SessionSettings): AgentDefinition {
    if (isRemoved(now)) return now
    if (current === undefined) this.#kept = undefined
    else if (this.#kept?.runId !== current.runId || this.#kept.agent.id !== now.id) this.#kept = { runId: current.runId, agent: now }
    return withSettings(this.#kept?.agent ?? now, settings)
  }
}

function withSettings(agent: AgentDefinition, settings: SessionSettings): AgentDefinition {
  const { model, thinking, allowedTools: allowed, deniedTools: denied } = settings
  if (model === undefined && thinking === undefined && allowed === undefined && denied === undefined) return agent
  return { ...agent, model: model ?? agent.model, thinking: thinking ?? agent.thinking, tools: allowedTools(agent.tools, settings) }
}
