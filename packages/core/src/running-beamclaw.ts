/** A running BeamClaw: its sessions, its configuration, and its end. */

import type { EventBus, ExitReason, StopOptions, Supervisor, SystemServices, TreeNode } from '@beamclaw/actor'
import {
  type AnyActor,
  aFunction,
  checkOptions,
  checkStopOptions,
  duration,
  invalidOption,
  oneOf,
  readOptions,
  text,
} from '@beamclaw/actor/internal'
import type { AgentDefinition, AgentOptions } from './agent/agent.ts'
import { readAgents, unknownAgent } from './agent/agent-list.ts'
import type { ApprovalGate } from './approval/approval-gate.ts'
import { BeamClawError } from './base/errors.ts'
import type { RunEvent } from './base/events.ts'
import { type AgentId, parseAgentId, parseSessionKey, parseTenantId } from './base/ids.ts'
import type { UserMessage } from './base/messages.ts'
import { settlesWithin } from './base/settles-within.ts'
import { ClusterSettings } from './cluster/cluster-settings.ts'
import type { Presence } from './cluster/presence.ts'
import type { ProcessGroups } from './cluster/process-groups.ts'
import type { Part } from './part/part.ts'
import { partBelow } from './part/parts-branch.ts'
import type { Cluster } from './ports/cluster.ts'
import type { EmbedAnswer, ProviderPart } from './ports/provider.ts'
import type { Store } from './ports/store.ts'
import type { ProviderTable } from './provider/provider-table.ts'
import type { EventListener, EventListeners } from './session/event-listeners.ts'
import { type ListenOptions, unknownEvent } from './session/listen-options.ts'
import type { NodePhase } from './session/node-phase.ts'
import type { EventLoopTurns } from './session/run/event-loop-turns.ts'
import {
  type CompletionRequest,
  checkedCompletion,
  checkedSignal,
  type GeneratedAnswer,
  type GenerateRequest,
  generate,
} from './session/run/generate.ts'
import { countTokens, type EmbedTextsRequest, embed } from './session/run/side-calls.ts'
import { listenableTypes, type SessionEvent } from './session/session-event.ts'
import type { SessionHandle } from './session/session-handle.ts'
import type { ListSessionsOptions, SessionSummary } from './session/session-list.ts'
import { BoundedStop } from './tenant/bounded-stop.ts'
import { ClusterView } from './tenant/cluster-view.ts'
import { livingParts } from './tenant/living-parts.ts'
import type { NodeLink } from './tenant/node-link.ts'
import type { StoreCalls } from './tenant/store-calls.ts'
import type { Tenant } from './tenant/tenant.ts'
import type { TenantSessions } from './tenant/tenant-sessions.ts'

interface Running {
  readonly root: Supervisor
  /** The default one first. */
  readonly tenants: readonly Tenant[]
  readonly agents: Map<AgentId, AgentDefinition>
  readonly providers: ProviderTable
  readonly phase: { value: NodePhase }
  readonly store: Store
  /** The calls of the sessions to it. */
  readonly calls: StoreCalls
  readonly events: EventBus<RunEvent>
  readonly listeners: EventListeners
  readonly cluster: Cluster
  readonly link: NodeLink
  readonly services: SystemServices
  readonly turns: EventLoopTurns
}

export type { StopOptions }

/** Returns the milliseconds that a stop may take. Throws `invalid-option`. */
export function stopLimit(options: StopOptions = {}): number {
  checkStopOptions(options)
  return options.timeoutMs ?? stopDefaults.timeoutMs
}

/** Options of `RunningBeamClaw.drain`. */
export interface DrainOptions {
  /** Milliseconds that a step of a run may take to complete before it is interrupted; only in a cluster. @default 25000 */
  readonly stepMs?: number
}

const drainDefaults = { stepMs: 25_000 } as const satisfies DrainOptions

/** Milliseconds that the cluster has to hear of a drain before it begins. */
const announceMs = 1_000

/** Limits of a stop: three times the grace of one child, which is that of a host's part, of the sessions, and of what is left. */
export const stopDefaults = { timeoutMs: 15_000 } as const satisfies StopOptions

/**
 * A running BeamClaw, as `BeamClaw.start` resolves with it. `await using` stops it.
 *
 * Phases: `running → draining → ended`, or `running → ended`.
 * I1: It ends once, when its root supervisor has ended for any reason.
 * I2: A stop reaches the tree, then the bus, the cluster and the store, even when one of them fails or hangs.
 *
 * @example
 * await using running = await claw.start()
 * const { text } = await running.session('agent:main:chat-7').send('Hello').result()
 */
export class RunningBeamClaw implements TenantSessions, AsyncDisposable {
  readonly #running: Running
  #stopping: BoundedStop | undefined
  readonly #end = new AbortController()
  /**
   * Resolves when the tree has ended: it was stopped or killed, it reached its restart limit, another owner took its store, or the store has
   * failed permanently. Every call then rejects `actor-not-running`, and the results of open runs reject `run-interrupted`; accepted messages
   * continue in the next BeamClaw that starts over the same store.
   * It resolves with the reason: `shutdown` after a stop, and with a `restart-limit` error as its `detail` after too many crashes; `killed` after a kill; `crashed`
   * with the error of the store as its `cause`.
   *
   * @example
   * const reason = await running.ended
   * if (reason.type === 'crashed') console.error(reason.cause)
   */
  readonly ended: Promise<ExitReason>
  /** The nodes of the cluster. */
  readonly cluster: ClusterView

  constructor(running: Running) {
    this.#running = running
    const { calls, cluster, link, phase, tenants, services } = running
    const settings = new ClusterSettings({ store: calls, key: [this.#default.id, 'cluster', 'settings'], cluster, services })
    this.cluster = new ClusterView({
      cluster,
      link,
      phase,
      tenants,
      drain: () => this.drain(),
      tree: () => this.tree(),
      logger: services.logger,
      settings,
    })
    this.ended = new Promise((resolve) => {
      running.root.monitor(({ reason }) => {
        running.phase.value = 'ended'
        // Callers that follow a run must not wait for a tree that has ended.
        running.events.stop().catch(() => {})
        running.listeners.stop()
        for (const { tables } of tenants) tables.stop()
        settings.stop()
        if (this.#stopping === undefined) this.#leaveCluster()
        this.#end.abort(new BeamClawError('actor-not-running', 'This BeamClaw has ended'))
        resolve(reason)
      })
    })
  }

  /** Of a tree that has ended by itself: its sessions are for the other nodes. */
  #leaveCluster(): void {
    const { link, cluster } = this.#running
    link.end()
    cluster.stop().catch(() => {})
  }

  /** The agents, the default one first. */
  get agents(): readonly AgentDefinition[] {
    return [...this.#running.agents.values()]
  }

  /**
   * Replaces the agents. The new definitions apply from the next run on: one under way keeps the definition it has. Sessions of a removed agent finish their runs with its
   * last definition. Runs that an earlier process left, and that wait for an agent that was not configured, go on when it is among these. Throws as `new BeamClaw` does; the agents are then unchanged.
   *
   * @example
   * running.updateAgents([{ id: 'main', model: 'demo/echo', system: 'Be quick.' }])
   */
  updateAgents(agents: readonly (AgentDefinition | AgentOptions)[]): void {
    const definitions = readAgents('updateAgents', agents, this.#running.providers)
    this.#running.agents.clear()
    for (const agent of definitions) this.#running.agents.set(agent.id, agent)
    for (const tenant of this.#running.tenants) tenant.agentsChanged()
  }

  /**
   * Resolves with the number of interrupted sessions that continue, once each was tried; a session that failed is tried again later. With
   * `resume: 'on-demand'` none is tried, and the number is 0.
   */
  get resumed(): Promise<number> {
    const counts = Promise.all(this.#running.tenants.map(({ resumed }) => resumed))
    return counts.then((all) => all.reduce((sum, count) => sum + count, 0))
  }

  /**
   * Wakes the sessions of all tenants that have work and wait because of `resume: 'on-demand'`. Resolves, once each was tried, with the
   * number of sessions that continue; a session that failed is tried again later. Rejects `actor-not-running` once the tree has ended.
   *
   * @example
   * console.log(`${await running.resume()} sessions continue`)
   */
  async resume(): Promise<number> {
    if (!this.isRunning) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    const counts = await Promise.all(this.#running.tenants.map((tenant) => tenant.resume()))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /**
   * Returns a handle on a session of the default tenant; nothing starts before it is used. Takes a whole key; or a name without a colon, which is a
   * session of the agent that is the first one now, so that the handle's `key` is whole; or an agent and ids of the host, as
   * `sessionKeyOf(agent, ...ids)` does: `send` then knows the type of the agent's `context`. Throws `invalid-session-key` and `invalid-id`.
   *
   * @example
   * running.session('chat-7').key // 'agent:main:chat-7', where 'main' is the first agent
   * const { text } = await running.session(support, user.id).send('Hello', { context: { user: user.name } }).result()
   */
  session(key: string): SessionHandle
  session<TContext>(agent: AgentDefinition<TContext>, ...ids: readonly [string, ...string[]]): SessionHandle<TContext>
  session(named: string | AgentDefinition, ...ids: readonly string[]): SessionHandle {
    return this.#default.named(named, ids)
  }

  /**
   * The calls of the default tenant that wait for approval, and what needs none any more.
   *
   * @example
   * running.on('approval-request', ({ request }) => running.approvals.deny(request.id, { reason: 'Not today.' }))
   */
  get approvals(): ApprovalGate {
    return this.#default.approvals
  }

  /** Who is present in the default tenant, at all nodes of the cluster. */
  get presence(): Presence {
    return this.#default.tables.presence
  }

  /** Groups of actors of the default tenant, at all nodes of the cluster. */
  get groups(): ProcessGroups {
    return this.#default.tables.groups
  }

  /** Lists the default tenant's sessions, in the order of their keys. Rejects `invalid-option`, `invalid-id` or `invalid-session-key`. */
  async sessions(options: ListSessionsOptions = {}): Promise<readonly SessionSummary[]> {
    return this.#default.sessions(options)
  }

  /** Returns the sessions of one of the configured tenants. Throws `unknown-tenant` or `invalid-id`. */
  tenant(id: string): TenantSessions {
    const tenant = this.#tenant(id)
    return {
      approvals: tenant.approvals,
      presence: tenant.tables.presence,
      groups: tenant.tables.groups,
      session: (named: string | AgentDefinition, ...ids: readonly string[]) => tenant.named(named, ids),
      sessions: async (options = {}) => tenant.sessions(options),
    }
  }

  #tenant(id: string): Tenant {
    const wanted = parseTenantId(id)
    const tenant = this.#running.tenants.find((one) => one.id === wanted)
    if (tenant === undefined) {
      const known = this.#running.tenants.map((one) => one.id).join(', ')
      throw new BeamClawError('unknown-tenant', `There is no tenant "${wanted}"; known tenants are ${known}`, {
        details: { tenant: wanted },
      })
    }
    return tenant
  }

  /**
   * Calls `listener` for the events of every session of this process, or those of one type, from now on. Returns what ends that. Durable events have
   * their `seq`, and are durable when they are told. A listener is called with one event at a time, and not inside the session's work: while the promise
   * that it returns is open, up to 10,000 events wait for it, then the oldest are dropped and the log says so. What it throws is logged. Throws
   * `invalid-option`, `invalid-id`, and `unknown-agent` and `unknown-tenant` for a filter that no session can pass.
   *
   * @example
   * const cancel = running.on('run-end', ({ agentId, runId, outcome }) => console.log(agentId, runId, outcome), { agent: 'main' })
   */
  on<TType extends RunEvent['type'] | '*'>(
    type: TType,
    listener: (event: SessionEvent<TType>) => unknown,
    given: ListenOptions = {},
  ): () => void {
    const filter = readOptions('on', given)
    if (!listenableTypes.includes(type)) throw unknownEvent(type)
    const noFunction = aFunction(listener)
    if (noFunction !== undefined) throw invalidOption('on', 'listener', noFunction, listener)
    checkOptions<ListenOptions>('on', filter, { agent: text(64), tenant: text(64), nodes: oneOf('own', 'all') })
    const agent = filter.agent === undefined ? undefined : this.#agentId(filter.agent)
    const tenant = filter.tenant === undefined ? undefined : this.#tenant(filter.tenant).id
    if (!this.isRunning) return () => {}
    return this.#running.listeners.add({ type, agent, tenant, isAnywhere: filter.nodes === 'all' }, listener as EventListener)
  }

  #agentId(agent: string): AgentId {
    const { agents } = this.#running
    const id = parseAgentId(agent)
    if (agents.has(id)) return id
    throw unknownAgent(id, [...agents.keys()])
  }

  /** False once the tree has ended. */
  get isRunning(): boolean {
    return this.#running.phase.value !== 'ended'
  }

  /**
   * Asks a model once, without a session: nothing is stored, no tool is run and nothing is repeated. Takes `<provider>/<model>` or a whole request;
   * the prompt is its last message. Resolves with the `text`, the whole `message`, `finish` (why the model stopped) and the `usage` in tokens.
   * Rejects `invalid-option`, `invalid-message`, `unknown-model`, `actor-not-running` once the tree has ended, and `provider-*` as the provider
   * fails: `provider-aborted` when `signal` is aborted or the tree ends meanwhile.
   *
   * @example
   * const { text } = await running.generate('openai/my-model', 'Say hello.')
   * const answer = await running.generate({ model: 'openai/my-model', system: 'Be brief.', messages, signal })
   */
  async generate(model: string | GenerateRequest, prompt?: UserMessage['content']): Promise<GeneratedAnswer> {
    if (!this.isRunning) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    const { providers, turns, services } = this.#running
    return generate(model, prompt, { providers, turns, clock: services.clock, logger: services.logger, ended: this.#end.signal })
  }

  /**
   * Sends a request to a model without a session, for its answer piece by piece; `generate` has it whole. Throws `invalid-option`, `invalid-message`,
   * `unknown-model`, or `actor-not-running` once the tree has ended; the iteration ends or throws as that of `Provider.doStream`. Without a `signal`, leaving the loop
   * is what ends the call early.
   *
   * @example
   * for await (const part of running.complete({ model: 'openai/my-model', messages })) if (part.type === 'text-delta') show(part.text)
   */
  complete(request: CompletionRequest, options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ProviderPart> {
    if (!this.isRunning) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    const checked = checkedCompletion(request)
    const { signal = new AbortController().signal } = checkedSignal(options)
    const { provider, model } = this.#running.providers.resolve(checked.model)
    return provider.doStream({ ...checked, model }, { signal })
  }

  /**
   * Resolves with an embedding for each of 1 to 2,048 texts, none of them empty; nothing is stored. Rejects `invalid-option` (also for a provider
   * without embeddings), `unknown-model`, `actor-not-running` once the tree has ended, and `provider-*` as the provider fails.
   *
   * @example
   * const { embeddings, usage } = await running.embed({ model: 'openai/text-embedding-3-small', texts: ['one', 'two'] })
   */
  async embed(request: EmbedTextsRequest): Promise<EmbedAnswer> {
    if (!this.isRunning) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    return embed(request, this.#running.providers, this.#end.signal)
  }

  /**
   * Resolves with the input tokens of a request as its service counts them, without asking the model. Rejects as `embed` does, with `invalid-option`
   * for a provider whose service does not count, and `invalid-message`.
   *
   * @example
   * const tokens = await running.countTokens({ model: 'anthropic/claude-sonnet-5', messages })
   */
  async countTokens(request: CompletionRequest & { readonly signal?: AbortSignal }): Promise<number> {
    if (!this.isRunning) throw new BeamClawError('actor-not-running', 'This BeamClaw has ended')
    return countTokens(request, this.#running.providers, this.#end.signal)
  }

  /**
   * Returns the running actor of a part, typed by the part; undefined while it does not run. A part of tenants is the default tenant's, unless `tenant`
   * names another. Throws `unknown-tenant` or `invalid-id`.
   *
   * @example
   * const report = await running.part(metrics)?.call('report')
   */
  part<TActor extends AnyActor>(part: Part<TActor>, tenant?: string): TActor | undefined {
    const { id, level } = readOptions('part', part)
    const { root } = this.#running
    const found = level === 'node' ? partBelow(root, id) : (tenant === undefined ? this.#default : this.#tenant(tenant)).part(id)
    return found as TActor | undefined
  }

  /** Returns a snapshot of the supervision tree. */
  tree(): TreeNode {
    return this.#running.root.tree()
  }

  /**
   * Prepares this node for its end. In a cluster its conversations move to the other nodes, each when the step of its run is complete or after `stepMs`
   * milliseconds, 25000 unless given; handles and subscriptions here go on to work. A node that is alone refuses new messages with `draining`. Resolves once
   * the sessions are handed over or have no work, or the tree has ended; at once at a node that is cut off, which has none. Rejects `invalid-option`.
   *
   * @example
   * process.once('SIGTERM', () => running.drain().then(() => running.stop()).then(() => process.exit(0)))
   */
  async drain(given: DrainOptions = {}): Promise<void> {
    const options = readOptions('drain', given)
    checkOptions<DrainOptions>('drain', options, { stepMs: duration() })
    const { link, tenants, cluster, services } = this.#running
    link.drain()
    // Also without others: one that joins now must place nothing here. A cluster that is away hears it when it is back.
    await settlesWithin(
      cluster.announce({ state: 'draining' }).catch(() => {}),
      announceMs,
      services,
    )
    if (!this.#hasOthers) await Promise.race([Promise.all(tenants.map((tenant) => tenant.whenIdle())), this.#whenOthers(), this.ended])
    const { stepMs = drainDefaults.stepMs } = options
    if (this.#hasOthers) await Promise.race([Promise.all(tenants.map((tenant) => tenant.handOver(stepMs))), this.ended])
  }

  /** True when another node can take the sessions. */
  get #hasOthers(): boolean {
    return this.cluster.nodes.some(({ isSelf, state }) => !isSelf && state === 'up')
  }

  /** Resolves once another node can take the sessions. */
  #whenOthers(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#running.link.whenMembersChange(() => {
        if (!this.#hasOthers) return
        stop()
        resolve()
      })
      void this.ended.then(stop)
    })
  }

  /**
   * Stops every session, then the tree, the bus, the cluster and the store. Each of them is stopped, even when another one fails; the stop then rejects
   * with the first error. It rejects `stop-timeout` when they, or calls to the store, take longer than `timeoutMs`, 15000 unless given, `Infinity` for no
   * limit: everything then ends as by `kill`, and the error names what hung. A session has five seconds of that, and a part the `shutdownMs` of its child
   * spec. A second call waits for the same stop, and the shorter limit counts. Rejects `invalid-option`.
   *
   * @example
   * process.once('SIGTERM', () => running.stop({ timeoutMs: 8_000 }).then(() => process.exit(0), () => process.exit(1)))
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const timeoutMs = stopLimit(options)
    this.#stopping ??= this.#stop()
    await this.#stopping.within(timeoutMs)
  }

  #stop(): BoundedStop {
    const { root, events, cluster, link, store, calls, services } = this.#running
    link.end()
    const hungPart = livingParts(root)
    return new BoundedStop({
      clock: services.clock,
      steps: [
        // The limit is that of the whole stop.
        { name: 'the tree', stop: () => root.stop(undefined, { timeoutMs: Number.POSITIVE_INFINITY }) },
        { name: 'the event bus', stop: () => events.stop() },
        { name: 'the cluster', stop: () => cluster.stop() },
        { name: 'the store', stop: () => store.stop() },
        { name: 'the calls to the store', stop: () => calls.settled() },
      ],
      hanging: () => [hungPart() ?? [], calls.underWay].flat(),
      giveUp: () => root.kill(),
    })
  }

  /** Ends everything at once, as a crash would: only durable data is left. The store is not stopped. */
  kill(): void {
    this.#running.root.kill()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal Gives a session of the default tenant to another node, for drills. Resolves with whether it has left; one that has work stays. */
  static async giveSession(running: RunningBeamClaw, key: string, to: string): Promise<boolean> {
    const node = running.cluster.nodes.find(({ id, isSelf, state }) => id === to && !isSelf && state === 'up')
    return node !== undefined && (await running.#default.giveTo(parseSessionKey(key), node))
  }

  /** @internal Kills one part of the default tenant, for drills: its supervisor starts it again. Throws `child-not-found`. */
  static killPart(running: RunningBeamClaw, id: string): void {
    const part = running.#default.part(id)
    if (part === undefined) throw new BeamClawError('child-not-found', `There is no running part "${id}"`)
    part.kill()
  }

  get #default(): Tenant {
    return this.#running.tenants[0] as Tenant
  }
}
