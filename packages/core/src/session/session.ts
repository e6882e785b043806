/** One conversation: an actor around its journal. Nothing is said to have happened before the record that says so is durable. */
import { Actor, type Answer } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { refuse } from '../actor/refusal.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import type { Ambient } from '../defaults/ambient.ts'
import { BeamClawError, type ErrorCode, MailboxFullError } from '../errors.ts'
import type { CommittedEvent, RunEvent } from '../events.ts'
import { type RunId, type SessionKey, sessionKeyParts, type TenantId } from '../ids.ts'
import type { TimerHandle } from '../ports/ambient.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { EventBus } from '../ports/event-bus.ts'
import type { Log, LogRecord, Store, StoreKey } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { Registry } from '../registry/registry.ts'
import type { ToolRunner } from '../tool/tool-runner.ts'
import type { ActivityLog } from './activity-log.ts'
import { eventOf } from './committed-events.ts'
import type { JournalEntry, MessageIn } from './journal.ts'
import { JournalWriter } from './journal-writer.ts'
import { openSessionLog, stateOf } from './open-journal.ts'
import { runLimitDefaults } from './recovery.ts'
import { RunLoop } from './run-loop.ts'
import { type AbortReceipt, abortReceipt, type SendReceipt, type SessionInspection, sendReceipt } from './session-answers.ts'
import type { SessionState } from './session-state.ts'

/** What a session needs of the world. */
export interface SessionWorld {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  /** Who has work to do. */
  readonly activity: ActivityLog
  /** Where a session that is up is found. */
  readonly sessions: Registry<SessionKey>
  readonly providers: ProviderTable
  readonly toolRunner: ToolRunner
  readonly ambient: Ambient
  readonly settings: SessionSettings
}

export interface SessionSettings {
  /** Messages that may wait for their run. @default 1000 */
  readonly mailboxSize: number
  /** Milliseconds without work until the history leaves memory. @default 60000 */
  readonly passivateAfterMs: number
}

export const sessionDefaults = { mailboxSize: 1_000, passivateAfterMs: 60_000 } as const satisfies SessionSettings

/** Work lane: `send`. Control lane: the others. */
export type SessionMessage =
  | (Omit<MessageIn, 'type'> & { readonly type: 'send' })
  | { readonly type: 'abort'; readonly runId: RunId | undefined }
  | { readonly type: 'read'; readonly fromSeq: number }
  | { readonly type: 'inspect' }
  | { readonly type: 'go-on' }
  | { readonly type: 'fail'; readonly error: unknown }

type SessionReply = SendReceipt | AbortReceipt | SessionInspection | readonly CommittedEvent[] | undefined

/** Records after which a snapshot is taken, once the session is at rest; more where the history is longer. */
const snapshotEvery = 200

/** Milliseconds until a session whose journal could not be written tries again by itself. */
const reopenAfterMs = 1_000

const storeFailures = new Set<ErrorCode>(['store-full', 'store-io', 'store-stopped', 'store-locked', 'log-gap', 'log-corrupt', 'fenced'])

/** The topic of a session's events. */
export function sessionTopic(key: SessionKey): string {
  return `session:${key}`
}

/** Where a session's journal is kept. */
function journalKey(tenant: TenantId, key: SessionKey): StoreKey {
  const { agentId, sessionId } = sessionKeyParts(key)
  return [tenant, 'sessions', agentId, sessionId]
}

/** What is in memory only while the session is awake and its journal can be written. */
interface Awake {
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly loop: RunLoop
  isRunning: boolean
  /** Messages that are being written down. */
  accepting: number
}

export class Session extends Actor<SessionMessage, SessionReply> {
  readonly #key: SessionKey
  readonly #agent: AgentDefinition
  readonly #world: SessionWorld
  #log: Log | undefined
  #awake: Awake | undefined
  #waking: Promise<Awake> | undefined
  #reopenTimer: TimerHandle | undefined

  constructor(key: SessionKey, agent: AgentDefinition, world: SessionWorld) {
    super({ id: key, passivateAfterMs: world.settings.passivateAfterMs })
    this.#key = key
    this.#agent = agent
    this.#world = world
  }

  protected override async init(context: ActorContext<SessionMessage>): Promise<void> {
    await this.#wake(context)
    this.#world.sessions.register(this.#key, this)
  }

  protected override async handle(message: SessionMessage, context: ActorContext<SessionMessage>): Promise<Awaited<Answer<SessionReply>>> {
    if (message.type === 'fail') throw message.error
    if (message.type !== 'send') return undefined
    try {
      return await this.#accept(message, context)
    } catch (error) {
      return this.#refuse(error, context)
    }
  }

  protected override async handleControl(
    message: SessionMessage,
    context: ActorContext<SessionMessage>,
  ): Promise<Awaited<Answer<SessionReply>>> {
    try {
      if (message.type === 'inspect') return this.#inspect()
      if (message.type === 'read') return await this.#eventsFrom(message.fromSeq, context)
      const awake = this.#awake ?? (await this.#wake(context))
      if (message.type === 'abort') return await this.#abort(awake, message.runId)
      this.#drive(awake, context)
    } catch (error) {
      return this.#refuse(error, context)
    }
  }

  protected override async onStop(): Promise<void> {
    this.#reopenTimer?.cancel()
    await this.#log?.close()
  }

  protected override onPassivate(): void {
    this.#awake = undefined
  }

  // ---- accepting

  async #accept(
    { type: _, ...message }: Extract<SessionMessage, { type: 'send' }>,
    context: ActorContext<SessionMessage>,
  ): Promise<SendReceipt> {
    const awake = this.#awake ?? (await this.#wake(context))
    const { state, journal, loop } = awake
    const known = state.runs.get(message.runId)
    if (known !== undefined) return sendReceipt(message.runId, known)
    const { current } = state
    const isBusy = current !== undefined || state.waiting.length > 0
    if (isBusy && message.whenBusy === 'reject') {
      throw new BeamClawError('session-busy', `Session "${this.#key}" is busy with another run; try again when it has ended`, {
        retryAfterMs: 1_000,
      })
    }
    const { mailboxSize } = this.#world.settings
    if (state.waiting.length >= mailboxSize) {
      const details = { sessionKey: this.#key, waiting: state.waiting.length, mailboxSize }
      throw new MailboxFullError(`Session "${this.#key}" has ${mailboxSize} messages waiting, which is all it takes`, 5_000, details)
    }
    const interrupts = message.whenBusy === 'interrupt' && current !== undefined && current.cancelled === undefined
    const entries: JournalEntry[] = [{ type: 'message-in', ...message }]
    if (interrupts) entries.push({ type: 'run-cancel', runId: current.runId, reason: 'interrupt' })
    awake.accepting++
    try {
      // Both to their end: a repeat must not find the message neither written nor refused.
      const outcomes = await Promise.allSettled([this.#world.activity.begin(this.#key), journal.commit(...entries)])
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    } finally {
      awake.accepting--
    }
    if (interrupts) loop.interruptStep('interrupt')
    this.#drive(awake, context)
    return { runId: message.runId, status: 'accepted', seq: state.runs.get(message.runId)?.seq ?? state.seq, ended: undefined }
  }

  async #abort({ state, journal, loop }: Awake, wanted: RunId | undefined): Promise<AbortReceipt> {
    const { current } = state
    const runId = wanted ?? current?.runId
    if (runId === undefined) return abortReceipt(undefined, undefined)
    const known = state.runs.get(runId)
    if (current?.members.includes(runId) === true) {
      if (current.cancelled === undefined) await journal.commit({ type: 'run-cancel', runId: current.runId, reason: 'abort' })
      loop.interruptStep('abort')
      return { runId, wasAborted: true, status: 'running' }
    }
    if (known?.status !== 'waiting') return abortReceipt(runId, known)
    await journal.commit({ type: 'run-cancel', runId, reason: 'abort' })
    // Its run may have begun in the meantime, and is then ended by the loop.
    if (state.cancelled.includes(runId)) await journal.commit({ type: 'run-end', runId, outcome: 'aborted' })
    else loop.interruptStep('abort')
    return { runId, wasAborted: true, status: 'aborted' }
  }

  /** Answers the caller with a typed error. What is not one is a bug, and crashes the session. */
  #refuse(error: unknown, context: ActorContext<SessionMessage>) {
    if (!BeamClawError.isInstance(error)) throw error
    if (storeFailures.has(error.code)) this.#breakOff(error, context)
    return refuse(error)
  }

  // ---- running

  #drive(awake: Awake, context: ActorContext<SessionMessage>): void {
    if (awake.isRunning) return
    awake.isRunning = true
    const run = awake.loop.run(context.signal).then(() => this.#rest(awake, context.signal))
    context.keepAwake(run)
    context.waitUntil(run)
    run.then(
      () => {
        awake.isRunning = false
        // A message may have come while the session was settling down.
        if (this.isAlive && !context.signal.aborted && hasWork(awake.state)) this.#drive(awake, context)
      },
      (error) => {
        awake.isRunning = false
        if (!this.isAlive) return
        if (BeamClawError.isInstance(error) && storeFailures.has(error.code)) this.#breakOff(error, context)
        else this.cast({ type: 'fail', error })
      },
    )
  }

  /** At rest, a long journal gives way to a snapshot. */
  async #rest({ state, journal, accepting }: Awake, stopped: AbortSignal): Promise<void> {
    // A message that is being written down is work, though the state has not heard of it.
    if (hasWork(state) || accepting > 0) return
    this.#world.activity.end(this.#key)
    const isDue = journal.recordsSinceSnapshot >= Math.max(snapshotEvery, state.history.length)
    if (isDue && !stopped.aborted) await journal.compact()
  }

  /** The journal cannot be written: nothing more is accepted or done until it can be opened again. */
  #breakOff(error: BeamClawError, context: ActorContext<SessionMessage>): void {
    // Noticed before, and the journal is open again by now; or it is not the journal that failed.
    if (this.#awake?.journal.isBroken === false) return
    const log = this.#log
    const { ambient } = this.#world
    ambient.logger.log('error', 'session.journal-failed', { session: this.#key, code: error.code, error: error.message })
    this.#awake?.loop.interruptStep(error)
    this.#awake = undefined
    this.#log = undefined
    log?.close().catch(() => {})
    if (error.code === 'fenced') return void this.stop({ type: 'shutdown', detail: error })
    if (error.code === 'log-corrupt' || this.#reopenTimer !== undefined || context.signal.aborted) return
    const tryAgain = (): void => {
      this.#reopenTimer = undefined
      if (this.isAlive) this.cast({ type: 'go-on' }, { lane: 'control' })
    }
    this.#reopenTimer = ambient.clock.setTimer(tryAgain, reopenAfterMs, true)
  }

  // ---- waking

  /** Reads the journal, once for all who ask meanwhile, and goes on with what it says. */
  #wake(context: ActorContext<SessionMessage>): Promise<Awake> {
    this.#waking ??= this.#open(context).finally(() => {
      this.#waking = undefined
    })
    return this.#waking
  }

  async #open(context: ActorContext<SessionMessage>): Promise<Awake> {
    const { store, cluster, tenant } = this.#world
    const log = this.#log ?? (await openSessionLog(store, cluster, this.#key, journalKey(tenant, this.#key)))
    this.#log = log
    try {
      const awake = this.#over(log, stateOf(await log.read()))
      const { state, journal } = awake
      if (hasWork(state)) await this.#world.activity.begin(this.#key)
      for (const runId of [...state.cancelled]) await journal.commit({ type: 'run-end', runId, outcome: 'aborted' })
      if (state.current !== undefined) await journal.commit({ type: 'run-resume', runId: state.current.runId })
      this.#awake = awake
      this.#drive(awake, context)
      return awake
    } catch (error) {
      // Whoever asks next opens it anew.
      this.#log = undefined
      log.close().catch(() => {})
      throw error
    }
  }

  #over(log: Log, state: SessionState): Awake {
    const { providers, toolRunner, ambient } = this.#world
    const { clock, ids, random } = ambient
    const journal = new JournalWriter({
      log,
      state,
      ids,
      now: () => clock.now(),
      onCommitted: (record) => this.#tellCommitted(record),
    })
    const { model, tools, thinking, maxTurns, compactAboveTokens } = this.#agent
    const loop = new RunLoop({
      sessionKey: this.#key,
      agent: this.#agent,
      state,
      journal,
      providers,
      tools,
      toolRunner,
      limits: { ...runLimitDefaults, maxTurns, compactAboveTokens },
      clock,
      random,
      modelNow: () => ({ model, thinking }),
      tell: (event) => this.#world.events.publish(sessionTopic(this.#key), event),
    })
    return { state, journal, loop, isRunning: false, accepting: 0 }
  }

  #tellCommitted(record: LogRecord): void {
    this.#world.events.publish(sessionTopic(this.#key), eventOf(record, this.#key))
  }

  async #eventsFrom(fromSeq: number, context: ActorContext<SessionMessage>): Promise<readonly CommittedEvent[]> {
    if (this.#log === undefined) await this.#wake(context)
    const content = await this.#log?.read(fromSeq)
    return (content?.records ?? []).filter(({ seq }) => seq >= fromSeq).map((record) => eventOf(record, this.#key))
  }

  #inspect(): SessionInspection {
    const state = this.#awake?.state
    const current = state?.current
    return {
      ...this.inspect(),
      sessionKey: this.#key,
      agentId: this.#agent.id,
      isAwake: state !== undefined,
      restarts: this.generation - 1,
      historyLength: state?.history.length ?? 0,
      historyTokens: state?.historyTokens ?? 0,
      waiting: state?.waiting.map(({ runId }) => runId) ?? [],
      current: current && { runId: current.runId, turn: current.turn, attempt: current.attempt, waitsFor: waitReason(current) },
      deadLetters: state?.deadLetters ?? [],
    }
  }
}

function hasWork({ current, waiting }: SessionState): boolean {
  return current !== undefined || waiting.length > 0
}

function waitReason(current: NonNullable<SessionState['current']>): 'model' | 'tools' | 'retry' {
  if (current.failure !== undefined) return 'retry'
  return current.response === undefined ? 'model' : 'tools'
}
