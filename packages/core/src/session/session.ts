/**
 * One conversation: an actor around its journal. Nothing is said to have happened before the record that says so is durable.
 *
 * Phases: `asleep → waking → awake → asleep` and `awake → deleting → deleted`, see `session-phase.ts`; a run is under way while `loaded.running` is set.
 * Owns the log of its journal while it lives, and everything that is loaded from it.
 * I1: Commands work on one loaded state; whatever fails in it is let go of as a whole, and the journal is read again.
 * I2: What was let go of changes nothing any more: each return from an await looks whether its state is still the loaded one.
 * I3: No run goes on that the list of busy sessions does not have.
 * I4: Nothing is accepted by a state whose session is being deleted: commands wait for the end of that, and only those that begin a session begin one.
 * I5: What reads a session that was never begun removes its journal, but for one that is being begun.
 * I6: Nothing that a command throws crashes the session: its restarts would count for all sessions.
 */
import { Actor, type HandlerResult } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { refuse } from '../actor/refusal.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { isRemoved } from '../agent/removed-agent.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { CommittedEvent } from '../base/events.ts'
import type { AgentId, SessionKey, TenantId } from '../base/ids.ts'
import type { AppendLog, FencingToken } from '../ports/store.ts'
import { type CommandContext, checkAtRest } from './commands/command.ts'
import { type CommandReply, runCommand, type SessionCommand } from './commands/commands.ts'
import type { JournalWriter } from './journal/journal-writer.ts'
import { openOwnedLog } from './journal/open-journal.ts'
import { eventOf } from './journal/record-families.ts'
import { isStoreTrouble, sessionBroken, unknownSession } from './journal/store-failure-codes.ts'
import { hasWork, isEmpty, type LoadedSession, loadSession } from './loaded-session.ts'
import { Reopening } from './reopening.ts'
import { resumption } from './run/resumption.ts'
import { SessionBeginning } from './session-beginning.ts'
import { deleteEmpty, deleteSession, removeLeftovers } from './session-deletion.ts'
import { journalKey, type SessionDependencies, sessionLease } from './session-dependencies.ts'
import { overviewOf } from './session-overview.ts'
import { type Aftermath, asleep, deleted, loadedOf, type SessionPhase } from './session-phase.ts'
import { inspectionOf, type SessionInspection } from './session-replies.ts'

/** Work lane: `send` and `redrive`. Control lane: the others. Once the session is begun, `read`, `inspect` and `exists` need no state. */
export type SessionMessage =
  | SessionCommand
  | { readonly type: 'read'; readonly fromSeq: number }
  | { readonly type: 'inspect' }
  | { readonly type: 'exists' }
  | { readonly type: 'delete' }

/** What begins a session that is not there. */
const beginnings: ReadonlySet<SessionMessage['type']> = new Set(['send', 'configure', 'import'])

export type SessionReply = CommandReply | SessionInspection | readonly CommittedEvent[] | boolean

type Context = ActorContext<SessionMessage>

/** Records after which a snapshot is taken, once the session is at rest; more where the history is longer. */
const snapshotEvery = 200

export class Session extends Actor<SessionMessage, SessionReply> {
  readonly #key: SessionKey
  readonly #dependencies: SessionDependencies
  readonly #reopening: Reopening
  #agent: AgentDefinition
  #phase: SessionPhase = asleep
  /** With which the log of the phase was opened. */
  #token: FencingToken | undefined
  readonly #beginning = new SessionBeginning()
  /** The agent that answered when the session was last in memory. */
  #answeredBy: AgentId | undefined

  constructor(key: SessionKey, agent: AgentDefinition, dependencies: SessionDependencies) {
    super({ id: key, passivateAfterMs: dependencies.sessionDefaults.passivateAfterMs })
    this.#key = key
    this.#agent = agent
    this.#dependencies = dependencies
    this.#reopening = new Reopening(dependencies.services.clock)
  }

  protected override async init(context: Context): Promise<void> {
    try {
      await this.#wake(context)
    } catch (error) {
      this.#reportLoss(error)
      throw error
    }
  }

  protected override handle(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    return this.#reply(message, context)
  }

  protected override handleControl(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    return this.#reply(message, context)
  }

  protected override async onStop(): Promise<void> {
    this.#reopening.cancel()
    const { state, journal, running } = loadedOf(this.#phase) ?? {}
    if (state?.current !== undefined && journal?.isBroken === false)
      await journal.commit({ type: 'run-pause', runId: state.current.runId }).catch(() => {})
    await running?.catch(() => {})
    if (this.#phase.is === 'deleting') await this.#phase.done
    await this.#phase.log?.close()
  }

  protected override onPassivate(): void {
    if (this.#phase.is !== 'awake') return
    this.#answeredBy = this.#phase.loaded.agent().id
    this.#phase = { ...asleep, log: this.#phase.log }
  }

  // ---- replies

  #reply(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    const reply = this.#carryOut(message, context)
    return beginnings.has(message.type) ? this.#beginning.track(reply) : reply
  }

  async #carryOut(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    let loaded: LoadedSession | undefined
    try {
      while (this.#phase.is === 'deleting') await this.#phase.done
      if (message.type === 'delete') return await this.#delete(context)
      const begins = beginnings.has(message.type)
      if (!begins && !(await this.#checkBegun(message.type, context))) throw unknownSession(this.#key)
      if (message.type === 'exists') return true
      if (message.type === 'inspect') return this.#inspection()
      if (message.type === 'read') return await this.#eventsFrom(message.fromSeq, context)
      loaded = await this.#load(context)
      // Deleted, or let go of, in the same turn of the event loop.
      if (this.isAlive && !this.#isLoaded(loaded)) return await this.#carryOut(message, context)
      const reply = await runCommand(this.#commandContext(loaded, context), message)
      if (begins) this.#beginning.isKnown = true
      return reply
    } catch (thrown) {
      const error = typed(thrown, this.#key)
      if (isStoreTrouble(error, loaded)) this.#breakOff(error, context, loaded)
      return refuse(error)
    }
  }

  /** Resolves with false for a session that was never begun, whose journal is then gone. */
  async #checkBegun(type: SessionMessage['type'], context: Context): Promise<boolean> {
    for (;;) {
      while (this.#phase.is === 'deleting') await this.#phase.done
      if (this.#phase.is === 'deleted') return false
      if (this.#beginning.isKnown) return true
      const loaded = await this.#load(context)
      // Let go of meanwhile.
      if (this.isAlive && !this.#isLoaded(loaded)) continue
      if (this.#beginning.isUnderWay) {
        if (!isEmpty(loaded) && type !== 'exists') return true
        await this.#beginning.settled()
        continue
      }
      this.#beginning.isKnown = !isEmpty(loaded)
      if (this.#beginning.isKnown || !this.isAlive || this.#token === undefined) return true
      const error = await this.#end(deleteEmpty(this.#key, this.#token, this.#dependencies), loaded.log, context)
      // Another owner may have begun it. What else keeps the journal from being removed does not make a session of it.
      if (error?.code === 'fenced') throw error
      return false
    }
  }

  #inspection(): SessionInspection {
    const loaded = loadedOf(this.#phase)
    const agentId = loaded?.agent().id ?? this.#answeredBy ?? this.#agentNow().id
    return inspectionOf(this.inspect(), this.#key, agentId, loaded?.state)
  }

  async #eventsFrom(fromSeq: number, context: Context): Promise<readonly CommittedEvent[]> {
    const log = this.#phase.log ?? (await this.#wake(context)).log
    const { records } = await log.read(fromSeq)
    return records.filter(({ seq }) => seq >= fromSeq).map((record) => eventOf(record, this.#key))
  }

  #commandContext(loaded: LoadedSession, context: Context): CommandContext {
    const { log, state, journal, loop, settings, agent } = loaded
    const drive = (): void => this.#drive(loaded, context)
    return { log, state, journal, loop, settings, agent, key: this.#key, dependencies: this.#dependencies, drive }
  }

  async #delete(context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    // An earlier deletion may have left something beside the journal.
    if (this.#phase.is === 'deleted') return replyOf(await this.#end(Promise.resolve(), undefined, context))
    const loaded = await this.#load(context)
    const token = this.#token
    if (!this.#isLoaded(loaded) || token === undefined) return await this.#carryOut({ type: 'delete' }, context)
    checkAtRest(this.#key, loaded.state)
    return replyOf(await this.#end(deleteSession(this.#key, loaded, token, this.#dependencies), loaded.log, context))
  }

  /** No command is carried out before the deletion is over, one way or the other. Resolves as `#endOf` does. */
  async #end(deletion: Promise<void>, log: AppendLog | undefined, context: Context): Promise<BeamClawError | undefined> {
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
      this.#beginning.isKnown = false
      this.#answeredBy = undefined
      await removeLeftovers(this.#key, this.#dependencies)
      return undefined
    } catch (error) {
      // Before the deletion the session goes on from its journal; after it, another call removes the rest.
      return typed(error, this.#key)
    } finally {
      this.#phase = next
      log?.close().catch(() => {})
    }
  }

  // ---- running

  #agentNow(): AgentDefinition {
    this.#agent = this.#dependencies.agents.get(this.#agent.id) ?? this.#agent
    return this.#agent
  }

  #isLoaded(loaded: LoadedSession): boolean {
    return this.isAlive && loadedOf(this.#phase) === loaded
  }

  #drive(loaded: LoadedSession, context: Context): void {
    if (loaded.running !== undefined || !hasWork(loaded.state)) return
    if (isRemoved(loaded.agent()) && !loaded.loop.hasStep) return this.#dependencies.activity.park(this.#key)
    const running = this.#work(loaded, context.signal)
    loaded.running = running
    running.then(
      () => {
        loaded.running = undefined
        // A message may have come while the session was settling down.
        if (this.#isLoaded(loaded) && !context.signal.aborted) this.#drive(loaded, context)
      },
      (thrown) => {
        loaded.running = undefined
        if (!this.isAlive) return
        const error = typed(thrown, this.#key)
        this.#breakOff(isStoreTrouble(error, loaded) ? error : sessionBroken(this.#key, error), context, loaded)
      },
    )
    context.keepAwake(running)
    context.waitUntil(running)
  }

  async #work(loaded: LoadedSession, stopped: AbortSignal): Promise<void> {
    // Nothing begins that would not be gone on with after a crash.
    await this.#dependencies.activity.begin(this.#key)
    await loaded.loop.run(stopped)
    await this.#rest(loaded, stopped)
  }

  /** At rest, a long journal gives way to a snapshot. */
  async #rest(loaded: LoadedSession, stopped: AbortSignal): Promise<void> {
    const { state, journal } = loaded
    // After a write that resolved late, another incarnation may have the session, and work to do.
    if (!this.#isLoaded(loaded) || hasWork(state)) return
    this.#dependencies.overviews.note(this.#key, overviewOf(state))
    this.#dependencies.activity.end(this.#key)
    this.#reopening.reset()
    const isDue = journal.recordsSinceSnapshot >= Math.max(snapshotEvery, state.history.length)
    if (isDue && !stopped.aborted) await this.#compact(journal)
  }

  async #compact(journal: JournalWriter): Promise<void> {
    try {
      await journal.compact()
    } catch (error) {
      if (journal.isBroken) throw error
      this.#dependencies.services.logger.log('warn', 'session.snapshot-refused', { session: this.#key, error: describeError(error) })
    }
  }

  // ---- trouble

  /** What cannot be written down, or not be done, does not happen: the session goes on from its journal once it can be opened again. */
  #breakOff(error: BeamClawError, context: Context, failed: LoadedSession | undefined): void {
    const loaded = loadedOf(this.#phase)
    // It was let go of before, for another failure: what is open since has nothing to do with it.
    if (failed !== undefined && failed !== loaded) return
    const isOwn = error.code === 'session-broken'
    const isJournal = this.#phase.is !== 'waking' && (isOwn || loaded?.journal.isBroken !== false)
    if (isJournal) this.#letGo(error, { cause: isOwn ? 'own' : 'store', refused: refusedRun(failed, error) })
    this.#reportLoss(error)
    if (isJournal && error.code === 'fenced') return void this.stop({ type: 'shutdown', detail: error })
    if (error.code === 'log-corrupt' || context.signal.aborted) return
    this.#reopening.arm(() => {
      if (this.isAlive) this.cast({ type: 'go-on' }, { lane: 'control' })
    })
  }

  /** No session can get over a store that failed for good. */
  #reportLoss(error: unknown): void {
    if (BeamClawError.isInstance(error, 'store-failed')) this.#dependencies.activity.giveUp(error)
  }

  #letGo({ code, message }: BeamClawError, { cause, refused }: Aftermath): void {
    const event = cause === 'own' ? 'session.broken' : 'session.journal-failed'
    this.#dependencies.services.logger.log('error', event, { session: this.#key, code, error: message })
    const { log, aftermath } = this.#phase
    loadedOf(this.#phase)?.loop.interruptStep(message)
    this.#phase = { ...asleep, aftermath: { cause, refused: refused ?? aftermath?.refused } }
    log?.close().catch(() => {})
  }

  // ---- waking

  #load(context: Context): LoadedSession | Promise<LoadedSession> {
    return loadedOf(this.#phase) ?? this.#wake(context)
  }

  /** Reads the journal, once for all that ask meanwhile, and goes on with what it says. */
  #wake(context: Context): Promise<LoadedSession> {
    const before = this.#phase
    if (before.is === 'waking') return before.loading
    if (before.is === 'awake') return Promise.resolve(before.loaded)
    if (before.is === 'deleting') return before.done.then(() => this.#wake(context))
    const loading = this.#open(before.log, before.aftermath, context)
    this.#phase = { is: 'waking', log: before.log, aftermath: before.aftermath, loading }
    return loading
  }

  async #open(opened: SessionPhase['log'], aftermath: Aftermath | undefined, context: Context): Promise<LoadedSession> {
    const { tenant } = this.#dependencies
    const failed = { ...asleep, aftermath }
    let log: SessionPhase['log']
    try {
      log = opened ?? (await this.#openLog(tenant))
      // Readers of records need the log alone.
      if (this.#phase.is === 'waking') this.#phase = { ...this.#phase, log }
      const loaded = await loadSession(this.#key, log, this.#dependencies, () => this.#agentNow())
      // Killed while it read: what it knows may be out of date by now.
      if (!this.isAlive) throw new BeamClawError('actor-killed', `Session "${this.#key}" was killed while it woke`)
      await this.#goOn(loaded, aftermath, context)
      return loaded
    } catch (error) {
      // The next command opens it anew.
      this.#phase = failed
      log?.close().catch(() => {})
      throw typed(error, this.#key)
    }
  }

  async #openLog(tenant: TenantId): Promise<AppendLog> {
    const { log, token } = await openOwnedLog(this.#dependencies, sessionLease(tenant, this.#key), journalKey(tenant, this.#key), this)
    this.#token = token
    return log
  }

  /** Writes down what follows from the incarnation before, and goes on. */
  async #goOn(loaded: LoadedSession, aftermath: Aftermath | undefined, context: Context): Promise<void> {
    const { state, journal, log } = loaded
    for (const runId of [...state.cancelled]) journal.stage({ type: 'run-end', runId, outcome: 'aborted' })
    if (state.current !== undefined) journal.stage(resumption(state.current, aftermath))
    // What ends here is written down by nothing later.
    if (!hasWork(state)) await journal.flush()
    this.#phase = { is: 'awake', log, aftermath: undefined, loaded }
    // It may be on record as busy since its last end was not written down.
    const { activity, overviews } = this.#dependencies
    if (!hasWork(state) && activity.end(this.#key) && !isEmpty(loaded)) overviews.note(this.#key, overviewOf(state))
    this.#drive(loaded, context)
  }
}

function replyOf(error: BeamClawError | undefined): Awaited<HandlerResult<SessionReply>> {
  return error === undefined ? undefined : refuse(error)
}

/** Returns the run whose record the store takes from nobody. A message that is too large was refused to its sender, and no run has to do with it. */
function refusedRun(failed: LoadedSession | undefined, error: BeamClawError): Aftermath['refused'] {
  const refused = failed?.journal.refused
  return refused === undefined || refused.type === 'message-in' ? undefined : { runId: refused.runId, error }
}

/** Returns the error as callers may see it: whatever is not typed is the session's own trouble. */
function typed(error: unknown, key: SessionKey): BeamClawError {
  return BeamClawError.isInstance(error) ? error : sessionBroken(key, error)
}
