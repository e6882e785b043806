/** One conversation: an actor around its journal. Nothing is said to have happened before the record that says so is durable. */
import { Actor, type HandlerResult } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { refuse } from '../actor/refusal.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError, describeError, MailboxFullError } from '../base/errors.ts'
import type { CommittedEvent } from '../base/events.ts'
import type { RunId, SessionKey } from '../base/ids.ts'
import type { TimerHandle } from '../ports/services.ts'
import type { AppendLog } from '../ports/store.ts'
import { checkSameMessage, type NewMessage, redriven } from './commands/message-intake.ts'
import type { JournalWriter } from './journal/journal-writer.ts'
import { openSessionLog } from './journal/open-journal.ts'
import { eventOf } from './journal/published-events.ts'
import type { JournalEntry, QueueMode } from './journal/records.ts'
import { isStoreTrouble, sessionBroken } from './journal/store-failure-codes.ts'
import { hasWork, type LoadedSession, loadSession } from './loaded-session.ts'
import { journalKey, type SessionDependencies, sessionLease } from './session-dependencies.ts'
import {
  type AbortReceipt,
  abortReceipt,
  historyOf,
  inspectionOf,
  type SendReceipt,
  type SessionHistory,
  type SessionInspection,
  sendReceipt,
} from './session-replies.ts'
import type { SessionSettings, SessionSettingsPatch } from './session-settings.ts'
import type { DeadLetter } from './state/known-run.ts'
import type { RunState } from './state/session-state.ts'

/** Work lane: `send` and `redrive`. Control lane: the others. */
export type SessionMessage =
  | NewMessage
  | { readonly type: 'redrive'; readonly runId: RunId; readonly newRunId: RunId }
  | { readonly type: 'abort'; readonly runId: RunId | undefined }
  | { readonly type: 'find'; readonly runId: RunId }
  | { readonly type: 'read'; readonly fromSeq: number }
  | { readonly type: 'history'; readonly limit: number }
  | { readonly type: 'dead-letters' }
  | { readonly type: 'configure'; readonly changes: SessionSettingsPatch }
  | { readonly type: 'inspect' }
  | { readonly type: 'go-on' }

export type SessionReply =
  | SendReceipt
  | AbortReceipt
  | SessionInspection
  | SessionHistory
  | SessionSettings
  | readonly CommittedEvent[]
  | readonly DeadLetter[]
  | undefined

type Context = ActorContext<SessionMessage>

/** Records after which a snapshot is taken, once the session is at rest; more where the history is longer. */
const snapshotEvery = 200

/** Milliseconds until a session whose journal could not be written tries again by itself; doubled each time, up to the longest. */
const reopenAfterMs = { first: 1_000, longest: 15_000 } as const

export class Session extends Actor<SessionMessage, SessionReply> {
  readonly #key: SessionKey
  readonly #world: SessionDependencies
  #agent: AgentDefinition
  #log: AppendLog | undefined
  #awake: LoadedSession | undefined
  #waking: Promise<LoadedSession> | undefined
  #reopenTimer: TimerHandle | undefined
  /** Why the last state was let go of, while this incarnation lives: only a failure of the run's own is held against the run. */
  #lastFailure: 'own' | 'store' | undefined
  /** A run whose record the store takes from nobody: it is over, for the reason given. */
  #refused: { readonly runId: RunId; readonly error: BeamClawError } | undefined
  /** Times that the session was opened anew since it was last at rest. */
  #reopenings = 0

  constructor(key: SessionKey, agent: AgentDefinition, world: SessionDependencies) {
    super({ id: key, passivateAfterMs: world.sessionDefaults.passivateAfterMs })
    this.#key = key
    this.#agent = agent
    this.#world = world
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
    return this.#answer(message, context)
  }

  protected override handleControl(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    return this.#answer(message, context)
  }

  protected override async onStop(): Promise<void> {
    this.#reopenTimer?.cancel()
    const { state, journal, running } = this.#awake ?? {}
    if (state?.current !== undefined && journal?.isBroken === false)
      await journal.commit({ type: 'run-pause', runId: state.current.runId }).catch(() => {})
    await running?.catch(() => {})
    await this.#log?.close()
  }

  protected override onPassivate(): void {
    this.#awake = undefined
  }

  // ---- answering

  async #answer(message: SessionMessage, context: Context): Promise<Awaited<HandlerResult<SessionReply>>> {
    let awake: LoadedSession | undefined
    try {
      if (message.type === 'inspect') return inspectionOf(this.inspect(), this.#key, this.#agentNow(), this.#awake?.state)
      if (message.type === 'read') return await this.#eventsFrom(message.fromSeq, context)
      awake = this.#awake ?? (await this.#wake(context))
      switch (message.type) {
        case 'send':
          return await this.#accept(awake, message, context)
        case 'redrive':
          return await this.#accept(awake, redriven(awake.state, message, this.#key), context)
        case 'abort':
          return await this.#abort(awake, message.runId)
        case 'find':
          return await this.#find(awake, message.runId)
        case 'history':
          return await this.#history(awake, message.limit)
        case 'dead-letters':
          await awake.journal.flush()
          return awake.state.deadLetters
        case 'configure':
          return await awake.metadata.change(message.changes)
        case 'go-on':
          this.#drive(awake, context)
      }
    } catch (error) {
      return this.#refuse(error, context, awake)
    }
  }

  async #accept(awake: LoadedSession, { type: _, ...message }: NewMessage, context: Context): Promise<SendReceipt> {
    const { state, journal, loop } = awake
    const { activity } = this.#world
    const known = state.runs.get(message.runId)
    if (known !== undefined) {
      checkSameMessage(this.#key, message, known.fingerprint)
      const receipt = sendReceipt(message.runId, known)
      // Its first acknowledgement may have failed half way.
      this.#drive(awake, context)
      await allSettled([journal.flush(), ...(known.ended === undefined ? [activity.begin(this.#key)] : [])])
      return receipt
    }
    const { current } = state
    const queueMode = message.queueMode ?? awake.metadata.value.queueMode ?? this.#world.sessionDefaults.queueMode
    this.#checkRoom(awake, queueMode)
    journal.stage({ type: 'message-in', ...message, queueMode })
    if (queueMode === 'interrupt' && current !== undefined && current.cancelled === undefined) {
      journal.stage({ type: 'run-cancel', runId: current.runId, reason: 'interrupt' })
      loop.interruptStep('interrupt')
    }
    const { seq } = state.runs.get(message.runId) ?? state
    this.#drive(awake, context)
    await allSettled([activity.begin(this.#key), journal.flush()])
    return { runId: message.runId, status: 'accepted', seq, ended: undefined }
  }

  #checkRoom({ state }: LoadedSession, queueMode: QueueMode): void {
    const waiting = state.waiting.length
    if (queueMode === 'reject' && (state.current !== undefined || waiting > 0)) {
      throw new BeamClawError('session-busy', `Session "${this.#key}" is busy with another run; try again when it has ended`, {
        retryAfterMs: 1_000,
      })
    }
    const { mailboxSize } = this.#world.sessionDefaults
    if (waiting < mailboxSize) return
    const details = { sessionKey: this.#key, waiting, mailboxSize }
    throw new MailboxFullError(`Session "${this.#key}" has ${mailboxSize} messages waiting, which is all it takes`, 5_000, details)
  }

  async #abort({ state, journal, loop }: LoadedSession, wanted: RunId | undefined): Promise<AbortReceipt> {
    const { current } = state
    const runId = wanted ?? current?.runId
    if (runId === undefined) return abortReceipt(undefined, undefined)
    const known = state.runs.get(runId)
    let receipt = abortReceipt(runId, known)
    if (current?.members.includes(runId) === true) {
      if (current.cancelled === undefined) journal.stage({ type: 'run-cancel', runId: current.runId, reason: 'abort' })
      loop.interruptStep('abort')
      receipt = { runId, wasAborted: true, status: 'running' }
    } else if (known?.status === 'waiting') {
      journal.stage({ type: 'run-cancel', runId, reason: 'abort' }, { type: 'run-end', runId, outcome: 'aborted' })
      receipt = { runId, wasAborted: true, status: 'aborted' }
    }
    await journal.flush()
    return receipt
  }

  async #find({ state, journal }: LoadedSession, runId: RunId): Promise<SendReceipt> {
    const known = state.runs.get(runId)
    if (known === undefined) throw new BeamClawError('unknown-run', `Session "${this.#key}" does not know the run "${runId}"`)
    const receipt = sendReceipt(runId, known)
    await journal.flush()
    return receipt
  }

  async #history({ state, journal }: LoadedSession, limit: number): Promise<SessionHistory> {
    const history = historyOf(state, limit)
    await journal.flush()
    return history
  }

  async #eventsFrom(fromSeq: number, context: Context): Promise<readonly CommittedEvent[]> {
    const log = this.#log ?? (await this.#wake(context)).log
    const { records } = await log.read(fromSeq)
    return records.filter(({ seq }) => seq >= fromSeq).map((record) => eventOf(record, this.#key))
  }

  /** Answers the caller with a typed error. Whatever else is thrown must not crash the session: its restarts would count for all. */
  #refuse(thrown: unknown, context: Context, awake: LoadedSession | undefined) {
    const error = typed(thrown, this.#key)
    if (isStoreTrouble(error, awake)) this.#breakOff(error, context, awake)
    return refuse(error)
  }

  // ---- running

  #agentNow(): AgentDefinition {
    this.#agent = this.#world.agents.get(this.#agent.id) ?? this.#agent
    return this.#agent
  }

  #drive(awake: LoadedSession, context: Context): void {
    if (awake.running !== undefined || !hasWork(awake.state)) return
    const running = this.#work(awake, context.signal)
    awake.running = running
    running.then(
      () => {
        awake.running = undefined
        // A message may have come while the session was settling down.
        if (this.isAlive && this.#awake === awake && !context.signal.aborted) this.#drive(awake, context)
      },
      (thrown) => {
        awake.running = undefined
        if (!this.isAlive) return
        const error = typed(thrown, this.#key)
        this.#breakOff(isStoreTrouble(error, awake) ? error : sessionBroken(this.#key, error), context, awake)
      },
    )
    context.keepAwake(running)
    context.waitUntil(running)
  }

  async #work(awake: LoadedSession, stopped: AbortSignal): Promise<void> {
    // Nothing begins that nobody would go on with after a crash.
    await this.#world.activity.begin(this.#key)
    await awake.loop.run(stopped)
    await this.#rest(awake, stopped)
  }

  /** At rest, a long journal gives way to a snapshot. */
  async #rest(awake: LoadedSession, stopped: AbortSignal): Promise<void> {
    const { state, journal } = awake
    // A write that answered late: somebody else has the session by now, and work to do perhaps.
    if (!this.isAlive || this.#awake !== awake || hasWork(state)) return
    this.#world.activity.end(this.#key)
    this.#reopenings = 0
    const isDue = journal.recordsSinceSnapshot >= Math.max(snapshotEvery, state.history.length)
    if (isDue && !stopped.aborted) await this.#compact(journal)
  }

  async #compact(journal: JournalWriter): Promise<void> {
    try {
      await journal.compact()
    } catch (error) {
      if (journal.isBroken) throw error
      this.#world.services.logger.log('warn', 'session.snapshot-refused', { session: this.#key, error: describeError(error) })
    }
  }

  /** What cannot be written down, or not be done, does not happen: the session goes on from its journal once it can be opened again. */
  #breakOff(error: BeamClawError, context: Context, failed: LoadedSession | undefined): void {
    // It was let go before, for another failure: what is opened since has nothing to do with it.
    if (failed !== undefined && failed !== this.#awake) return
    const isOwn = error.code === 'session-broken'
    const isJournal = this.#waking === undefined && (isOwn || this.#awake?.journal.isBroken !== false)
    const refused = failed?.journal.refused
    // A message that is too large was refused to its sender, and no run has anything to do with it.
    if (refused !== undefined && refused.type !== 'message-in' && 'runId' in refused) this.#refused = { runId: refused.runId, error }
    if (isJournal) this.#letGo(error, isOwn ? 'own' : 'store')
    this.#reportLoss(error)
    if (isJournal && error.code === 'fenced') return void this.stop({ type: 'shutdown', detail: error })
    if (error.code === 'log-corrupt' || this.#reopenTimer !== undefined || context.signal.aborted) return
    const tryAgain = (): void => {
      this.#reopenTimer = undefined
      if (this.isAlive) this.cast({ type: 'go-on' }, { lane: 'control' })
    }
    const { first, longest } = reopenAfterMs
    const delayMs = Math.min(longest, first * 2 ** Math.min(10, this.#reopenings++))
    this.#reopenTimer = this.#world.services.clock.setTimer(tryAgain, delayMs, true)
  }

  /** A store that failed for good is nothing that a session can get over. */
  #reportLoss(error: unknown): void {
    if (BeamClawError.isInstance(error, 'store-failed')) this.#world.activity.giveUp(error)
  }

  #letGo({ code, message }: BeamClawError, why: 'own' | 'store'): void {
    this.#lastFailure = why
    const event = why === 'own' ? 'session.broken' : 'session.journal-failed'
    this.#world.services.logger.log('error', event, { session: this.#key, code, error: message })
    this.#awake?.loop.interruptStep(message)
    this.#awake = undefined
    this.#log?.close().catch(() => {})
    this.#log = undefined
  }

  // ---- waking

  /** Reads the journal, once for all who ask meanwhile, and goes on with what it says. */
  #wake(context: Context): Promise<LoadedSession> {
    this.#waking ??= this.#open(context).finally(() => {
      this.#waking = undefined
    })
    return this.#waking
  }

  async #open(context: Context): Promise<LoadedSession> {
    const { tenant, activity } = this.#world
    const log = this.#log ?? (await openSessionLog(this.#world, sessionLease(tenant, this.#key), journalKey(tenant, this.#key), this))
    this.#log = log
    try {
      const awake = await loadSession(this.#key, log, this.#world, () => this.#agentNow())
      // Killed while it read: what it knows may be out of date by now.
      if (!this.isAlive) throw new BeamClawError('actor-killed', `Session "${this.#key}" was killed while it woke`)
      const { state, journal } = awake
      for (const runId of [...state.cancelled]) journal.stage({ type: 'run-end', runId, outcome: 'aborted' })
      if (state.current !== undefined) journal.stage(this.#resume(state.current))
      // What ends here has nobody who would write it down later.
      if (!hasWork(state)) await journal.flush()
      this.#refused = undefined
      this.#awake = awake
      // It may be on record as busy since its last end was not written down.
      if (!hasWork(state)) activity.end(this.#key)
      this.#drive(awake, context)
      return awake
    } catch (error) {
      // Whoever asks next opens it anew.
      this.#log = undefined
      log.close().catch(() => {})
      throw typed(error, this.#key)
    }
  }

  /** The run is a suspect when a step of its own was under way in the incarnation that ended without a word, or failed by itself. */
  #resume({ runId, underWay, isPaused }: RunState): JournalEntry {
    if (this.#refused?.runId === runId) {
      const { code, message } = this.#refused.error
      return { type: 'run-end', runId, outcome: 'failed', failure: { code, message: `What came of the run cannot be stored: ${message}` } }
    }
    const why = this.#lastFailure
    this.#lastFailure = undefined
    const isSuspect = why === 'own' || (why === undefined && underWay.size > 0 && !isPaused)
    return { type: 'run-resume', runId, ...(isSuspect ? { isSuspect } : {}) }
  }
}

/** Returns the error as callers may see it: whatever is not typed is the session's own trouble. */
function typed(error: unknown, key: SessionKey): BeamClawError {
  return BeamClawError.isInstance(error) ? error : sessionBroken(key, error)
}

/** Waits for all, so that nothing is half done when one fails. Rejects with the first failure. */
async function allSettled(promises: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises)) if (outcome.status === 'rejected') throw outcome.reason
}
