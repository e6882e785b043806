/** Finds the session of a key, here or at another node, and starts it if it is not running. Hands out replies: the session itself may live elsewhere. */
import { type DynamicSupervisor, IGNORE } from '@beamclaw/actor'
import type { AgentDefinition } from '../agent/agent.ts'
import { unknownAgent } from '../agent/agent-list.ts'
import { removedAgent } from '../agent/removed-agent.ts'
import { allSettled } from '../base/all-settled.ts'
import { BeamClawError } from '../base/errors.ts'
import { type AgentId, type SessionKey, sessionKeyParts } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { settlesWithin } from '../base/settles-within.ts'
import { ownerIn } from '../defaults/placement.ts'
import type { NodeRef } from '../ports/cluster.ts'
import { Arrivals } from './arrivals.ts'
import { callWhereItIs, patient, type SessionsHere } from './call-where-it-is.ts'
import { type CheckedContext, type ContextSources, contextOfMessage } from './context-of-message.ts'
import { Departures } from './departures.ts'
import { formatTooNew } from './journal/record-formats.ts'
import { unknownSession } from './journal/store-failure-codes.ts'
import { findJournal } from './listing/find-journal.ts'
import { readRemoteMessage } from './remote-message.ts'
import { moved, type SessionCall } from './remote-sessions.ts'
import { Session, type SessionMessage } from './session.ts'
import { journalKey } from './session-names.ts'
import type { SessionInspection } from './session-replies.ts'
import type { SessionRouterOptions } from './session-router-options.ts'

/** Times that a call is repeated whose session has left in that moment: each is a chance in many, and one that goes on for ever is a defect. */
const mostRepeats = 20

export class SessionRouter {
  readonly #options: SessionRouterOptions
  // Sessions that are known to exist, or that are being started.
  readonly #existing = new Set<SessionKey>()
  // Agents with which sessions were started.
  readonly #definitions = new Map<AgentId, AgentDefinition>()
  // Those of `#existing` that are known to have a message or settings.
  readonly #begun = new Set<SessionKey>()
  readonly #departures: Departures
  // Messages on their way to a session, which does not count as busy yet.
  readonly #arrivals = new Arrivals()
  readonly #here: SessionsHere = {
    checkRuns: () => this.checkRuns(),
    hasAgent: (key) => this.#hasAgent(key),
    has: (key) => this.#existing.has(key),
    checkIsForHere: (key) => this.#checkIsForHere(key),
    call: (key, call) => this.#callHere(key, call),
    taken: (key) => void this.#existing.delete(key),
  }

  constructor(options: SessionRouterOptions) {
    this.#options = options
    this.#departures = new Departures({ ...options, onLeave: (key) => this.left(key) })
  }

  /** Throws `draining` while new messages are refused. */
  checkTakesMessages(): void {
    if (this.#options.phase() !== 'draining' || this.#hasOthers) return
    throw new BeamClawError('draining', 'New messages are refused: this node is draining, and no other one is up', { retryAfterMs: 1_000 })
  }

  /** True when another node can take a session. */
  get #hasOthers(): boolean {
    const { self, members } = this.#options.dependencies.cluster
    return (
      this.#options.remote !== undefined && members.some(({ incarnation, state }) => incarnation !== self.incarnation && state === 'up')
    )
  }

  /** Throws `unknown-agent` for a session whose agent is not configured: another node may have agents that this one does not. */
  checkAgent(key: SessionKey): void {
    if (!this.#hasOthers) this.#agentOf(key)
  }

  /**
   * Resolves with a message's context as the answering agent's schema returns it; after a hand-off that is not the agent of the key. Resolves with
   * undefined where another node has to check it, since this one lacks the agent. Rejects with `unknown-agent`, and as `boundedContext` does.
   */
  async checkedContext(
    key: SessionKey,
    context: JsonValue | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CheckedContext | undefined> {
    if (this.#hasOthers && !this.#hasAgent(key)) return undefined
    return this.#contextBy(key, context, { answering: () => this.ask<AgentId>(key, { type: 'answering' }), signal })
  }

  #contextBy(key: SessionKey, context: JsonValue | undefined, how: Pick<ContextSources, 'answering' | 'signal'>): Promise<CheckedContext> {
    const { agents, services } = this.#options.dependencies
    return contextOfMessage(context, { own: this.#agentOf(key), agents, clock: services.clock, sessions: () => this.#supervisor(), ...how })
  }

  /** Returns the message of a call from a node without its agent, with the context as the schema returns it. Rejects as `boundedContext` does. */
  async #withContext(key: SessionKey, message: SessionMessage): Promise<SessionMessage> {
    if (message.type !== 'send') return message
    const { context, contextBy: _, ...rest } = message
    const answering = (): Promise<AgentId> =>
      this.#callHere<AgentId>(key, { message: { type: 'answering' }, lane: 'control', entry: 'find' })
    return { ...rest, ...(await this.#contextBy(key, context, { answering, signal: undefined })) }
  }

  /**
   * Resolves with an existing session of this node. Rejects as `#start` does, with `unknown-session` for one without a message or settings, and with
   * `unknown-agent` when such a session's agent is not configured. With `isLook`, the work of a session that is not in memory stays as it is.
   */
  async #find(key: SessionKey, isLook: boolean): Promise<Session> {
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
      await this.#call(key, { message: { type: 'exists' }, lane: 'control', entry: 'start' })
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'unknown-session')) return true
      this.#existing.delete(key)
      return false
    }
    if (this.#existing.has(key)) this.#begun.add(key)
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
    // Of several nodes another one may be about to begin the session: the session itself looks.
    if (this.#options.remote === undefined && !this.#existing.has(key) && (await findJournal(store, tenant, key)) === 'none') {
      const [left] = await store.list(journalKey(tenant, key), { limit: 1 })
      // A list may still show it if an earlier deletion failed half-way. Both begin in this turn: a session that begins meanwhile writes its own after them.
      if (left === undefined && !this.#existing.has(key)) {
        await allSettled([store.blobs.deleteAll(journalKey(tenant, key)), this.#options.dependencies.overviews.delete(key)])
        return
      }
    }
    try {
      const message: SessionMessage = { type: 'delete', ...(unusedSince === undefined ? {} : { unusedSince }) }
      await this.#call(key, { message, lane: 'control', entry: 'start' })
    } finally {
      // The store decides whether the session exists now.
      this.#existing.delete(key)
      this.#begun.delete(key)
    }
  }

  /** Resolves with the reply to a message that may begin the session. Rejects as the session does, as its start does, and with `unknown-agent`. */
  begin<T>(key: SessionKey, message: SessionMessage, how: Omit<SessionCall, 'message' | 'entry'> = { lane: 'control' }): Promise<T> {
    return this.#arrivals.take(this.#begin(key, { ...how, message, entry: 'begin' }))
  }

  async #begin<T>(key: SessionKey, call: SessionCall): Promise<T> {
    this.checkAgent(key)
    try {
      return await this.#call<T>(key, call)
    } catch (error) {
      // Removes the empty journal if this message would have begun the session.
      if (BeamClawError.isInstance(error) && error.kind === 'too-large' && !this.#begun.has(key)) await this.isBegun(key)
      throw error
    }
  }

  /** Resolves with the reply of a session that exists to a message that starts a run. Rejects `unknown-session`, and as `begin` does. */
  deliver<T>(key: SessionKey, message: SessionMessage): Promise<T> {
    return this.#arrivals.take(this.#call<T>(key, { message, lane: 'work', entry: 'find' }))
  }

  /** Resolves with the reply of a session that exists, on the control lane. Rejects as `deliver` does. A look does not resume the session. */
  ask<T>(key: SessionKey, message: SessionMessage): Promise<T> {
    return this.#call<T>(key, { message, lane: 'control', entry: 'find' })
  }

  /** Has a session go on with its work, whether or not it has any. Resolves with what it does then, and with whether another node has replied. */
  async wake(key: SessionKey): Promise<SessionInspection & { readonly isElsewhere: boolean }> {
    let isElsewhere = false
    const onRemote = (): void => {
      isElsewhere = true
    }
    const inspection = await this.#call<SessionInspection>(key, { message: { type: 'go-on' }, lane: 'control', entry: 'start' }, onRemote)
    return { ...inspection, isElsewhere }
  }

  async #call<T>(key: SessionKey, call: SessionCall, onRemote?: () => void): Promise<T> {
    const { remote, dependencies } = this.#options
    if (remote === undefined) return this.#callHere<T>(key, call)
    return callWhereItIs<T>(key, call, { ...dependencies, remote, here: this.#here, onRemote })
  }

  /** Carries out a call of another node. Rejects `moved`, with the owner where it is known, for a session that is not to be here, and as `readRemoteMessage` does. */
  async serve<T>(key: SessionKey, call: SessionCall): Promise<T> {
    this.checkRuns()
    readRemoteMessage(call.message, this.#options.dependencies.providers)
    this.#checkIsForHere(key)
    try {
      return await this.#arrivals.take(this.#callHere<T>(key, call))
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'fenced')) throw error
      this.#existing.delete(key)
      throw moved(key, error, ownerIn(error))
    }
  }

  /** True for the key of a session whose agent is configured here. */
  canTake(key: SessionKey): boolean {
    return this.#hasAgent(key)
  }

  #hasAgent(key: SessionKey): boolean {
    return this.#options.dependencies.agents.has(sessionKeyParts(key).agentId)
  }

  /** Throws `unknown-agent` for a session that is to be started where it would only wait for its agent: another node may have it. */
  #checkIsForHere(key: SessionKey): void {
    const isKnown = this.#existing.has(key) || this.#definitions.has(sessionKeyParts(key).agentId)
    if (this.#hasOthers && !isKnown) this.#agentOf(key)
  }

  /** Calls a session of this node, and once more if it left memory in that moment and has not seen the message; what it had in hand it has carried out. */
  async #callHere<T>(key: SessionKey, { message: given, lane, entry, isContextUnchecked }: SessionCall): Promise<T> {
    if (entry === 'begin') {
      if (this.#hasOthers && this.#existing.has(key) && !this.#hasAgent(key)) await this.#departures.giveUp(key)
      this.#agentOf(key)
    }
    const message = isContextUnchecked === true ? await this.#withContext(key, given) : given
    for (let repeats = 0; ; repeats++) {
      const session = await this.#refOf(key, message, entry)
      try {
        return (await session.call(message, { ...patient, lane })) as T
      } catch (error) {
        const isUnseen = BeamClawError.isInstance(error, 'actor-stopped') || BeamClawError.isInstance(error, 'actor-not-running')
        const isOver = repeats === mostRepeats || this.#options.phase() === 'ended'
        if (!isUnseen || !this.#departures.has(session)) throw error
        const begun = session.outcomeOf(message)
        if (begun !== undefined) return (await this.#soon(begun, error)) as T
        if (isOver) throw error
      }
    }
  }

  /** Rejects with `late` where the outcome of a command takes longer than the call may. */
  async #soon<T>(outcome: Promise<T>, late: BeamClawError): Promise<T> {
    const { services } = this.#options.dependencies
    if (await settlesWithin(outcome, patient.timeoutMs, { clock: services.clock, isBackground: true })) return await outcome
    throw late
  }

  #refOf(key: SessionKey, message: SessionMessage, entry: SessionCall['entry']): Promise<Session> {
    if (entry === 'find') return this.#find(key, message.type === 'inspect')
    return this.#start(key, message.type === 'exists' && this.#options.dependencies.activity.isAsleep(key))
  }

  /** Resolves once the messages that are on their way now are accepted or refused. A drain waits for them, and then for their runs. */
  async whenArrived(): Promise<void> {
    await this.#arrivals.settled()
  }

  /**
   * Resolves with a running session of this node, whether or not it was begun or its agent is configured. Rejects with the error that prevented the start.
   * With `isLook`, a session that does not run yet leaves its work alone until its first command; after a crash it goes on.
   */
  async #start(key: SessionKey, isLook: boolean): Promise<Session> {
    const { dependencies } = this.#options
    const supervisor = this.#supervisor()
    if (this.#options.phase() === 'draining' && this.#options.remote !== undefined && !this.#existing.has(key) && this.#hasOthers) {
      const { remote } = this.#options
      const next = (await this.#departures.hasGone(key)) ? remote.nextFor(key) : await remote.handOn(key)
      const draining = new BeamClawError('draining', 'This node is draining, and starts no session any more', { retryAfterMs: 1_000 })
      throw next === undefined ? draining : moved(key, draining, next)
    }
    const { agentId } = sessionKeyParts(key)
    const agent = this.#lastDefinition(agentId)
    this.#existing.add(key)
    let isFirst = true
    const start = (): Session => {
      const session: Session = new Session(key, agent, dependencies, {
        isLook: isLook && isFirst,
        onIdle: () => void this.#departures.leave(key, session),
      })
      isFirst = false
      return session
    }
    try {
      const actor = await supervisor.ensureChild({ id: key, restart: 'transient', start })
      if (actor !== IGNORE) return actor
    } catch (error) {
      // Of several nodes, another one may have it now: the cluster is asked the next time.
      if (this.#options.remote !== undefined) this.#existing.delete(key)
      // Callers need the problem with the journal, not the name of the supervisor that was starting the session.
      const problem = BeamClawError.isInstance(error, 'child-start-failed') && BeamClawError.isInstance(error.cause) ? error.cause : error
      const format = formatTooNew(problem)
      const { remote } = this.#options
      throw format === undefined || remote === undefined ? problem : await remote.handToReader(key, problem, format)
    }
    throw new BeamClawError('internal', `Session "${key}" did not start`)
  }

  /** True for a failure of a node of several that will pass: it does not reach its cluster or its store. */
  isOutage(error: unknown): boolean {
    if (this.#options.remote === undefined || this.#options.phase() === 'ended') return false
    return BeamClawError.isInstance(error, 'node-isolated') || BeamClawError.isInstance(error, 'store-io')
  }

  /** Takes that a session is not at this node any more. */
  left(key: SessionKey): void {
    this.#existing.delete(key)
    this.#begun.delete(key)
  }

  /**
   * Hands a session without work to another node, which starts it: it would be placed here again once that node's right to it has lapsed. Resolves with
   * whether it has left. Never rejects.
   */
  async giveTo(key: SessionKey, node: NodeRef): Promise<boolean> {
    if (this.#options.phase() !== 'running' || !(await this.#departures.giveTo(key, node))) return false
    // One that could not be started there is started at its next use, where the cluster says then.
    await this.wake(key).catch(() => {})
    return true
  }

  /** As `Departures.letGo`. */
  async letGo(stepMs: number, onGone?: (key: SessionKey) => void): Promise<readonly SessionKey[]> {
    const keys = await this.#departures.letGo(stepMs, onGone)
    // Also those whose actors were killed before.
    for (const key of [...this.#existing]) this.left(key)
    return keys
  }

  /** Throws `actor-not-running` once this BeamClaw has ended, and `node-isolated` while the other nodes do not hear it. */
  checkRuns(): void {
    if (this.#options.phase() === 'isolated')
      throw new BeamClawError('node-isolated', 'This node has lost its cluster, and does nothing until it is back', { retryAfterMs: 1_000 })
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
