/**
 * The part of a session that is in memory: how it is loaded from the journal, and how it is unloaded.
 *
 * Phases: `asleep → waking → awake → asleep` and `awake → deleting → deleted`, see `session-phase.ts`.
 * Owns the log of the journal while the session lives, and all state loaded from it.
 * I1: Only this class changes the phase. State is discarded as a whole, and the journal is read again.
 * I2: No state is loaded while the session is being deleted: callers wait for the end of the deletion.
 * I3: What an earlier load still hears from the store changes nothing outside of it.
 * I4: A command that reads a session that was never begun removes its journal, unless another command is beginning the session.
 */
import type { ActorContext } from '@beamclaw/actor'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { AgentId, SessionKey } from '../base/ids.ts'
import { placementOf } from '../defaults/placement.ts'
import type { Lease, NodeRef } from '../ports/cluster.ts'
import type { AppendLog } from '../ports/store.ts'
import { checkAtRest } from './commands/command.ts'
import { openOwnedLog } from './journal/open-owned-log.ts'
import { typedFailure } from './journal/store-failure-codes.ts'
import { entryOf } from './listing/session-entry.ts'
import { isEmpty, type LoadedSession, loadSession } from './loaded-session.ts'
import { publishLastRecord } from './publish-last-record.ts'
import { resumption } from './run/resumption.ts'
import { SessionBeginning } from './session-beginning.ts'
import { deleteEmpty, deleteSession, removeLeftovers } from './session-deletion.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { journalKey, sessionLease } from './session-names.ts'
import { type Aftermath, asleep, deleted, loadedOf, type SessionPhase } from './session-phase.ts'
import { hasWork } from './state/has-work.ts'
import { isParked } from './state/run-approvals.ts'

/** The members of an actor's context that the session's work needs. */
export type WorkContext = Pick<ActorContext, 'signal' | 'keepAwake' | 'waitUntil'>

export interface SessionMemoryOptions {
  readonly key: SessionKey
  readonly dependencies: SessionDependencies
  /** The actor of the session. */
  readonly owner: { readonly isAlive: boolean }
  readonly agent: () => AgentDefinition
  /** Called each time the session has been loaded. */
  readonly onAwake: (loaded: LoadedSession, context: WorkContext) => void
}

export class SessionMemory {
  readonly #key: SessionKey
  readonly #dependencies: SessionDependencies
  readonly #owner: SessionMemoryOptions['owner']
  readonly #agentNow: () => AgentDefinition
  readonly #onAwake: SessionMemoryOptions['onAwake']
  readonly beginning = new SessionBeginning()
  /** The node that gets the session when it is closed; without one, the cluster decides. */
  heir: NodeRef | undefined
  #phase: SessionPhase = asleep
  #loads = 0
  /** The lease with whose token the log of the phase was opened. */
  #lease: Lease | undefined
  /** The agent that answered when the session was last in memory. */
  #answeredBy: AgentId | undefined

  constructor({ key, dependencies, owner, agent, onAwake }: SessionMemoryOptions) {
    this.#key = key
    this.#dependencies = dependencies
    this.#owner = owner
    this.#agentNow = agent
    this.#onAwake = onAwake
  }

  get loaded(): LoadedSession | undefined {
    return loadedOf(this.#phase)
  }

  /** True while the journal is being read: a failure then has discarded no state. */
  get isWaking(): boolean {
    return this.#phase.is === 'waking'
  }

  isLoaded(loaded: LoadedSession): boolean {
    return this.#owner.isAlive && this.loaded === loaded
  }

  /** The agent that answers, or that answered when the session was last in memory. */
  get answeredBy(): AgentId {
    return this.loaded?.agent().id ?? this.#answeredBy ?? this.#agentNow().id
  }

  get isDeleting(): boolean {
    return this.#phase.is === 'deleting'
  }

  /** Resolves once no deletion is in progress. */
  async settled(): Promise<void> {
    while (this.#phase.is === 'deleting') await this.#phase.done
  }

  /** Discards everything but the log. */
  fallAsleep(): void {
    if (this.#phase.is !== 'awake') return
    this.#answeredBy = this.#phase.loaded.agent().id
    this.#phase = { ...asleep, log: this.#phase.log }
  }

  /** True when a later incarnation can go on from the journal alone. */
  get isAtRest(): boolean {
    return (this.#phase.is === 'asleep' && this.#phase.aftermath === undefined) || this.#phase.is === 'deleted'
  }

  /** Discards the state in memory, and closes the log. */
  letGo({ cause, refused }: Aftermath): void {
    const { log, aftermath } = this.#phase
    this.#phase = { ...asleep, aftermath: { cause, refused: refused ?? aftermath?.refused } }
    log?.close().catch(() => {})
  }

  /** Waits for a deletion in progress, closes the log, and gives the session up: any node may have it next. Rejects as the store does. */
  async close(): Promise<void> {
    if (this.#phase.is === 'deleting') await this.#phase.done
    try {
      await this.#phase.log?.close()
    } finally {
      await this.#release()
    }
  }

  /** A lease that is not released costs nothing but a hand-over: this node has it, or no node has once this one has left. */
  async #release(): Promise<void> {
    const { cluster, phase, places } = this.#dependencies
    const lease = this.#lease
    if (lease === undefined) return
    this.#lease = undefined
    const others = phase() === 'draining' ? cluster.members.filter(({ incarnation }) => incarnation !== cluster.self.incarnation) : []
    const to = this.heir ?? placementOf(lease.key, others)
    await cluster.release(lease, to).catch(() => {})
    places?.sessionMoved(lease.key, to)
  }

  // ---- begin and end

  /** Resolves with false for a session that was never begun, and removes its journal. */
  async checkBegun(type: string, context: WorkContext): Promise<boolean> {
    for (;;) {
      await this.settled()
      if (this.#phase.is === 'deleted') return false
      if (this.beginning.isKnown) return true
      const loaded = await this.load(context)
      // The state was discarded meanwhile.
      if (this.#owner.isAlive && !this.isLoaded(loaded)) continue
      if (this.beginning.isUnderWay) {
        if (!isEmpty(loaded) && type !== 'exists') return true
        await this.beginning.settled()
        continue
      }
      this.beginning.isKnown = !isEmpty(loaded)
      if (this.beginning.isKnown || !this.#owner.isAlive || this.#lease === undefined) return true
      const error = await this.#end(deleteEmpty(this.#key, this.#lease.token, this.#dependencies), loaded.log, context)
      // Another owner may have begun the session. Any other error while removing the journal does not mean that the session exists.
      if (error?.code === 'fenced') throw error
      return false
    }
  }

  /**
   * Deletes the session, or the leftovers of an earlier deletion. Resolves with false when the state has changed meanwhile; the caller then tries again.
   * Rejects with `session-busy`, and with the error that prevented the deletion or a part of it.
   */
  async delete(context: WorkContext, unusedSince = Number.POSITIVE_INFINITY): Promise<boolean> {
    let error: BeamClawError | undefined
    if (this.#phase.is === 'deleted') error = await this.#end(Promise.resolve(), undefined, context)
    else {
      const loaded = await this.load(context)
      const token = this.#lease?.token
      if (!this.isLoaded(loaded) || token === undefined) return false
      // A message whose attachments are being written has used the session. A caller who deletes it means that message too.
      const isUsed = Number.isFinite(unusedSince) && loaded.attachments.isWriting
      checkAtRest(this.#key, loaded.state, isUsed ? Number.NEGATIVE_INFINITY : unusedSince)
      error = await this.#end(
        deleteSession(this.#key, loaded, token, this.#dependencies, () => this.#owner.isAlive),
        loaded.log,
        context,
      )
    }
    if (error !== undefined) throw error
    return true
  }

  /** Blocks all commands until the deletion has succeeded or failed. Resolves as `#endOf` does. */
  async #end(deletion: Promise<void>, log: AppendLog | undefined, context: WorkContext): Promise<BeamClawError | undefined> {
    const settled = this.#endOf(deletion, log)
    this.#phase = { is: 'deleting', log, aftermath: undefined, done: settled.then(() => {}) }
    context.waitUntil(settled)
    return settled
  }

  /** Resolves with the error that prevented the deletion or a part of it; undefined on success. */
  async #endOf(deletion: Promise<void>, log: AppendLog | undefined): Promise<BeamClawError | undefined> {
    let next: SessionPhase = asleep
    try {
      await deletion
      next = deleted
      this.beginning.isKnown = false
      this.#answeredBy = undefined
      await removeLeftovers(this.#key, this.#dependencies, () => this.#owner.isAlive)
      return undefined
    } catch (error) {
      // If the journal still exists, the session continues from it. Otherwise another call removes the leftovers.
      return typedFailure(this.#key, error)
    } finally {
      this.#phase = next
      log?.close().catch(() => {})
    }
  }

  // ---- waking

  /** Returns the loaded session, and loads it first if it is not in memory. Rejects with the error that prevented it. */
  load(context: WorkContext): LoadedSession | Promise<LoadedSession> {
    return this.loaded ?? this.wake(context)
  }

  /**
   * Reads whether the session was begun, and leaves its work alone until `wake`. For `init`: no command may be under way. Rejects with the error that
   * prevented it.
   */
  async look(): Promise<void> {
    let log: AppendLog | undefined
    try {
      log = await this.#openLog()
      const loaded = await this.#load(log)
      this.#checkAlive()
      this.beginning.isKnown = !isEmpty(loaded)
      this.#list(loaded)
      this.#answeredBy = loaded.agent().id
      this.#phase = { ...asleep, log }
    } catch (error) {
      log?.close().catch(() => {})
      throw typedFailure(this.#key, error)
    }
  }

  /** Throws `actor-killed` for a session that was killed during the read, so that its state may be out of date. */
  #checkAlive(): void {
    if (!this.#owner.isAlive) throw new BeamClawError('actor-killed', `Session "${this.#key}" was killed while it woke`)
  }

  /** Reads the journal, once for all concurrent callers, and resumes the work in it. */
  wake(context: WorkContext): Promise<LoadedSession> {
    const before = this.#phase
    if (before.is === 'waking') return before.loading
    if (before.is === 'awake') return Promise.resolve(before.loaded)
    if (before.is === 'deleting') return before.done.then(() => this.wake(context))
    const loading = this.#open(before.log, before.aftermath, context)
    this.#phase = { is: 'waking', log: before.log, aftermath: before.aftermath, loading }
    return loading
  }

  async #open(opened: SessionPhase['log'], aftermath: Aftermath | undefined, context: WorkContext): Promise<LoadedSession> {
    const failed = { ...asleep, aftermath }
    let log: SessionPhase['log']
    try {
      log = opened ?? (await this.#openLog())
      // Readers of records need only the log.
      if (this.#phase.is === 'waking') this.#phase = { ...this.#phase, log }
      const loaded = await this.#load(log)
      this.#checkAlive()
      await this.#goOn(loaded, aftermath, context)
      return loaded
    } catch (error) {
      // The next command opens the log again.
      this.#phase = failed
      log?.close().catch(() => {})
      throw typedFailure(this.#key, error)
    }
  }

  #load(log: AppendLog): Promise<LoadedSession> {
    const load = ++this.#loads
    const isCurrent = (): boolean => this.#owner.isAlive && this.#loads === load
    return loadSession(this.#key, log, this.#dependencies, { agent: () => this.#agentNow(), isCurrent })
  }

  async #openLog(): Promise<AppendLog> {
    const { tenant } = this.#dependencies
    const lease = sessionLease(tenant, this.#key)
    const { log, lease: held } = await openOwnedLog(this.#dependencies, lease, journalKey(tenant, this.#key), this.#owner)
    this.#lease = held
    this.#dependencies.places?.sessionStarted(held.key)
    return log
  }

  /** Shows lists what is durable of the session. */
  #list(loaded: LoadedSession): void {
    if (isEmpty(loaded)) return
    const { activity, overviews } = this.#dependencies
    overviews.loaded(entryOf(this.#key, loaded.state, loaded.settings.value), { isListed: activity.isListed(this.#key) })
  }

  /** Records what follows from the previous incarnation, and resumes. */
  async #goOn(loaded: LoadedSession, aftermath: Aftermath | undefined, context: WorkContext): Promise<void> {
    const { state, journal, log, settings } = loaded
    const { activity, overviews } = this.#dependencies
    this.#list(loaded)
    if (aftermath?.cause === 'store' || activity.isListed(this.#key)) void publishLastRecord(this.#key, loaded, this.#dependencies)
    for (const runId of [...state.cancelled]) journal.stage({ type: 'run-end', runId, outcome: 'aborted' })
    // A run that waits for a decision was interrupted in nothing.
    if (state.current !== undefined && !isParked(state.current)) journal.stage(resumption(state.current, aftermath))
    // No later step flushes these entries.
    if (!hasWork(state)) await journal.flush()
    this.#phase = { is: 'awake', log, aftermath: undefined, loaded }
    // The session may be listed as busy, because its last end was not recorded.
    if (!hasWork(state) && activity.end(this.#key) && !isEmpty(loaded)) overviews.note(entryOf(this.#key, state, settings.value))
    this.#onAwake(loaded, context)
  }
}
