/** Finds the session of a key, and starts it when it is not up. */
import { IGNORE } from '../actor/internals.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, type SessionKey, sessionKeyParts } from '../base/ids.ts'
import { nearestName } from '../base/options.ts'
import type { DynamicSupervisor } from '../supervisor/dynamic-supervisor.ts'
import type { TaskSupervisor } from '../supervisor/task-supervisor.ts'
import { Session } from './session.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { hasSession } from './session-list.ts'

export class SessionRouter {
  readonly #agents: ReadonlyMap<AgentId, AgentDefinition>
  readonly #worldWith: (tasks: TaskSupervisor) => SessionDependencies
  #world: SessionDependencies | undefined
  #supervisor: DynamicSupervisor | undefined
  #onRestart: (() => void) | undefined
  // Sessions that are known to exist, or are about to.
  readonly #existing = new Set<SessionKey>()
  /** New messages are refused. */
  isDraining = false
  /** The tree has ended: nothing is answered any more. */
  hasEnded = false

  /** @param worldWith makes what sessions need of the world, around the supervisor of their tools */
  constructor(agents: ReadonlyMap<AgentId, AgentDefinition>, worldWith: (tasks: TaskSupervisor) => SessionDependencies) {
    this.#agents = agents
    this.#worldWith = worldWith
  }

  /** From now on tools run here. */
  useTasks(tasks: TaskSupervisor): TaskSupervisor {
    this.#world = this.#worldWith(tasks)
    return tasks
  }

  /** From now on sessions are started here. */
  useSupervisor(supervisor: DynamicSupervisor): DynamicSupervisor {
    this.#supervisor = supervisor
    if (this.#onRestart !== undefined) queueMicrotask(this.#onRestart)
    return supervisor
  }

  /** Calls back whenever sessions have lost their supervisor and got another. */
  onRestart(callback: () => void): void {
    this.#onRestart = callback
  }

  /** Resolves with a session that exists. Rejects as `begin` does, and `unknown-session` for one without a message or settings. */
  async find(key: SessionKey): Promise<Session> {
    this.#agentOf(key)
    const world = this.#world
    if (world !== undefined && !this.#existing.has(key) && world.activity.lastSeen(key) === undefined) {
      const isStored = await hasSession(world.store, world.tenant, key)
      // A first message may have come meanwhile.
      if (!isStored && !this.#existing.has(key)) {
        throw new BeamClawError('unknown-session', `There is no session "${key}"; its first message begins it`, {
          details: { sessionKey: key },
        })
      }
    }
    return this.begin(key)
  }

  /** Resolves with a running session, which exists from now on. Rejects `unknown-agent`, or with what kept it from starting. */
  async begin(key: SessionKey): Promise<Session> {
    if (this.hasEnded) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended; start one again, and send then')
    const agent = this.#agentOf(key)
    this.#existing.add(key)
    const supervisor = this.#supervisor
    const world = this.#world
    if (supervisor === undefined || world === undefined)
      throw new BeamClawError('internal', 'Sessions were asked for before there was a place to start them')
    const start = (): Session => new Session(key, agent, world)
    try {
      const actor = await supervisor.ensureChild({ id: key, restart: 'transient', start })
      if (actor !== IGNORE) return actor
    } catch (error) {
      // Callers care for what was wrong with the journal, not for who was starting it.
      throw BeamClawError.isInstance(error, 'child-start-failed') && BeamClawError.isInstance(error.cause) ? error.cause : error
    }
    throw new BeamClawError('internal', `Session "${key}" did not start`)
  }

  #agentOf(key: SessionKey): AgentDefinition {
    const { agentId } = sessionKeyParts(key)
    const agent = this.#agents.get(agentId)
    if (agent !== undefined) return agent
    const nearest = nearestName(agentId, [...this.#agents.keys()])
    const hint = nearest === undefined ? `known agents are ${[...this.#agents.keys()].join(', ')}` : `did you mean "${nearest}"?`
    throw new BeamClawError('unknown-agent', `There is no agent "${agentId}"; ${hint}`, { details: { agentId } })
  }
}
