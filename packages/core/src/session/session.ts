/**
 * One conversation: an actor around its journal. No event is published before its record is durable.
 *
 * Phases: those of its `SessionMemory`; a run is active while `loaded.running` is set.
 * Owns its memory, and the timer that reopens the journal after a failure.
 * I1: Commands work on one loaded state. When a command fails because of the journal, the state is discarded as a whole.
 * I2: Discarded state changes nothing any more: after each await, the code checks whether its state is still the loaded one.
 * I3: A run continues only while its session is in the list of busy sessions.
 * I4: No command is accepted while the session is being deleted: commands wait for the end, and only a command that begins a session begins a new one.
 * I5: A session that was started only to be looked at leaves its work alone until the first command other than `exists` and `inspect`.
 * I6: An error of a command never crashes the session: restarts of one session count for all sessions.
 * I7: A command that is in hand when the session stops is carried out to its end: `outcomeOf` tells of it, where the actor has rejected the call.
 */
import { Actor, type ActorContext, type HandlerResult, refuse } from '@beamclaw/actor'
import { Refusal } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import { isRemoved } from '../agent/removed-agent.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { SessionKey } from '../base/ids.ts'
import type { NodeRef } from '../ports/cluster.ts'
import { type CommandContext, StateDiscarded } from './commands/command.ts'
import { type CommandReply, runCommand, type SessionCommand } from './commands/commands.ts'
import type { JournalWriter } from './journal/journal-writer.ts'
import { isUnreadable } from './journal/record-formats.ts'
import type { SnapshotTime } from './journal/snapshot-due.ts'
import { isStoreLost, isStoreTrouble, sessionBroken, typedFailure, unknownSession } from './journal/store-failure-codes.ts'
import { entryOf } from './listing/session-entry.ts'
import type { LoadedSession } from './loaded-session.ts'
import { Reopening } from './reopening.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import { SessionMemory, type WorkContext } from './session-memory.ts'
import type { Aftermath } from './session-phase.ts'
import { inspectionOf, type SessionInspection } from './session-replies.ts'
import { hasWork } from './state/has-work.ts'
import { isParked } from './state/run-approvals.ts'

/** Work lane: `send` and `redrive`. Control lane: the others. Once the session is begun, `inspect` and `exists` need no state. */
/** Deletes the session; with `unusedSince`, only if its last record is not newer. */
interface DeleteMessage {
  readonly type: 'delete'
  /** In milliseconds since 1970. */
  readonly unusedSince?: number
}

/** Completes the step under way, and begins no other: the session is about to leave this node. */
interface PauseMessage {
  readonly type: 'pause'
}

export type SessionMessage = SessionCommand | { readonly type: 'inspect' } | { readonly type: 'exists' } | DeleteMessage | PauseMessage

/** The messages that leave the work of a session alone that was started for them. */
const looks: ReadonlySet<SessionMessage['type']> = new Set(['exists', 'inspect'])

/** The commands that begin a session that does not exist. */
const beginnings: ReadonlySet<SessionMessage['type']> = new Set(['send', 'configure', 'import'])

/** What a session has to do. */
export interface SessionWorkload {
  /** True while a run is under way that does more than wait for decisions. */
  readonly isRunning: boolean
  /** Messages that wait for a run. */
  readonly waiting: number
}

export type SessionReply = CommandReply | SessionInspection | boolean

type Context = ActorContext<SessionMessage>

/** The commands that read the log beside the session: what they return must be of the session that they asked. */
const longReads: ReadonlySet<SessionMessage['type']> = new Set(['history', 'export'])

export class Session extends Actor<SessionMessage, SessionReply> {
  readonly #key: SessionKey
  readonly #dependencies: SessionDependencies
  readonly #reopening: Reopening
  readonly #memory: SessionMemory
  #agent: AgentDefinition
  #isLook: boolean
  /** Messages that are being carried out. */
  #inHand = 0
  /** What becomes of the control messages that were begun. The stop of an actor waits for the message of the work lane alone. */
  readonly #begun = new WeakMap<SessionMessage, Promise<Awaited<HandlerResult<SessionReply>>>>()
  readonly #onIdle: () => void

  /** With `isLook`, the session is started for `exists` or `inspect`. `onIdle` is called when nothing of it needs to be in memory any more. */
  constructor(
    key: SessionKey,
    agent: AgentDefinition,
    dependencies: SessionDependencies,
    { isLook = false, onIdle = () => {} }: { readonly isLook?: boolean; readonly onIdle?: () => void } = {},
  ) {
    super({ id: key, passivateAfterMs: dependencies.sessionDefaults.passivateAfterMs })
    this.#key = key
    this.#agent = agent
    this.#isLook = isLook
    this.#onIdle = onIdle
    this.#dependencies = dependencies
    this.#reopening = new Reopening(dependencies.services.clock)
    this.#memory = new SessionMemory({
      key,
      dependencies,
      owner: this,
      agent: () => this.#agentNow(),
      onAwake: (loaded, context) => this.#drive(loaded, context),
    })
  }

  protected override async init(context: Context): Promise<void> {
    try {
      await (this.#isLook ? this.#memory.look() : this.#memory.wake(context))
    } catch (error) {
      this.#reportLoss(error)
      throw error
    }
  }

  protected override handle(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    return this.#reply(message, context)
  }

  protected override handleControl(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    const reply = this.#reply(message, context)
    this.#begun.set(message, reply)
    return reply
  }

  protected override async onStop(): Promise<void> {
    this.#reopening.cancel()
    const { state, journal, running } = this.#memory.loaded ?? {}
    // A run that waits for a decision is in the middle of nothing.
    if (state?.current !== undefined && journal?.isBroken === false && !isParked(state.current))
      await journal.commit({ type: 'run-pause', runId: state.current.runId }).catch(() => {})
    await running?.catch(() => {})
    await this.#memory.close()
  }

  protected override async onPassivate(): Promise<void> {
    await this.#snapshotAtRest()
    this.#memory.fallAsleep()
    const { mailboxLength, controlLength } = this.inspect()
    // A request that no other node can find is kept in memory, and so is a session that could not be listed and tries again. What has come meanwhile wakes it.
    if (this.#dependencies.activity.isBusy(this.#key) || this.#reopening.isArmed) return
    if (this.#memory.isAtRest && mailboxLength + controlLength === 0) this.#onIdle()
  }

  /**
   * Has the node get this session when it ends, which the caller sees to in the same turn. Returns false, and changes nothing, for a session that has work or
   * a message, or that remembers a failure of which its journal does not tell.
   */
  leaveTo(node: NodeRef): boolean {
    const { loaded, isAtRest } = this.#memory
    const { state, isBusy, mailboxLength, controlLength } = this.inspect()
    const isUp = state !== 'starting' && state !== 'stopping' && this.isAlive
    if (!isUp || isBusy || mailboxLength + controlLength + this.#inHand > 0 || this.#reopening.isArmed) return false
    const hasNone = loaded === undefined ? isAtRest : loaded.running === undefined && !hasWork(loaded.state)
    if (hasNone) this.#memory.heir = node
    return hasNone
  }

  /**
   * Resolves with the reply to a control message that this session has begun to carry out, also after its end; undefined for one that it has not seen. Rejects as the
   * command does, and `actor-not-running` for one that the end has kept from its effect.
   */
  outcomeOf(message: SessionMessage): Promise<SessionReply> | undefined {
    return this.#begun.get(message)?.then((answer) => {
      if (answer instanceof Refusal) throw answer.error
      return answer
    })
  }

  /** What it has to do now. */
  get workload(): SessionWorkload {
    const { current, waiting } = this.#memory.loaded?.state ?? {}
    return { isRunning: current !== undefined && !isParked(current), waiting: waiting?.length ?? 0 }
  }

  /** The next load begins with the snapshot. A store that refuses it is found out by the next command. */
  async #snapshotAtRest(): Promise<void> {
    const { loaded } = this.#memory
    if (loaded === undefined || loaded.journal.isBroken || hasWork(loaded.state)) return
    try {
      await this.#snapshot(loaded.journal, 'rest')
    } catch (error) {
      this.#letGo(typedFailure(this.#key, error), { cause: 'store', refused: undefined })
      this.#reportLoss(error)
    }
  }

  // ---- replies

  #reply(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    const reply = this.#carryOut(message, context)
    return beginnings.has(message.type) ? this.#memory.beginning.track(reply) : reply
  }

  async #carryOut(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    let loaded: LoadedSession | undefined
    this.#inHand++
    try {
      if (this.#memory.isDeleting) await this.#memory.settled()
      if (message.type === 'pause') return await this.#pause()
      if (this.#isLook && !looks.has(message.type)) await this.#use(context)
      if (message.type === 'delete')
        return (await this.#memory.delete(context, message.unusedSince)) ? undefined : await this.#carryOut(message, context)
      const begins = beginnings.has(message.type)
      if (!begins && !(await this.#memory.checkBegun(message.type, context))) throw unknownSession(this.#key)
      if (message.type === 'exists') return true
      if (message.type === 'inspect') return this.#inspection()
      loaded = this.#memory.loaded ?? (await this.#memory.load(context))
      // The state was deleted or discarded in the same turn of the event loop.
      if (this.isAlive && !this.#memory.isLoaded(loaded)) return await this.#carryOut(message, context)
      if (!this.isAlive) throw new StateDiscarded()
      const reply = await runCommand(this.#commandContext(loaded, context), message)
      if (longReads.has(message.type) && this.isAlive && !this.#memory.isLoaded(loaded)) return await this.#carryOut(message, context)
      if (begins) this.#memory.beginning.isKnown = true
      return message.type === 'go-on' ? this.#inspection() : reply
    } catch (thrown) {
      if (thrown instanceof StateDiscarded && this.isAlive) return await this.#carryOut(message, context)
      const error = typedFailure(this.#key, thrown)
      // Its log was closed before the command could write.
      if (!this.isAlive && (thrown instanceof StateDiscarded || error.code === 'store-stopped')) return refuse(hasEnded(this.#key, error))
      if (isStoreTrouble(error, loaded)) this.#breakOff(error, context, loaded)
      // Its own attempt to go on, as of a node that does not reach its cluster now.
      else if (message.type === 'go-on' && error.isRetryable && this.isAlive && !context.signal.aborted) this.#goOnLater()
      return refuse(error)
    } finally {
      this.#inHand--
    }
  }

  async #pause(): Promise<boolean> {
    const { loop, running } = this.#memory.loaded ?? {}
    loop?.pause()
    await running?.catch(() => {})
    return true
  }

  /** Resumes the work of a session that was only looked at. */
  async #use(context: Context): Promise<void> {
    await this.#memory.wake(context)
    this.#isLook = false
  }

  #inspection(): SessionInspection {
    const { answeredBy, loaded } = this.#memory
    return inspectionOf(this.inspect(), this.#key, answeredBy, loaded?.state)
  }

  #commandContext(loaded: LoadedSession, context: Context): CommandContext {
    const { log, state, journal, loop, settings, attachments, agent } = loaded
    const drive = (): void => this.#drive(loaded, context)
    const isLoaded = (): boolean => this.#memory.isLoaded(loaded)
    return { log, state, journal, loop, settings, attachments, agent, key: this.#key, dependencies: this.#dependencies, isLoaded, drive }
  }

  // ---- running

  #agentNow(): AgentDefinition {
    this.#agent = this.#dependencies.agents.get(this.#agent.id) ?? this.#agent
    return this.#agent
  }

  #drive(loaded: LoadedSession, context: WorkContext): void {
    // A command of a session that was killed may come to its end when the next incarnation is through with the work: listed then, it would stay so.
    if (!this.isAlive || loaded.running !== undefined || !hasWork(loaded.state)) return
    if (loaded.loop.isPaused) return this.#leaveListed(loaded)
    if (isRemoved(loaded.agent()) && !loaded.loop.hasStep) return this.#dependencies.activity.park(this.#key)
    const { current } = loaded.state
    if (current !== undefined && isParked(current) && !loaded.loop.hasStep) {
      // Asleep, it could not tell any more that it is at rest.
      return context.keepAwake(this.#restUntilDecided(loaded))
    }
    const running = this.#work(loaded, context.signal)
    loaded.running = running
    running.then(
      () => {
        loaded.running = undefined
        // A message may have arrived while the session was becoming idle.
        if (this.#memory.isLoaded(loaded) && !context.signal.aborted) this.#drive(loaded, context)
      },
      (thrown) => {
        loaded.running = undefined
        if (!this.isAlive) return
        const error = typedFailure(this.#key, thrown)
        this.#breakOff(isStoreTrouble(error, loaded) ? error : sessionBroken(this.#key, error), context, loaded)
      },
    )
    context.keepAwake(running)
    context.waitUntil(running)
  }

  /** Has a session whose loop is paused for good found by its next owner: it may have been put at rest while its new work was on its way to the journal. */
  #leaveListed({ state: { current } }: LoadedSession): void {
    if (current === undefined || !isParked(current)) this.#dependencies.activity.begin(this.#key).catch(() => {})
  }

  async #work(loaded: LoadedSession, stopped: AbortSignal): Promise<void> {
    // Nothing that anybody sees is done before the session is listed as busy: a crash wakes it again.
    await loaded.loop.run(stopped, this.#dependencies.activity.begin(this.#key))
    await this.#rest(loaded, stopped)
  }

  /** Publishes the overview of an idle session, and takes a snapshot of a journal that has grown. */
  async #rest(loaded: LoadedSession, stopped: AbortSignal): Promise<void> {
    const { state, journal, settings } = loaded
    // After a write that resolved late, another incarnation may own the session and have work.
    if (!this.#memory.isLoaded(loaded) || hasWork(state)) return
    this.#dependencies.overviews.note(entryOf(this.#key, state, settings.value))
    this.#dependencies.activity.end(this.#key)
    this.#reopening.reset()
    if (!stopped.aborted) await this.#snapshot(journal, 'work')
  }

  /** Ends the work of a session whose run waits for approvals, once they are found without it. */
  async #restUntilDecided(loaded: LoadedSession): Promise<void> {
    const { activity, approvals, overviews } = this.#dependencies
    const areWritten = await approvals.written(this.#key)
    const { state, loop, settings, running } = loaded
    if (!areWritten && this.isAlive) return this.#goOnLater()
    // Decided meanwhile, by a loop that is paused, the run is for the next owner to go on with.
    const isWaiting = state.current !== undefined && isParked(state.current)
    if (!this.#memory.isLoaded(loaded) || running !== undefined || loop.hasStep || !isWaiting) return
    if (isRemoved(loaded.agent())) return
    if (activity.end(this.#key)) overviews.note(entryOf(this.#key, state, settings.value))
  }

  async #snapshot(journal: JournalWriter, time: SnapshotTime): Promise<void> {
    if (!journal.isSnapshotDue(time)) return
    try {
      await journal.snapshot()
    } catch (error) {
      if (journal.isBroken) throw error
      this.#dependencies.services.logger.log('warn', 'session.snapshot-refused', { session: this.#key, error: describeError(error) })
    }
  }

  // ---- failures

  /** Discards the state after a failure. An entry that was not written has not happened; the session continues from its journal once that can be opened. */
  #breakOff(error: BeamClawError, context: WorkContext, failed: LoadedSession | undefined): void {
    const { loaded, isWaking } = this.#memory
    // The state was discarded before, for another failure. The present state is not affected.
    if (failed !== undefined && failed !== loaded) return
    const isOwn = error.code === 'session-broken'
    const isJournal = !isWaking && (isOwn || loaded?.journal.isBroken !== false)
    if (isJournal) this.#letGo(error, { cause: isOwn ? 'own' : 'store', refused: refusedRun(failed, error) })
    this.#reportLoss(error)
    if (isJournal && error.code === 'fenced') return void this.stop({ type: 'shutdown', detail: error })
    if (isUnreadable(error) || context.signal.aborted) return
    this.#goOnLater()
  }

  #goOnLater(): void {
    this.#reopening.arm(() => {
      if (this.isAlive) this.cast({ type: 'go-on' }, { lane: 'control' })
    })
  }

  /** Reports a store that failed for good, from which no session can recover. */
  #reportLoss(error: unknown): void {
    if (BeamClawError.isInstance(error) && isStoreLost(error)) this.#dependencies.activity.giveUp(error)
  }

  #letGo({ code, message }: BeamClawError, aftermath: Aftermath): void {
    const event = aftermath.cause === 'own' ? 'session.broken' : 'session.journal-failed'
    // Another owner is no failure: after a freeze each session of the node has one.
    const level = code === 'fenced' ? 'info' : 'error'
    this.#dependencies.services.logger.log(level, event, { session: this.#key, code, error: message })
    this.#memory.loaded?.loop.interruptStep(message)
    this.#memory.letGo(aftermath)
  }
}

function hasEnded(key: SessionKey, cause: unknown): BeamClawError {
  return new BeamClawError('actor-not-running', `Session "${key}" ended before the command was carried out`, { cause })
}

/** Returns the run with a record that the store always refuses. A message that is too large is rejected to its sender and affects no run. */
function refusedRun(failed: LoadedSession | undefined, error: BeamClawError): Aftermath['refused'] {
  const refused = failed?.journal.refused
  return refused === undefined || refused.type === 'message-in' ? undefined : { runId: refused.runId, error }
}
