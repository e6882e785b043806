/**
 * What of one session is in memory: how it comes there from the journal, and how it goes.
 *
 * Phases: `asleep → waking → awake → asleep` and `awake → deleting → deleted`, see `session-phase.ts`.
 * Owns the log of the journal while the session lives, and everything that is loaded from it.
 * I1: Only this class changes the phase. What is let go of is let go of as a whole, and the journal is read again.
 * I2: Nothing is loaded while the session is being deleted: who asks waits for the end of that.
 * I3: What reads a session that was never begun removes its journal, but for one that is being begun.
 */
import type { ActorContext } from '../actor/actor-ref.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { AgentId, SessionKey } from '../base/ids.ts'
import type { AppendLog, FencingToken } from '../ports/store.ts'
import { checkAtRest } from './commands/command.ts'
import { openOwnedLog } from './journal/open-owned-log.ts'
import { typedFailure } from './journal/store-failure-codes.ts'
import { hasWork, isEmpty, type LoadedSession, loadSession } from './loaded-session.ts'
import { resumption } from './run/resumption.ts'
import { SessionBeginning } from './session-beginning.ts'
import { deleteEmpty, deleteSession, removeLeftovers } from './session-deletion.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { journalKey, sessionLease } from './session-names.ts'
import { overviewOf } from './session-overview.ts'
import { type Aftermath, asleep, deleted, loadedOf, type SessionPhase } from './session-phase.ts'

/** What of an actor's context its work needs. */
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
  #phase: SessionPhase = asleep
  /** With which the log of the phase was opened. */
  #token: FencingToken | undefined
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

  /** True while the journal is being read: what fails then has let go of nothing. */
  get isWaking(): boolean {
    return this.#phase.is === 'waking'
  }

  isLoaded(loaded: LoadedSession): boolean {
    return this.#owner.isAlive && this.loaded === loaded
  }

  /** The agent that answers, or answered when the session was last in memory. */
  get answeredBy(): AgentId {
    return this.loaded?.agent().id ?? this.#answeredBy ?? this.#agentNow().id
  }

  /** Resolves once no deletion is under way. */
  async settled(): Promise<void> {
    while (this.#phase.is === 'deleting') await this.#phase.done
  }

  /** Keeps the log alone. */
  fallAsleep(): void {
    if (this.#phase.is !== 'awake') return
    this.#answeredBy = this.#phase.loaded.agent().id
    this.#phase = { ...asleep, log: this.#phase.log }
  }

  /** Lets go of what is in memory, and of the log. */
  letGo({ cause, refused }: Aftermath): void {
    const { log, aftermath } = this.#phase
    this.#phase = { ...asleep, aftermath: { cause, refused: refused ?? aftermath?.refused } }
    log?.close().catch(() => {})
  }

  /** The log, which has the records: what they add up to need not be in memory. */
  get log(): AppendLog | undefined {
    return this.#phase.log
  }

  /** Waits for a deletion under way, and closes the log. */
  async close(): Promise<void> {
    if (this.#phase.is === 'deleting') await this.#phase.done
    await this.#phase.log?.close()
  }

  // ---- beginning and end

  /** Resolves with false for a session that was never begun, whose journal is then gone. */
  async checkBegun(type: string, context: WorkContext): Promise<boolean> {
    for (;;) {
      await this.settled()
      if (this.#phase.is === 'deleted') return false
      if (this.beginning.isKnown) return true
      const loaded = await this.load(context)
      // Let go of meanwhile.
      if (this.#owner.isAlive && !this.isLoaded(loaded)) continue
      if (this.beginning.isUnderWay) {
        if (!isEmpty(loaded) && type !== 'exists') return true
        await this.beginning.settled()
        continue
      }
      this.beginning.isKnown = !isEmpty(loaded)
      if (this.beginning.isKnown || !this.#owner.isAlive || this.#token === undefined) return true
      const error = await this.#end(deleteEmpty(this.#key, this.#token, this.#dependencies), loaded.log, context)
      // Another owner may have begun it. What else keeps the journal from being removed does not make a session of it.
      if (error?.code === 'fenced') throw error
      return false
    }
  }

  /**
   * Deletes the session, or what an earlier deletion has left beside the journal. Resolves with false when the state has changed meanwhile: try again. Rejects
   * `session-busy`, and what kept the session from being deleted, or something of it.
   */
  async delete(context: WorkContext): Promise<boolean> {
    let error: BeamClawError | undefined
    if (this.#phase.is === 'deleted') error = await this.#end(Promise.resolve(), undefined, context)
    else {
      const loaded = await this.load(context)
      const token = this.#token
      if (!this.isLoaded(loaded) || token === undefined) return false
      checkAtRest(this.#key, loaded.state)
      error = await this.#end(deleteSession(this.#key, loaded, token, this.#dependencies), loaded.log, context)
    }
    if (error !== undefined) throw error
    return true
  }

  /** No command is carried out before the deletion is over, one way or the other. Resolves as `#endOf` does. */
  async #end(deletion: Promise<void>, log: AppendLog | undefined, context: WorkContext): Promise<BeamClawError | undefined> {
    const settled = this.#endOf(deletion, log)
    this.#phase = { is: 'deleting', log, aftermath: undefined, done: settled.then(() => {}) }
    context.waitUntil(settled)
    return settled
  }

  /** Resolves with what kept the session from being deleted, or something of it. */
  async #endOf(deletion: Promise<void>, log: AppendLog | undefined): Promise<BeamClawError | undefined> {
    let next: SessionPhase = asleep
    try {
      await deletion
      next = deleted
      this.beginning.isKnown = false
      this.#answeredBy = undefined
      await removeLeftovers(this.#key, this.#dependencies)
      return undefined
    } catch (error) {
      // Before the deletion the session goes on from its journal; after it, another call removes the rest.
      return typedFailure(this.#key, error)
    } finally {
      this.#phase = next
      log?.close().catch(() => {})
    }
  }

  // ---- waking

  /** The loaded session, which is read first where it is not in memory. Rejects with what kept it from being read. */
  load(context: WorkContext): LoadedSession | Promise<LoadedSession> {
    return this.loaded ?? this.wake(context)
  }

  /** Reads the journal, once for all that ask meanwhile, and goes on with what it says. */
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
      // Readers of records need the log alone.
      if (this.#phase.is === 'waking') this.#phase = { ...this.#phase, log }
      const loaded = await loadSession(this.#key, log, this.#dependencies, () => this.#agentNow())
      // Killed while it read: what it knows may be out of date by now.
      if (!this.#owner.isAlive) throw new BeamClawError('actor-killed', `Session "${this.#key}" was killed while it woke`)
      await this.#goOn(loaded, aftermath, context)
      return loaded
    } catch (error) {
      // The next command opens it anew.
      this.#phase = failed
      log?.close().catch(() => {})
      throw typedFailure(this.#key, error)
    }
  }

  async #openLog(): Promise<AppendLog> {
    const { tenant } = this.#dependencies
    const lease = sessionLease(tenant, this.#key)
    const { log, token } = await openOwnedLog(this.#dependencies, lease, journalKey(tenant, this.#key), this.#owner)
    this.#token = token
    return log
  }

  /** Writes down what follows from the incarnation before, and goes on. */
  async #goOn(loaded: LoadedSession, aftermath: Aftermath | undefined, context: WorkContext): Promise<void> {
    const { state, journal, log } = loaded
    for (const runId of [...state.cancelled]) journal.stage({ type: 'run-end', runId, outcome: 'aborted' })
    if (state.current !== undefined) journal.stage(resumption(state.current, aftermath))
    // What ends here is written down by nothing later.
    if (!hasWork(state)) await journal.flush()
    this.#phase = { is: 'awake', log, aftermath: undefined, loaded }
    // It may be on record as busy since its last end was not written down.
    const { activity, overviews } = this.#dependencies
    if (!hasWork(state) && activity.end(this.#key) && !isEmpty(loaded)) overviews.note(this.#key, overviewOf(state))
    this.#onAwake(loaded, context)
  }
}
