/** The tools of one session besides those of its agent. They are asked for once per definition of the agent, while the session is loaded. */
import type { Logger } from '@beamclaw/actor'
import type { AgentDefinition, SessionToolsContext } from '../agent/agent.ts'
import { describeError } from '../base/errors.ts'

export class OwnTools {
  readonly #session: SessionToolsContext
  readonly #logger: Logger
  readonly #agents = new WeakMap<AgentDefinition, AgentDefinition>()

  constructor(session: SessionToolsContext, logger: Logger) {
    this.#session = Object.freeze({ ...session })
    this.#logger = logger
  }

  /** Returns the agent as this session has it. */
  of(agent: AgentDefinition): AgentDefinition {
    if (agent.toolsOfSession === undefined) return agent
    const known = this.#agents.get(agent)
    if (known !== undefined) return known
    const own = this.#with(agent, agent.toolsOfSession)
    this.#agents.set(agent, own)
    return own
  }

  #with(agent: AgentDefinition, toolsOfSession: NonNullable<AgentDefinition['toolsOfSession']>): AgentDefinition {
    try {
      return Object.freeze({ ...agent, tools: toolsOfSession(this.#session) })
    } catch (error) {
      const { sessionKey, tenant } = this.#session
      this.#logger.log('error', 'session.tools-failed', { session: sessionKey, tenant, agent: agent.id, error: describeError(error) })
      return agent
    }
  }
}
