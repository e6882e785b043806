/** The preset: every primitive wired into one tree, each port with a default. */
import { type AgentDefinition, checkAgents } from './agent/agent.ts'
import { BeamClawError } from './base/errors.ts'
import type { RunEvent } from './base/events.ts'
import { type AgentId, defaultTenant, parseAgentId, parseSessionKey, type TenantId } from './base/ids.ts'
import { anArray, anObject, checkOptions, integer, text } from './base/options.ts'
import { LocalEventBus } from './defaults/local-event-bus.ts'
import { MemoryStore } from './defaults/memory-store.ts'
import { type SystemServices, systemServices } from './defaults/services.ts'
import { SoloCluster } from './defaults/solo-cluster.ts'
import type { Cluster } from './ports/cluster.ts'
import type { EventBus } from './ports/event-bus.ts'
import type { Provider, ProviderPart, ProviderRequest } from './ports/provider.ts'
import type { Store } from './ports/store.ts'
import { ProviderTable } from './provider/provider-table.ts'
import { ActivityLog } from './session/activity/activity-log.ts'
import { Waker } from './session/activity/waker.ts'
import { EventLoopTurns } from './session/run/event-loop-turns.ts'
import { SuspectLine } from './session/run/suspect-line.ts'
import { checkSessionDefaults, type SessionDefaults, sessionDefaults } from './session/session-dependencies.ts'
import { type SessionAccess, SessionHandle } from './session/session-handle.ts'
import { type ListSessionsOptions, listSessions, type SessionSummary } from './session/session-list.ts'
import { SessionRouter } from './session/session-router.ts'
import { DynamicSupervisor } from './supervisor/dynamic-supervisor.ts'
import { Supervisor } from './supervisor/supervisor.ts'
import { TaskSupervisor } from './supervisor/task-supervisor.ts'
import type { TreeNode } from './supervisor/tree-node.ts'
import { RunWaits } from './tool/run-waits.ts'
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
  readonly sessions?: Partial<SessionDefaults>
  /** Clock, logger, ids, randomness and telemetry. @default the machine's own */
  readonly services?: Partial<SystemServices>
}

/** A question outside any session: nothing of it is kept. */
export type CompletionRequest = Omit<ProviderRequest, 'model'> & {
  /** `<provider>/<model>`. */
  readonly model: string
}

/** Wires the tree; `start()` brings it up. */
export class BeamClaw {
  readonly #options: BeamClawOptions
  #isUp = false

  constructor(options: BeamClawOptions) {
    checkOptions<BeamClawOptions>(
      'BeamClaw',
      options,
      {
        providers: anObject,
        agents: anArray,
        store: anObject,
        cluster: anObject,
        events: anObject,
        sessions: anObject,
        services: anObject,
      },
      ['providers', 'agents'],
    )
    checkAgents('BeamClaw', options.agents)
    checkSessionDefaults(options.sessions ?? {})
    this.#options = options
  }

  /**
   * Starts everything. Rejects with `ChildStartError` when a part does not come up, and `actor-already-started` while what an earlier call
   * started goes on: two trees over one store would take the sessions from each other.
   */
  async start(): Promise<RunningBeamClaw> {
    if (this.#isUp) throw new BeamClawError('actor-already-started', 'This BeamClaw is started; stop what runs first, or make another one')
    this.#isUp = true
    try {
      const running = await this.#start()
      void running.ended.then(() => {
        this.#isUp = false
      })
      return running
    } catch (error) {
      this.#isUp = false
      throw error
    }
  }

  async #start(): Promise<RunningBeamClaw> {
    const services = systemServices(this.#options.services)
    const { store = new MemoryStore(), cluster = new SoloCluster(), events = new LocalEventBus<RunEvent>() } = this.#options
    const providers = new ProviderTable(this.#options.providers)
    const agents = new Map(this.#options.agents.map((agent) => [agent.id, agent]))
    const tenant = defaultTenant
    // Who can write nothing any more must not go on as if nothing had happened.
    const onLost = ({ code, message }: BeamClawError): void => {
      services.logger.log('error', 'beamclaw.store-lost', { code, error: message })
      // Whoever is refused for it hears why before everything ends.
      services.clock.setTimer(() => void root.stop(), 0)
    }
    const activity = new ActivityLog({ tenant, store, cluster, services, onLost })
    const unfinished = await activity.open()
    const waits = new RunWaits()
    const suspects = new SuspectLine(services.clock)
    const turns = new EventLoopTurns(services.clock)
    const router = new SessionRouter(agents, (tasks) => ({
      tenant,
      store,
      cluster,
      events,
      activity,
      agents,
      providers,
      toolRunner: new ToolRunner({ tasks, waits, clock: services.clock, random: services.random }),
      suspects,
      turns,
      services,
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
    await root.start(services)
    // Also those that a supervisor which gave up has taken along.
    const waker = new Waker({ router, clock: services.clock, logger: services.logger })
    router.onRestart(() => void waker.wakeAll(activity.busy))
    const resumed = waker.wakeAll(unfinished)
    return new RunningBeamClaw({
      tenant,
      root,
      router,
      waits,
      waker,
      agents,
      providers,
      activity,
      resumed,
      store,
      events,
      cluster,
      services,
    })
  }
}

/** Restarts of sessions within five seconds, over all of them, that are still taken for accidents. */
const sessionRestarts = 100

interface Parts extends SessionAccess {
  readonly tenant: TenantId
  readonly root: Supervisor
  readonly agents: Map<AgentId, AgentDefinition>
  readonly providers: ProviderTable
  readonly activity: ActivityLog
  readonly waker: Waker
  readonly resumed: Promise<number>
  readonly store: Store
  readonly cluster: Cluster
}

/** A tree that is up. `await using` stops it. */
export class RunningBeamClaw implements AsyncDisposable {
  readonly #parts: Parts
  #stopping: Promise<void> | undefined
  /**
   * Resolves when the tree has ended: it was stopped or killed; more crashed than restarts can mend, and it gave up; another owner has its
   * store; or the store has failed for good. Everything is refused with `actor-not-running` then, and runs that are followed reject with
   * `run-interrupted`; what was accepted goes on in the next one that starts over the same store.
   */
  readonly ended: Promise<void>

  constructor(parts: Parts) {
    this.#parts = parts
    this.ended = new Promise((resolve) => {
      parts.root.monitor(() => {
        parts.router.hasEnded = true
        parts.waker.stop()
        // There may be another one over the same store before anybody stops this one.
        if (this.#stopping === undefined) parts.activity.kill()
        // Who follows a run is not left waiting for somebody who is gone.
        parts.events.stop().catch(() => {})
        resolve()
      })
    })
  }

  /** The agents, the default one first. */
  get agents(): readonly AgentDefinition[] {
    return [...this.#parts.agents.values()]
  }

  /**
   * Takes other definitions in the place of those there are. They hold from the next step of each run on; sessions of an agent that is gone
   * end what they have begun with its last one. Throws `invalid-option`; the old ones then stay.
   */
  updateAgents(agents: readonly AgentDefinition[]): void {
    checkAgents('updateAgents', agents)
    this.#parts.agents.clear()
    for (const agent of agents) this.#parts.agents.set(agent.id, agent)
  }

  /** Resolves with the number of interrupted sessions that are at work again, once each was tried; one that failed is tried again later. */
  get resumed(): Promise<number> {
    return this.#parts.resumed
  }

  /** A handle on one conversation; nothing starts before it is used. Throws `invalid-session-key`. */
  session(key: string): SessionHandle {
    return new SessionHandle(parseSessionKey(key), this.#parts)
  }

  /** The sessions there are, in the order of their keys. Rejects `invalid-option`, `invalid-id` or `invalid-session-key`. */
  async sessions(options: ListSessionsOptions = {}): Promise<readonly SessionSummary[]> {
    checkOptions<ListSessionsOptions>('sessions', options, { agentId: text(64), after: text(1_024), limit: integer(0) })
    const { store, tenant, activity } = this.#parts
    const agentId = options.agentId === undefined ? undefined : parseAgentId(options.agentId)
    return listSessions(store, tenant, activity, { agentId, after: options.after, limit: options.limit ?? 1_000 })
  }

  /** False once the tree has ended. */
  get isRunning(): boolean {
    return !this.#parts.router.hasEnded
  }

  /** Asks a model without a session. Throws `unknown-model`, or `actor-not-running` once this has ended; the iteration ends or throws as `Provider.doStream` says. */
  complete(request: CompletionRequest, options: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    if (this.#parts.router.hasEnded) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    const { provider, model } = this.#parts.providers.resolve(request.model)
    return provider.doStream({ ...request, model }, options)
  }

  /** The supervision tree as it is now. */
  tree(): TreeNode {
    return this.#parts.root.tree()
  }

  /** From now on new messages are refused with `draining`. Resolves once no session has work, or the tree has ended. */
  drain(): Promise<void> {
    this.#parts.router.isDraining = true
    return Promise.race([this.#parts.activity.whenIdle(), this.ended])
  }

  /**
   * Stops every session, then the tree, the bus and the store. Each of them is stopped, whatever the others do; then rejects with the first
   * failure. Called again, it waits for the same stop.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { waker, root, activity, events, cluster, store } = this.#parts
    waker.stop()
    const failures: unknown[] = []
    for (const stop of [() => root.stop(), () => activity.close(), () => events.stop(), () => cluster.stop(), () => store.stop()]) {
      try {
        await stop()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }

  /** Kills one branch of the tree, for drills: its supervisor starts it anew. Throws `child-not-found`. */
  killBelow(id: string): void {
    const branch = this.#parts.root.child(id)
    if (branch === undefined) throw new BeamClawError('child-not-found', `There is no running branch "${id}"`)
    branch.kill()
  }

  /** Ends everything here and now, as a crash would: what is durable is all that is left. The store is not stopped. */
  kill(): void {
    this.#parts.waker.stop()
    this.#parts.root.kill()
    this.#parts.activity.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
