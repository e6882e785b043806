/** Finds the agent whose schema the context of a message has to fit, and has it checked. */
import { definedOnly } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { AgentId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { boundedContext, type ContextBounds } from './bounded-context.ts'
import type { NewMessage } from './commands/message-intake.ts'

/** A context that fits its schema, and the agent whose schema that is where it is not the session's own. */
export type CheckedContext = Pick<NewMessage, 'context' | 'contextBy'>

export interface ContextSources extends Omit<ContextBounds, 'sessions'> {
  /** The agent of the session's key. */
  readonly own: AgentDefinition
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  /** Resolves with the agent that answers. Rejects `unknown-session` for a session that was not begun. */
  readonly answering: () => Promise<AgentId>
  readonly sessions: () => ContextBounds['sessions']
}

/** Resolves with the context, and with the agent whose schema it fits where that is not the session's own. Rejects as `boundedContext` does. */
export async function contextOfMessage(
  context: JsonValue | undefined,
  { own, agents, answering, sessions, ...bounds }: ContextSources,
): Promise<CheckedContext> {
  // The answering agent makes no difference where there is only one, or none has a schema.
  const isAsked = agents.size > 1 && [...agents.values()].some((agent) => agent.context !== undefined)
  const agent = isAsked ? await answeringAgent(own, agents, answering) : own
  const contextBy = agent.id === own.id ? undefined : agent.id
  if (agent.context === undefined) return definedOnly({ context, contextBy })
  return definedOnly({ context: await boundedContext(agent, context, { ...bounds, sessions: sessions() }), contextBy })
}

async function answeringAgent(
  own: AgentDefinition,
  agents: ContextSources['agents'],
  answering: ContextSources['answering'],
): Promise<AgentDefinition> {
  try {
    return agents.get(await answering()) ?? own
  } catch (error) {
    if (BeamClawError.isInstance(error, 'unknown-session')) return own
    throw error
  }
}
