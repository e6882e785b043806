/** Finds the session of a key, and starts it when it is not up. */
import { IGNORE } from '../actor/inside.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError } from '../errors.ts'
import { type AgentId, type SessionKey, sessionKeyParts } from '../ids.ts'
import { nearestName } from '../options.ts'
import type { DynamicSupervisor } from '../supervisor/dynamic-supervisor.ts'
import { Session, type SessionWorld } from './session.ts'

export class SessionRouter {
  readonly #starting = new Map<SessionKey, Promise<Session>>()
  readonly #supervisor: DynamicSupervisor
  readonly #agents: ReadonlyMap<AgentId, AgentDefinition>
  readonly #world: SessionWorld

  constructor(supervisor: DynamicSupervisor, agents: ReadonlyMap<AgentId, AgentDefinition>, world: SessionWorld) {
    this.#supervisor = supervisor
    this.#agents = agents
    this.#world = world
  }

  /** Resolves with a running session. Rejects `unknown-agent`, or with what kept it from starting. */
  async find(key: SessionKey): Promise<Session> {
    const present = this.#world.sessions.lookup(key)
    if (present !== undefined) return present.actor as Session
    const starting = this.#starting.get(key)
    if (starting !== undefined) return starting
    const started = this.#start(key)
    this.#starting.set(key, started)
    try {
      return await started
    } finally {
      this.#starting.delete(key)
    }
  }

  async #start(key: SessionKey): Promise<Session> {
    const { agentId } = sessionKeyParts(key)
    const agent = this.#agents.get(agentId)
    if (agent === undefined) {
      const nearest = nearestName(agentId, [...this.#agents.keys()])
      const hint = nearest === undefined ? `known agents are ${[...this.#agents.keys()].join(', ')}` : `did you mean "${nearest}"?`
      throw new BeamClawError('unknown-agent', `There is no agent "${agentId}"; ${hint}`, { details: { agentId } })
    }
    const start = (): Session => new Session(key, agent, this.#world)
    try {
      const actor = await this.#supervisor.startChild({ id: key, restart: 'transient', start })
      if (actor !== IGNORE) return actor
    } catch (error) {
      // Callers care for what was wrong with the journal, not for who was starting it.
      throw BeamClawError.isInstance(error, 'child-start-failed') && BeamClawError.isInstance(error.cause) ? error.cause : error
    }
    throw new BeamClawError('internal', `Session "${key}" did not start`)
  }
}
