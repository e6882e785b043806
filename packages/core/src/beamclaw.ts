/** The preset: every primitive wired into one tree, each port with a default. */
import type { AgentDefinition } from './agent/agent.ts'
import { type Ambient, ambientWith } from './defaults/ambient.ts'
import { LocalEventBus } from './defaults/local-event-bus.ts'
import { MemoryStore } from './defaults/memory-store.ts'
import { SoloCluster } from './defaults/solo-cluster.ts'
import { BeamClawError, describeError } from './errors.ts'
import type { RunEvent } from './events.ts'
import { type AgentId, defaultTenant, parseRunId, parseSessionKey, type SessionKey } from './ids.ts'
import type { JsonObject, UserMessage } from './messages.ts'
import { anArray, anObject, checkOptions, oneOf, text } from './options.ts'
import type { Cluster } from './ports/cluster.ts'
import type { EventBus } from './ports/event-bus.ts'
import type { Provider, ProviderPart, ProviderRequest } from './ports/provider.ts'
import type { Store } from './ports/store.ts'
import { ProviderTable } from './provider/provider-table.ts'
import { Registry } from './registry/registry.ts'
import { ActivityLog } from './session/activity-log.ts'
import type { WhenBusy } from './session/journal.ts'
import { RunStream } from './session/run-stream.ts'
import { type Session, type SessionMessage, type SessionSettings, sessionDefaults, sessionTopic } from './session/session.ts'
import type { AbortReceipt, SendReceipt, SessionInspection } from './session/session-answers.ts'
import { SessionFeed } from './session/session-feed.ts'
import { SessionRouter } from './session/session-router.ts'
import { DynamicSupervisor } from './supervisor/dynamic-supervisor.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { TaskSupervisor } from './supervisor/task-supervisor.ts'
import type { TreeNode } from './supervisor/tree-node.ts'
import { jsonSchemaOf, type StandardSchema } from './tool/standard-schema.ts'
import { ToolRunner } from './tool/tool-runner.ts'

export interface BeamClawOptions {
  /** By the id that model names begin with. */
  readonly providers: Readonly<Record<string, Provider>>
  /** What `defineAgent` made; the first one is the default agent. */
  readonly agents: readonly AgentDefinition[]
  /** @default new MemoryStore() */
  readonly store?: Store
  /** @default new SoloCluster() */
  readonly cluster?: Cluster
  /** @default new LocalEventBus() */
  readonly events?: EventBus<RunEvent>
  /** How sessions queue and sleep. */
  readonly sessions?: Partial<SessionSettings>
  /** Clock, logger, ids, randomness and telemetry. @default the machine's own */
  readonly ambient?: Partial<Ambient>
}

export interface SendOptions<TOutput = undefined> {
  /** A repeat with the same key gets the same run. 1 to 256 printable ASCII characters. @default a new one */
  readonly idempotencyKey?: string
  /** What the message does when the session is busy. @default 'queue' */
  readonly whenBusy?: WhenBusy
  /** Asks for JSON of this shape; `result()` then has it as `output`. @default free text */
  readonly output?: StandardSchema<TOutput>
}

/** A question outside any session: nothing of it is kept. */
export type AskRequest = Omit<ProviderRequest, 'model'> & {
  /** `<provider>/<model>`. */
  readonly model: string
}

/** Wires the tree; `start()` brings it up. */
export class BeamClaw {
  readonly #options: BeamClawOptions

  constructor(options: BeamClawOptions) {
    checkOptions<BeamClawOptions>(
      'BeamClaw',
      options,
      { providers: anObject, agents: anArray, store: anObject, cluster: anObject, events: anObject, sessions: anObject, ambient: anObject },
      ['providers', 'agents'],
    )
    this.#options = options
  }

  /** Starts everything. Rejects with `ChildStartError` when a part does not come up. */
  async start(): Promise<RunningBeamClaw> {
    const ambient = ambientWith(this.#options.ambient)
    const { store = new MemoryStore(), cluster = new SoloCluster(), events = new LocalEventBus<RunEvent>() } = this.#options
    const providers = new ProviderTable(this.#options.providers)
    const agents = new Map(this.#options.agents.map((agent) => [agent.id, agent]))
    const activity = new ActivityLog({ tenant: defaultTenant, store, cluster, ambient })
    const unfinished = await activity.open()
    const router = new SessionRouter(agents, (tasks) => ({
      tenant: defaultTenant,
      store,
      cluster,
      events,
      activity,
      sessions: new Registry<SessionKey>(),
      providers,
      toolRunner: new ToolRunner({ tasks, clock: ambient.clock, random: ambient.random }),
      ambient,
      settings: { ...sessionDefaults, ...this.#options.sessions },
    }))
    const root = new Supervisor({
      id: 'beamclaw',
      // Sessions run their tools as tasks: those who lose one must get the other anew.
      strategy: 'restForOne',
      children: [
        { id: 'tools', type: 'supervisor', start: () => router.useTasks(new TaskSupervisor({ id: 'tools' })) },
        {
          id: 'sessions',
          type: 'supervisor',
          start: () => router.useSupervisor(new DynamicSupervisor({ id: 'sessions', maxRestarts: sessionRestarts })),
        },
      ],
    })
    await root.start(ambient)
    // Also those that a supervisor which gave up has taken along.
    router.onRestart(() => void resumeAll(router, activity.busy, ambient))
    const resumed = resumeAll(router, unfinished, ambient)
    return new RunningBeamClaw({ root, router, agents, providers, activity, resumed, store, events, cluster, ambient })
  }
}

/** Restarts of sessions within five seconds, over all of them, that are still taken for accidents. */
const sessionRestarts = 100

interface Parts {
  readonly root: Supervisor
  readonly router: SessionRouter
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  readonly providers: ProviderTable
  readonly activity: ActivityLog
  readonly resumed: Promise<number>
  readonly store: Store
  readonly events: EventBus<RunEvent>
  readonly cluster: Cluster
  readonly ambient: Ambient
}

/** A tree that is up. `await using` stops it. */
export class RunningBeamClaw implements AsyncDisposable {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** The agents, the default one first. */
  get agents(): readonly AgentDefinition[] {
    return [...this.#parts.agents.values()]
  }

  /** Resolves, once every session that was interrupted in its work is at it again, with their number. */
  get resumed(): Promise<number> {
    return this.#parts.resumed
  }

  /** A handle on one conversation; nothing starts before it is used. Throws `invalid-session-key`. */
  session(key: string): SessionHandle {
    return new SessionHandle(parseSessionKey(key), this.#parts)
  }

  /** Asks a model without a session. Throws `unknown-model`; the iteration ends or throws as `Provider.doStream` says. */
  ask(request: AskRequest, options: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    const { provider, model } = this.#parts.providers.resolve(request.model)
    return provider.doStream({ ...request, model }, options)
  }

  /** The supervision tree as it is now. */
  tree(): TreeNode {
    return this.#parts.root.tree()
  }

  /** Stops every session, then the tree, the bus and the store. */
  async stop(): Promise<void> {
    await this.#parts.root.stop()
    await this.#parts.activity.close()
    await this.#parts.events.stop()
    await this.#parts.cluster.stop()
    await this.#parts.store.stop()
  }

  /** Kills one branch of the tree, for drills: its supervisor starts it anew. Throws `child-not-found`. */
  killBelow(id: string): void {
    const branch = this.#parts.root.child(id)
    if (branch === undefined) throw new BeamClawError('child-not-found', `There is no running branch "${id}"`)
    branch.kill()
  }

  /** Ends everything here and now, as a crash would: what is durable is all that is left. The store is not stopped. */
  kill(): void {
    this.#parts.root.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** Sessions woken at a time after a start. */
const resumedAtOnce = 32

/** Wakes sessions that have work to do. One that cannot be woken is reported, and is tried again at the next start. */
async function resumeAll(router: SessionRouter, keys: readonly SessionKey[], { logger }: Ambient): Promise<number> {
  const rest = [...keys]
  let resumed = 0
  const wakeNext = async (): Promise<void> => {
    for (let key = rest.pop(); key !== undefined; key = rest.pop()) {
      try {
        await router.find(key)
        resumed++
      } catch (error) {
        logger.log('error', 'session.not-resumed', { session: key, error: describeError(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: resumedAtOnce }, wakeNext))
  return resumed
}

/** A session may have to read a long journal before it answers. */
const patient = { timeoutMs: 60_000 }

/** One conversation, from outside. */
export class SessionHandle {
  readonly key: SessionKey
  readonly #parts: Parts

  constructor(key: SessionKey, parts: Parts) {
    this.key = key
    this.#parts = parts
  }

  /** Sends a user's message, which begins a run. The stream's `accepted` resolves once the message is durable. */
  send<TOutput = undefined>(content: UserMessage['content'], options: SendOptions<TOutput> = {}): RunStream<TOutput> {
    checkOptions<SendOptions<TOutput>>('send', options, {
      idempotencyKey: text(256),
      whenBusy: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
      output: anObject,
    })
    if (content.length === 0) throw new BeamClawError('invalid-message', 'A message must not be empty')
    const runId = parseRunId(options.idempotencyKey ?? this.#parts.ambient.ids.next('run'))
    const message: SessionMessage = {
      type: 'send',
      runId,
      message: { role: 'user', content },
      whenBusy: options.whenBusy ?? 'queue',
      ...(options.output === undefined ? {} : { responseFormat: { type: 'json', ...schemaOf(options.output) } }),
    }
    const send = async (): Promise<SendReceipt> => (await this.#session()).call(message, patient) as Promise<SendReceipt>
    return new RunStream({ runId, feed: this.#feed(), send, output: options.output })
  }

  /** Ends a run, waiting or under way; without a name the one under way. Does nothing for a run that is over. */
  async abort(runId?: string): Promise<AbortReceipt> {
    const message: SessionMessage = { type: 'abort', runId: runId === undefined ? undefined : parseRunId(runId) }
    return (await this.#session()).call(message, { ...patient, lane: 'control' }) as Promise<AbortReceipt>
  }

  /** The session's events: those its journal still has from `fromSeq` on, then those that happen. Leave the loop to end it. */
  subscribe(fromSeq = 1): AsyncIterable<RunEvent> {
    return this.#feed().from(fromSeq)
  }

  /** What the session is doing; starts it when it is not up. */
  async inspect(): Promise<SessionInspection> {
    return (await this.#session()).call({ type: 'inspect' }, { ...patient, lane: 'control' }) as Promise<SessionInspection>
  }

  #session(): Promise<Session> {
    return this.#parts.router.find(this.key)
  }

  #feed(): SessionFeed {
    const read = async (fromSeq: number): Promise<readonly RunEvent[]> =>
      (await this.#session()).call({ type: 'read', fromSeq }, { ...patient, lane: 'control' }) as Promise<readonly RunEvent[]>
    return new SessionFeed({ events: this.#parts.events, topic: sessionTopic(this.key), read })
  }
}

function schemaOf(output: StandardSchema): { readonly schema?: JsonObject } {
  const schema = jsonSchemaOf(output)
  return schema === undefined ? {} : { schema }
}
