/** Finds the session of a key, and starts it if it is not running. Returns references: the session itself may live elsewhere. */
import { type ActorRef, type DynamicSupervisor, IGNORE, type MailboxLane } from '@beamclaw/actor'
import { definedOnly } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import { unknownAgent } from '../agent/agent-list.ts'
import { removedAgent } from '../agent/removed-agent.ts'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, type SessionKey, sessionKeyParts } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { boundedContext } from './bounded-context.ts'
import { allSettled } from './commands/command.ts'
import type { NewMessage } from './commands/message-intake.ts'
import { unknownSession } from './journal/store-failure-codes.ts'
import { findJournal } from './listing/find-journal.ts'
import { Session, type SessionMessage, type SessionReply } from './session.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { journalKey } from './session-names.ts'

/** A session may have to read a long journal before it replies. */
export const patient = { timeoutMs: 60_000 }

/** `draining`: new messages are refused. `ended`: all calls are refused. */
export type NodePhase = 'running' | 'draining' | 'ended'

export type SessionRef = ActorRef<SessionMessage, SessionReply>

export interface SessionRouterOptions {
  /** Returns the supervisor of the sessions; undefined while there is none. */
  readonly sessions: () => DynamicSupervisor | undefined
  readonly phase: () => NodePhase
  readonly dependencies: SessionDependencies
}

export class SessionRouter {
  readonly #options: SessionRouterOptions
  // Sessions that are known to exist, or that are being started.
  readonly #existing = new Set<SessionKey>()
  // Agents with which sessions were started.
  readonly #definitions = new Map<AgentId, AgentDefinition>()
  // Those of `#existing` that are known to have a message or settings.
  readonly #begun = new Set<SessionKey>()
  // Sessions that have left memory by themselves.
  readonly #left = new WeakSet<SessionRef>()
  // Messages on their way to a session, which does not count as busy yet.
  readonly #arriving = new Set<Promise<unknown>>()

  constructor(options: SessionRouterOptions) {
    this.#options = options
  }

  /** Throws `draining` while new messages are refused. */
  checkTakesMessages(): void {
    if (this.#options.phase() !== 'draining') return
    throw new BeamClawError('draining', 'New messages are refused: this node is about to stop', { retryAfterMs: 1_000 })
  }

  /** Throws `unknown-agent` for a session whose agent is not configured. */
  checkAgent(key: SessionKey): void {
    this.#agentOf(key)
  }

  /**
   * Resolves with a message's context as the answering agent's schema returns it; after a hand-off that is not the agent of the key. Rejects with
   * `unknown-agent`, and as `boundedContext` does.
   */
  async checkedContext(
    key: SessionKey,
    context: JsonValue | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Pick<NewMessage, 'context' | 'contextBy'>> {
    const own = this.#agentOf(key)
    const agent = this.#areContextsChecked ? await this.#answering(key, own) : own
    if (agent.context === undefined) return definedOnly({ context, contextBy: agent.id === own.id ? undefined : agent.id })
    const { clock } = this.#options.dependencies.services
    const parsed = await boundedContext(agent, context, { clock, sessions: this.#supervisor(), signal })
    return definedOnly({ context: parsed, contextBy: agent.id === own.id ? undefined : agent.id })
  }

  /** False when the answering agent makes no difference: there is only one agent, or none has a schema. */
  get #areContextsChecked(): boolean {
    const { agents } = this.#options.dependencies
    return agents.size > 1 && [...agents.values()].some(({ context }) => context !== undefined)
  }

  /** Resolves with the agent that answers in a session; the agent of its key if the session was not begun. */
  async #answering(key: SessionKey, own: AgentDefinition): Promise<AgentDefinition> {
    try {
      const id = await this.ask<AgentId>(key, { type: 'answering' })
      return this.#options.dependencies.agents.get(id) ?? own
    } catch (error) {
      if (BeamClawError.isInstance(error, 'unknown-session')) return own
      throw error
    }
  }

  /**
   * Resolves with an existing session. Rejects as `start` does, with `unknown-session` for one without a message or settings, and with `unknown-agent`
   * when such a session's agent is not configured. With `isLook`, the work of a session that is not in memory stays as it is.
   */
  async find(key: SessionKey, isLook = false): Promise<SessionRef> {
    this.checkRuns()
    const { store, tenant, activity } = this.#options.dependencies
    if (!this.#existing.has(key) && activity.lastSeen(key) === undefined) {
      const isStored = (await findJournal(store, tenant, key)) !== 'none'
      // A first message may have arrived meanwhile.
      if (!isStored && !this.#existing.has(key)) {
        this.#agentOf(key)
        void this.#options.dependencies.overviews.gone(key)
        throw unknownSession(key)
      }
    }
    return this.#start(key, isLook)
  }

  /** Resolves with whether the session was begun, and begins none. Rejects as the store does. */
  async exists(key: SessionKey): Promise<boolean> {
    this.checkRuns()
    const { store, tenant } = this.#options.dependencies
    const journal = await findJournal(store, tenant, key)
    if (journal === 'none' && !this.#existing.has(key)) void this.#options.dependencies.overviews.gone(key)
    return journal === 'described' || (journal === 'bare' && (await this.isBegun(key)))
  }

  /**
   * Resolves with true for a journal that is not empty, or that cannot be opened here. A journal without documents may be left over from a refused first
   * message: the session itself checks that, and removes it. The work of a session that waits to be resumed stays as it is.
   */
  async isBegun(key: SessionKey): Promise<boolean> {
    if (this.#begun.has(key)) return true
    try {
      const isLook = this.#options.dependencies.activity.isAsleep(key)
      await this.#call(() => this.#start(key, isLook), { type: 'exists' })
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'unknown-session')) return true
      this.#existing.delete(key)
      return false
    }
    this.#begun.add(key)
    return true
  }

  /** True for a session that is in memory, or is being loaded. */
  isStarted(key: SessionKey): boolean {
    return this.#existing.has(key)
  }

  /**
   * Deletes a session, or the leftovers of a deletion; with `unusedSince`, only if its last record is not newer. Rejects as `start` does, with
   * `session-busy`, or as the store does.
   */
  async delete(key: SessionKey, unusedSince?: number): Promise<void> {
    this.checkRuns()
    const { store, tenant } = this.#options.dependencies
    if (!this.#existing.has(key) && (await findJournal(store, tenant, key)) === 'none') {
      const [left] = await store.list(journalKey(tenant, key), { limit: 1 })
      // A list may still show it if an earlier deletion failed half-way. Both begin in this turn: a session that begins meanwhile writes its own after them.
      if (left === undefined && !this.#existing.has(key)) {
        await allSettled([store.blobs.deleteAll(journalKey(tenant, key)), this.#options.dependencies.overviews.delete(key)])
        return
      }
    }
    try {
      await this.#call(() => this.start(key), { type: 'delete', ...(unusedSince === undefined ? {} : { unusedSince }) })
    } finally {
      // The store decides whether the session exists now.
      this.#existing.delete(key)
      this.#begun.delete(key)
    }
  }

  /** Resolves with the reply to a message that may begin the session. Rejects as the session does, as `start` does, and with `unknown-agent`. */
  begin<T>(key: SessionKey, message: SessionMessage, lane: MailboxLane = 'control'): Promise<T> {
    return this.#arrive(this.#begin(key, message, lane))
  }

  async #begin<T>(key: SessionKey, message: SessionMessage, lane: MailboxLane): Promise<T> {
    this.#agentOf(key)
    try {
      return await this.#call<T>(() => this.start(key), message, lane)
    } catch (error) {
      // Removes the empty journal if this message would have begun the session.
      if (BeamClawError.isInstance(error) && error.kind === 'too-large' && !this.#begun.has(key)) await this.isBegun(key)
      throw error
    }
  }

  /** Resolves with the reply of a session that exists to a message that starts a run. Rejects as `find` does. */
  deliver<T>(key: SessionKey, message: SessionMessage): Promise<T> {
    return this.#arrive(this.#call<T>(() => this.find(key), message, 'work'))
  }

  /** Resolves with the reply of a session that exists, on the control lane. Rejects as `find` does. A look does not resume the session. */
  ask<T>(key: SessionKey, message: SessionMessage): Promise<T> {
    return this.#call<T>(() => this.find(key, message.type === 'inspect'), message)
  }

  /** Calls a session, and once more if it left memory in that moment: it had nothing in hand then, so it has not seen the message. */
  async #call<T>(find: () => Promise<SessionRef>, message: SessionMessage, lane: MailboxLane = 'control'): Promise<T> {
    for (;;) {
      const session = await find()
      try {
        return (await session.call(message, { ...patient, lane })) as T
      } catch (error) {
        const isUnseen = BeamClawError.isInstance(error, 'actor-stopped') || BeamClawError.isInstance(error, 'actor-not-running')
        if (!isUnseen || !this.#left.has(session) || this.#options.phase() === 'ended') throw error
      }
    }
  }

  /** Resolves once the messages that are on their way now are accepted or refused. A drain waits for them, and then for their runs. */
  async whenArrived(): Promise<void> {
    await Promise.allSettled(this.#arriving)
  }

  /** Returns the promise itself: a caller that hears of its message later could miss the first pieces of its answer. */
  #arrive<T>(reply: Promise<T>): Promise<T> {
    const forget = (): void => void this.#arriving.delete(reply)
    this.#arriving.add(reply)
    reply.then(forget, forget)
    return reply
  }

  /** Resolves with a running session, whether or not it was begun or its agent is configured. Rejects with the error that prevented the start. */
  start(key: SessionKey): Promise<SessionRef> {
    return this.#start(key, false)
  }

  /** With `isLook`, a session that does not run yet leaves its work alone until its first command; after a crash it goes on. */
  async #start(key: SessionKey, isLook: boolean): Promise<SessionRef> {
    const { dependencies } = this.#options
    const supervisor = this.#supervisor()
    const { agentId } = sessionKeyParts(key)
    const agent = this.#lastDefinition(agentId)
    this.#existing.add(key)
    let isFirst = true
    const start = (): Session => {
      const session: Session = new Session(key, agent, dependencies, { isLook: isLook && isFirst, onIdle: () => this.#leave(key, session) })
      isFirst = false
      return session
    }
    try {
      const actor = await supervisor.ensureChild({ id: key, restart: 'transient', start })
      if (actor !== IGNORE) return actor
    } catch (error) {
      // Callers need the problem with the journal, not the name of the supervisor that was starting the session.
      throw BeamClawError.isInstance(error, 'child-start-failed') && BeamClawError.isInstance(error.cause) ? error.cause : error
    }
    throw new BeamClawError('internal', `Session "${key}" did not start`)
  }

  /** Removes a session without work from memory. A call that comes meanwhile waits for its end, and starts it again. */
  #leave(key: SessionKey, session: Session): void {
    this.#options.dependencies.overviews.left(key)
    this.#existing.delete(key)
    this.#begun.delete(key)
    this.#left.add(session)
    this.#options
      .sessions()
      ?.terminateChild(session)
      // It ended by itself.
      .catch(() => {})
  }

  /** Throws `actor-not-running` once this BeamClaw has ended. */
  checkRuns(): void {
    if (this.#options.phase() === 'ended')
      throw new BeamClawError('actor-not-running', 'This BeamClaw has ended; start one again, and use that')
  }

  /** Returns the supervisor of the sessions. Throws `actor-not-running` when there is none now, or none any more. */
  #supervisor(): DynamicSupervisor {
    this.checkRuns()
    const supervisor = this.#options.sessions()
    if (supervisor !== undefined) return supervisor
    throw new BeamClawError('actor-not-running', 'Sessions are being started again; try again in a moment')
  }

  /** Returns the agent's last known definition. Its runs are finished with that, even if the agent was removed meanwhile. */
  #lastDefinition(id: AgentId): AgentDefinition {
    const agent = this.#options.dependencies.agents.get(id) ?? this.#definitions.get(id)
    if (agent === undefined) return removedAgent(id)
    this.#definitions.set(id, agent)
    return agent
  }

  #agentOf(key: SessionKey): AgentDefinition {
    const { agents } = this.#options.dependencies
    const { agentId } = sessionKeyParts(key)
    const agent = agents.get(agentId)
    if (agent !== undefined) return agent
    throw unknownAgent(agentId, [...agents.keys()])
  }
}
