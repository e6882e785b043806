/** One conversation: an actor around its journal. Nothing is said to have happened before the record that says so is durable. */
import { Actor } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { refuse } from '../actor/refusal.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError, describeError } from '../errors.ts'
import type { RunEvent } from '../events.ts'
import type { RunId, SessionKey, TenantId } from '../ids.ts'
import { sessionKeyParts } from '../ids.ts'
import { noUsage, type UserMessage } from '../messages.ts'
import type { Clock, IdGenerator } from '../ports/ambient.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { EventBus } from '../ports/event-bus.ts'
import type { ProviderRequest } from '../ports/provider.ts'
import type { Log, Store, StoreKey } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { Registry } from '../registry/registry.ts'
import { readAnswer } from './answer.ts'
import { type JournalEntry, type RunFailure, type RunOutcome, recordData, SessionState } from './journal.ts'
import { nextStep } from './recovery.ts'

/** What a session needs of the world. */
export interface SessionWorld {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  /** Where a session that is up is found. */
  readonly sessions: Registry<SessionKey>
  readonly providers: ProviderTable
  readonly clock: Clock
  readonly ids: IdGenerator
}

/** Work for a session. */
export type SessionMessage =
  | { readonly type: 'send'; readonly runId: RunId; readonly message: UserMessage }
  | { readonly type: 'fail'; readonly error: unknown }

/** Answers a `send`, once the message is durable: `accepted` the first time, then how far its run has come. */
export interface SendReceipt {
  readonly runId: RunId
  readonly status: 'accepted' | 'waiting' | 'running' | RunOutcome
}

/** The topic of a session's events. */
export function sessionTopic(key: SessionKey): string {
  return `session:${key}`
}

/** Where a session's journal is kept. */
export function journalKey(tenant: TenantId, key: SessionKey): StoreKey {
  const { agentId, sessionId } = sessionKeyParts(key)
  return [tenant, 'sessions', agentId, sessionId]
}

export class Session extends Actor<SessionMessage, SendReceipt | undefined> {
  readonly #key: SessionKey
  readonly #agent: AgentDefinition
  readonly #world: SessionWorld
  #state = new SessionState()
  #log: Log | undefined
  #lastSeq = 0
  #isDriving = false

  constructor(key: SessionKey, agent: AgentDefinition, world: SessionWorld) {
    super({ id: key })
    this.#key = key
    this.#agent = agent
    this.#world = world
  }

  protected override async init(context: ActorContext<SessionMessage>): Promise<void> {
    const { cluster, store, tenant } = this.#world
    const lease = await cluster.acquire(this.#key)
    this.#log = await store.openLog(journalKey(tenant, this.#key), lease.token)
    const { records } = await this.#log.read()
    for (const record of records) this.#state.apply(record)
    this.#lastSeq = this.#state.seq
    this.#world.sessions.register(this.#key, this)
    this.#drive(context)
  }

  protected override async handle(message: SessionMessage, context: ActorContext<SessionMessage>) {
    if (message.type === 'fail') throw message.error
    const { runId } = message
    const known = this.#state.runs.get(runId)
    if (known !== undefined) return { runId, status: known }
    try {
      await this.#commit({ type: 'message-in', runId, message: message.message })
    } catch (error) {
      if (BeamClawError.isInstance(error)) return refuse(error)
      throw error
    }
    this.#drive(context)
    return { runId, status: 'accepted' as const }
  }

  protected override async onStop(): Promise<void> {
    await this.#log?.close()
  }

  /** Runs until there is nothing to do; a failure of the journal crashes the session, whose restart goes on from what is durable. */
  #drive(context: ActorContext<SessionMessage>): void {
    if (this.#isDriving) return
    this.#isDriving = true
    const run = this.#run(context.signal)
    context.keepAwake(run)
    context.waitUntil(run)
    run.then(
      () => {
        this.#isDriving = false
      },
      (error) => {
        if (this.isAlive) this.cast({ type: 'fail', error })
      },
    )
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let step = nextStep(this.#state); step.type !== 'wait' && !signal.aborted; step = nextStep(this.#state)) {
      const { runId } = step
      if (step.type === 'start-run') {
        await this.#commit({ type: 'run-start', runId })
        this.#tell({ type: 'run-start', runId, sessionKey: this.#key })
      } else if (step.type === 'ask-model') {
        await this.#askModel(step.runId, step.turn, step.attempt, signal)
      } else {
        await this.#endRun(runId, step.outcome)
      }
    }
  }

  async #askModel(runId: RunId, turn: number, attempt: number, signal: AbortSignal): Promise<void> {
    const about = { runId, sessionKey: this.#key, turn }
    try {
      const { provider, model } = this.#world.providers.resolve(this.#agent.model)
      await this.#commit({ type: 'model-request', runId, turn, attempt, model: this.#agent.model })
      const { system } = this.#agent
      const request: ProviderRequest = { model, messages: [...this.#state.history], ...(system === undefined ? {} : { system }) }
      const answer = await readAnswer(provider.doStream(request, { signal }), (part) => {
        if (part.type === 'text-delta' || part.type === 'thinking-delta')
          this.#tell({ ...about, attempt, type: part.type, text: part.text })
      })
      await this.#commit({ type: 'model-response', runId, turn, ...answer })
      this.#tell({ ...about, type: 'message', message: answer.message })
    } catch (error) {
      // Told to stop: the request stays open in the journal, and whoever owns the session next asks again.
      if (signal.aborted) return
      if (!BeamClawError.isInstance(error) || !error.code.startsWith('provider-')) throw error
      await this.#endRun(runId, 'failed', { code: error.code, message: describeError(error) })
    }
  }

  async #endRun(runId: RunId, outcome: RunOutcome, failure?: RunFailure): Promise<void> {
    const { current } = this.#state
    const finish = current?.response?.finish
    await this.#commit({ type: 'run-end', runId, outcome, ...(failure === undefined ? {} : { failure }) })
    this.#tell({
      type: 'run-end',
      runId,
      sessionKey: this.#key,
      outcome,
      usage: current?.usage ?? noUsage,
      ...(finish === undefined ? {} : { finish }),
      ...(failure === undefined ? {} : { failure }),
    })
  }

  async #commit(entry: JournalEntry): Promise<void> {
    const record = {
      seq: ++this.#lastSeq,
      type: entry.type,
      id: this.#world.ids.next(),
      ts: this.#world.clock.now(),
      data: recordData(entry),
    }
    await this.#log?.append([record])
    this.#state.apply(record)
  }

  #tell(event: RunEvent): void {
    this.#world.events.publish(sessionTopic(this.#key), event)
  }
}
