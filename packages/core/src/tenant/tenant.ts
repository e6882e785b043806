/**
 * One tenant: a branch of the supervision tree with sessions of its own.
 *
 * Phases: `new → up ⇄ down`; up while its supervisor is alive, down between two incarnations of it.
 * Owns the parts of the present incarnation: each incarnation gets new parts. Agents and ports outlive it and belong to the node.
 * I1: Every store key, topic and lease of a tenant contains its id.
 * I2: Session handles reach the present incarnation through the tenant, so they stay valid over restarts.
 */
import type { ChildSpec, DynamicSupervisor, EventBus, Supervisor, SystemServices } from '@beamclaw/actor'
import type { AgentDefinition } from '../agent/agent.ts'
import { ApprovalGate, type Decide } from '../approval/approval-gate.ts'
import { describeError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import { parseSessionKey, type SessionKey, type TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { PartHost } from '../part/part.ts'
import { partBelow } from '../part/parts-branch.ts'
import type { NodeRef } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { ResumeMode } from '../session/activity/activity-log-options.ts'
import type { EventPage } from '../session/event-page.ts'
import { forOtherNode, fromOtherNode, sessionsAtWork } from '../session/listing/sessions-at-work.ts'
import type { SessionCall } from '../session/remote-sessions.ts'
import type { EventLoopTurns } from '../session/run/event-loop-turns.ts'
import type { Session } from '../session/session.ts'
import type { SessionAccess } from '../session/session-door.ts'
import { SessionHandle } from '../session/session-handle.ts'
import { type ListedSession, type ListSessionsOptions, listSessions, type SessionSummary } from '../session/session-list.ts'
import { SessionRecords } from '../session/session-records.ts'
import type { SessionRouter } from '../session/session-router.ts'
import type { RunWaits } from '../tool/run-waits.ts'
import { answerPage, pageByReader } from './event-pages.ts'
import { FoldedKeys } from './folded-keys.ts'
import type { TenantQuestion, TenantWorkload } from './node-link.ts'
import type { RestingSession } from './rebalancer.ts'
import { SharedTables } from './shared-tables.ts'
import { newTenantLife, type TenantLife, type TenantNode } from './tenant-life.ts'
import { TenantNodes } from './tenant-nodes.ts'
import { wholeKeyOf } from './whole-key.ts'

/** Milliseconds that another node has to answer. */
const answerWithinMs = 2_000

export class Tenant implements SessionAccess {
  readonly id: TenantId
  /** What waits for approval; outlives the incarnations. */
  readonly approvals: ApprovalGate
  /** What the nodes of the cluster share in memory; outlives the incarnations, too. */
  readonly tables: SharedTables
  readonly #node: TenantNode
  readonly #foldedKeys: FoldedKeys
  readonly #nodes: TenantNodes
  #life: TenantLife
  /** Resolves with the number of interrupted sessions that are at work again, once each was tried. */
  readonly resumed: Promise<number>
  #onResumed: (count: number | Promise<number>) => void = () => {}

  constructor(id: TenantId, node: TenantNode) {
    this.id = id
    this.#node = node
    this.resumed = new Promise((resolve) => {
      this.#onResumed = resolve
    })
    this.tables = new SharedTables(id, node.cluster, node.services)
    this.#foldedKeys = new FoldedKeys(node.services.logger)
    this.#nodes = new TenantNodes(id, node.cluster, node.link)
    const { store, services } = node
    const decide: Decide = (key, approval, answer) => this.#life.router.ask(key, { type: 'decide', id: approval, answer })
    const onGrantsChanged = async (): Promise<void> => void (await this.#askOthers('grants'))
    this.approvals = new ApprovalGate({ tenant: id, store, services, decide, onGrantsChanged })
    this.#life = this.#newLife(node.resume)
  }

  get router(): SessionRouter {
    return this.#life.router
  }

  get waits(): RunWaits {
    return this.#life.waits
  }

  get events(): EventBus<RunEvent> {
    return this.#node.events
  }

  get services(): SystemServices {
    return this.#node.services
  }

  get store(): Store {
    return this.#node.store
  }

  get turns(): EventLoopTurns {
    return this.#node.turns
  }

  readonly whenSessionsEnd = (callback: () => void): (() => void) => this.#life.supervisor.monitor(callback)

  readonly pageElsewhere = (key: SessionKey, fromSeq: number, format: number): Promise<EventPage | undefined> =>
    pageByReader(this.#node.cluster, { tenant: this.id, key, fromSeq, format })

  /** Resolves with a page of a journal, for a node whose version cannot read it. Rejects as `answerPage` does. */
  eventPage(request: JsonObject): Promise<JsonValue> {
    return answerPage(this.#node.store, this.id, request)
  }

  /** Returns the running actor of a part; undefined while it does not run. */
  part(id: string): ReturnType<Supervisor['child']> {
    return partBelow(this.#life.supervisor, id)
  }

  /** Returns the child spec of the tenant. */
  spec(): ChildSpec {
    let next: TenantLife | undefined = this.#life
    return {
      id: this.id,
      type: 'supervisor',
      start: () => {
        // After a restart within this process all interrupted sessions continue at once.
        this.#life = next ?? this.#newLife('now')
        next = undefined
        return this.#life.supervisor
      },
    }
  }

  get providers(): ProviderTable {
    return this.#node.providers
  }

  get maxCallDepth(): number {
    return this.#node.sessionDefaults.maxCallDepth
  }

  /** `depth` counts the sessions above it that wait for what it is sent. */
  session(key: string, depth = 0): SessionHandle {
    const parsed = parseSessionKey(key)
    this.#foldedKeys.look(key, parsed)
    return new SessionHandle(parsed, this, depth)
  }

  /** As `session`, by what a host names it with: see `wholeKeyOf`. */
  named(name: string | AgentDefinition, ids: readonly string[]): SessionHandle {
    return this.session(wholeKeyOf(name, ids, this.#node.agents.keys()))
  }

  /** Wakes the sessions that were left alone; resolves with the number of sessions at work once each was tried. */
  async resume(): Promise<number> {
    const { activity, waker } = this.#life
    return (await waker.current?.wakeAll(activity.resume())) ?? 0
  }

  /** Carries out a call of another node. Rejects as the session does, and `moved` for one that is elsewhere. */
  serve(key: SessionKey, call: SessionCall): Promise<unknown> {
    return this.#life.router.serve(key, call)
  }

  /** Sessions in memory. */
  get sessionCount(): number {
    return this.#sessions?.countChildren().active ?? 0
  }

  /** Those with work. */
  get busyCount(): number {
    return this.#life.activity.busy.length
  }

  /** What the sessions in memory have to do, and those that dead nodes have left. */
  get workload(): TenantWorkload {
    const { sweeper } = this.#life
    let [activeRuns, waitingMessages] = [0, 0]
    for (const { actor } of this.#sessions?.whichChildren() ?? []) {
      const { isRunning = false, waiting = 0 } = (actor as Session | undefined)?.workload ?? {}
      if (isRunning) activeRuns++
      waitingMessages += waiting
    }
    return { activeRuns, waitingMessages, orphanedSessions: sweeper.current?.orphaned ?? 0 }
  }

  get #sessions(): DynamicSupervisor | undefined {
    return partBelow(this.#life.supervisor, 'sessions') as DynamicSupervisor | undefined
  }

  /** The sessions in memory that have no work, and had none for some seconds. */
  get resting(): readonly RestingSession[] {
    const { activity } = this.#life
    const keys = (this.#sessions?.whichChildren() ?? []).map(({ id }) => id as SessionKey)
    return keys.filter((key) => !activity.isListed(key)).map((key) => ({ key, usedAt: activity.lastSeen(key) ?? 0 }))
  }

  canTake(key: SessionKey): boolean {
    return this.#life.router.canTake(key)
  }

  giveTo(key: SessionKey, node: NodeRef): Promise<boolean> {
    return this.#life.router.giveTo(key, node)
  }

  /** Takes over from nodes that have left the cluster, and asks again what they have changed. */
  membersLeft(): void {
    const { activity, router, sweeper, waker } = this.#life
    void sweeper.current?.sweep()
    // What is listed here, and is not here, goes on elsewhere: it is struck off then.
    void waker.current?.wakeAll(activity.busy.filter((key) => !router.isStarted(key)))
    this.approvals.inner.open().catch((error: unknown) => {
      this.#node.services.logger.log('warn', 'approvals.not-read', { tenant: this.id, error: describeError(error) })
    })
  }

  /** Resolves with the reply to another node. Rejects as the store does. */
  async answer(what: TenantQuestion): Promise<JsonValue> {
    const { activity, overviews, router } = this.#life
    if (what === 'at-work')
      return forOtherNode(await sessionsAtWork({ store: this.#node.store, tenant: this.id, activity, overviews, router }))
    await this.approvals.inner.readGrants()
    return null
  }

  answerPart(part: JsonValue | undefined, body: JsonValue | undefined): Promise<JsonValue> {
    return this.#nodes.handle(part, body)
  }

  /** Resolves with the answers of the other nodes that answer in time. */
  async #askOthers(what: TenantQuestion): Promise<readonly JsonValue[]> {
    const { cluster, isAlone } = this.#node
    if (isAlone) return []
    const others = cluster.members.filter(({ incarnation }) => incarnation !== cluster.self.incarnation)
    const asked = others.map((node) => cluster.request(node, { type: 'tenant', tenant: this.id, what }, { timeoutMs: answerWithinMs }))
    return (await Promise.allSettled(asked)).flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  }

  /** Ends all sessions at once: other nodes may have taken them over. */
  async isolate(): Promise<void> {
    await this.#life.router.letGo(0)
  }

  /** Begins anew as another life of this node. */
  rejoin(): void {
    this.#life.activity.renew()
    this.#life.activity.open().catch(() => {})
    void this.#life.sweeper.current?.sweep()
    this.tables.rejoined()
  }

  /** Hands all sessions to other nodes; each gets `stepMs` for its step. Resolves once those with work go on there, as far as they can. */
  async handOver(stepMs: number): Promise<void> {
    const { activity, router, waker } = this.#life
    const busy = activity.busy
    const woken = new Map<SessionKey, Promise<unknown> | undefined>()
    // One that is not at work elsewhere stays listed, and is taken over with the list once this node has left.
    const wake = (key: SessionKey): void => {
      if (!woken.has(key)) woken.set(key, waker.current?.wakeOnce(key))
    }
    const wakeIfAtWork = (key: SessionKey): void => {
      if (activity.hasWork(key)) wake(key)
    }
    // Each at once: it is not to wait for all others.
    const left = await router.letGo(stepMs, wakeIfAtWork)
    for (const key of left) wakeIfAtWork(key)
    for (const key of busy) wake(key)
    await Promise.all(woken.values())
  }

  /** Lets sessions go on whose agent is configured only now, and begins to keep a retention that is new. */
  agentsChanged(): void {
    this.#life.sweep.current?.open()
    this.goOn()
  }

  /** Tries sessions again that wait for an agent, or for a node that reads their journals. */
  goOn(): void {
    const { activity, waker } = this.#life
    void waker.current?.wakeAll(activity.unpark())
  }

  /** The sessions there are. Rejects as `listSessions` does, and with `actor-not-running` once the tree has ended. */
  async sessions(options: ListSessionsOptions): Promise<readonly SessionSummary[]> {
    const { activity, overviews, router, filling } = this.#life
    router.checkRuns()
    const { store } = this.#node
    const atWork = async (): Promise<ReadonlyMap<SessionKey, ListedSession | undefined>> => {
      const [own, ...others] = await Promise.all([
        sessionsAtWork({ store, tenant: this.id, activity, overviews, router }),
        this.#askOthers('at-work').then((answers) => answers.map((answer) => fromOtherNode(answer, router))),
      ])
      return new Map([...others.flat().flatMap((found) => [...found]), ...own])
    }
    return listSessions({ store, tenant: this.id, ready: () => filling.ready(), atWork }, options)
  }

  /** Resolves once no message is on its way to a session, and no session has work. */
  async whenIdle(): Promise<void> {
    await this.#life.router.whenArrived()
    await this.#life.activity.whenIdle()
  }

  #newLife(resume: ResumeMode): TenantLife {
    return newTenantLife({
      tenant: this.id,
      node: this.#node,
      resume,
      host: this.host(),
      approvals: this.approvals,
      session: (key, depth) => this.session(key, depth),
      onResumed: this.#onResumed,
    })
  }

  /** Returns the environment of this tenant's parts. */
  host(): PartHost {
    const { hostStore, cluster, hostEvents, services, agents } = this.#node
    return {
      tenant: this.id,
      store: hostStore,
      cluster,
      events: hostEvents,
      services,
      agents,
      approvals: this.approvals,
      nodes: this.#nodes,
      session: (key) => this.session(key),
      records: (extension, key) => new SessionRecords(extension, parseSessionKey(key), this),
      part: (id) => this.part(id),
    }
  }
}
