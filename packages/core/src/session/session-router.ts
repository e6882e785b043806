/** Finds the session of a key, and starts it when it is not up. Hands out a reference: the session itself may live elsewhere. */
import type { ActorRef } from '../actor/actor-ref.ts'
import { IGNORE } from '../actor/internals.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { unknownAgent } from '../agent/agent-list.ts'
import { BeamClawError } from '../base/errors.ts'
import { type SessionKey, sessionKeyParts } from '../base/ids.ts'
import { type Fail, jsonOf } from '../base/message-check.ts'
import type { JsonValue } from '../base/messages.ts'
import type { DynamicSupervisor } from '../supervisor/dynamic-supervisor.ts'
import { describeIssues, validated } from '../tool/standard-schema.ts'
import { unknownSession } from './journal/store-failure-codes.ts'
import { Session, type SessionMessage, type SessionReply } from './session.ts'
import { journalKey, type SessionDependencies } from './session-dependencies.ts'
import { hasSession } from './session-list.ts'

/** A session may have to read a long journal before it answers. */
export const patient = { timeoutMs: 60_000 }

/** `draining`: new messages are refused. `ended`: everything is. */
export type NodePhase = 'running' | 'draining' | 'ended'

export type SessionRef = ActorRef<SessionMessage, SessionReply>

export interface SessionRouterOptions {
  /** Returns where sessions run now; undefined while there is no such place. */
  readonly sessions: () => DynamicSupervisor | undefined
  readonly phase: () => NodePhase
  readonly dependencies: SessionDependencies
}

export class SessionRouter {
  readonly #options: SessionRouterOptions
  // Sessions that are known to exist, or are about to.
  readonly #existing = new Set<SessionKey>()

  constructor(options: SessionRouterOptions) {
    this.#options = options
  }

  /** Throws `draining` when new messages are refused. */
  checkTakesMessages(): void {
    if (this.#options.phase() !== 'draining') return
    throw new BeamClawError('draining', 'New messages are refused: this node is about to stop', { retryAfterMs: 1_000 })
  }

  /** Resolves with a message's context as its agent's schema makes it. Rejects `invalid-message`, or `unknown-agent`. */
  async checkedContext(key: SessionKey, context: JsonValue | undefined): Promise<JsonValue | undefined> {
    const { id, context: schema } = this.#agentOf(key)
    if (schema === undefined) return context
    const fail: Fail = (problem) => new BeamClawError('invalid-message', `send: context: ${problem}`)
    const checked = await validated(schema, context, (problem) => fail(`the schema of agent "${id}" failed: ${problem}`))
    if (checked.issues !== undefined) throw fail(describeIssues(checked.issues))
    return checked.value === undefined ? undefined : jsonOf(checked.value, 'context', fail)
  }

  /** Resolves with a session that exists. Rejects as `begin` does, and `unknown-session` for one without a message or settings. */
  async find(key: SessionKey): Promise<SessionRef> {
    this.#agentOf(key)
    const { store, tenant, activity } = this.#options.dependencies
    if (!this.#existing.has(key) && activity.lastSeen(key) === undefined) {
      const isStored = await hasSession(store, tenant, key)
      // A first message may have come meanwhile.
      if (!isStored && !this.#existing.has(key)) {
        throw unknownSession(key)
      }
    }
    return this.begin(key)
  }

  /** Resolves with true for a session that the store has; starts nothing. Rejects as the store does. */
  exists(key: SessionKey): Promise<boolean> {
    const { store, tenant } = this.#options.dependencies
    return hasSession(store, tenant, key)
  }

  /** Deletes a session, and what the deletion of one has left behind. Rejects as `begin` does, `session-busy`, or as the store does. */
  async delete(key: SessionKey): Promise<void> {
    const { store, tenant } = this.#options.dependencies
    this.#agentOf(key)
    if (!this.#existing.has(key) && !(await this.exists(key))) {
      const [left] = await store.list(journalKey(tenant, key), { limit: 1 })
      if (left === undefined) return
    }
    try {
      await (await this.begin(key)).call({ type: 'delete' }, { ...patient, lane: 'control' })
    } finally {
      // Whether it is there now, the store says.
      this.#existing.delete(key)
    }
  }

  /** Resolves with a running session, which exists from now on. Rejects `unknown-agent`, or with what kept it from starting. */
  async begin(key: SessionKey): Promise<SessionRef> {
    const { sessions, phase, dependencies } = this.#options
    if (phase() === 'ended') throw new BeamClawError('actor-not-running', 'This BeamClaw has ended; start one again, and send then')
    const agent = this.#agentOf(key)
    const supervisor = sessions()
    if (supervisor === undefined) throw new BeamClawError('actor-not-running', 'Sessions are being started again; try again in a moment')
    this.#existing.add(key)
    const start = (): Session => new Session(key, agent, dependencies)
    try {
      const actor = await supervisor.ensureChild({ id: key, restart: 'transient', start })
      if (actor !== IGNORE) return actor
    } catch (error) {
      // Callers need what was wrong with the journal, not which supervisor was starting the session.
      throw BeamClawError.isInstance(error, 'child-start-failed') && BeamClawError.isInstance(error.cause) ? error.cause : error
    }
    throw new BeamClawError('internal', `Session "${key}" did not start`)
  }

  #agentOf(key: SessionKey): AgentDefinition {
    const { agents } = this.#options.dependencies
    const { agentId } = sessionKeyParts(key)
    const agent = agents.get(agentId)
    if (agent !== undefined) return agent
    throw unknownAgent(agentId, [...agents.keys()])
  }
}
