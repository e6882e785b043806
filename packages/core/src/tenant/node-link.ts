/**
 * What a node does for the others of its cluster: it answers their calls, takes over from those that have left, and stops while it is cut off.
 *
 * Phases: those of the node, of which `isolated` is entered and left here.
 * I1: Nothing that arrives is trusted: it may be forged, or come from another version.
 * I2: While the node is isolated no session of it is alive; before it goes on, its list of busy sessions is a new one.
 */
import type { SystemServices, TimerHandle } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../base/errors.ts'
import { parseSessionKey } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { Cluster, ClusterHost, MemberChange, NodeRef, VersionRange } from '../ports/cluster.ts'
import { recordFormats } from '../session/journal/record-formats.ts'
import { isStoreLost } from '../session/journal/store-failure-codes.ts'
import type { NodePhase } from '../session/node-phase.ts'
import type { SessionCall, SessionFrame } from '../session/remote-sessions.ts'
import { eventPageType } from './event-pages.ts'
import { type BalancedTenant, Rebalancer } from './rebalancer.ts'
import { offerType } from './session-offer.ts'
import type { SharedTables } from './shared-tables.ts'

/** The frames between nodes that this version speaks. */
const wireVersions: VersionRange = [1, 1]

/** Milliseconds between two looks at the load of this node, and after lists of dead nodes that a member may have missed. */
const loadEveryMs = 2_000
const sweepEveryMs = 30_000

/** What nodes ask each other about a tenant: its sessions at work there; to read the grants again, which have changed. */
export type TenantQuestion = 'at-work' | 'grants'

/** What the sessions of a tenant have to do at a node. */
export interface TenantWorkload {
  /** Runs under way, without those that wait for decisions alone. */
  readonly activeRuns: number
  /** Messages that wait for a run. */
  readonly waitingMessages: number
  /** Sessions that dead nodes have left in the middle of their work, as far as this one has read their lists, and that no node has taken over. */
  readonly orphanedSessions: number
}

/** What the link needs of a tenant. */
export interface LinkedTenant extends BalancedTenant {
  /** Sessions in memory. */
  readonly sessionCount: number
  /** Those with work. */
  readonly busyCount: number
  readonly tables: SharedTables
  readonly workload: TenantWorkload
  serve(key: ReturnType<typeof parseSessionKey>, call: SessionCall): Promise<unknown>
  answer(what: TenantQuestion): Promise<JsonValue>
  eventPage(body: JsonObject): Promise<JsonValue>
  answerPart(part: JsonValue | undefined, body: JsonValue | undefined): Promise<JsonValue>
  membersLeft(): void
  goOn(): void
  isolate(): Promise<void>
  rejoin(): void
}

/** Resolves with the reply to a request of one type. */
export type NodeHandler = (body: { readonly [name: string]: JsonValue | undefined }, from: NodeRef) => Promise<JsonValue>

export interface NodeLinkOptions {
  readonly cluster: Cluster
  readonly services: SystemServices
  readonly phase: { value: NodePhase }
  readonly tenants: readonly LinkedTenant[]
  /** Called when the data of the cluster were replaced: this node comes back into no cluster. */
  readonly onLost: (error: BeamClawError) => void
  /** Whether sessions without work are moved, to and from this node, where one has much more to do than the others. */
  readonly isRebalanced: boolean
  readonly storeId: string | undefined
}

export class NodeLink implements ClusterHost {
  readonly wire = wireVersions
  readonly records = recordFormats
  readonly storeId: string | undefined
  readonly #options: NodeLinkOptions
  readonly #handlers = new Map<string, NodeHandler>()
  readonly #onMembers = new Set<(change: MemberChange) => void>()
  readonly #onTell: ((body: JsonValue, from: NodeRef) => void)[] = []
  readonly #rebalancer: Rebalancer | undefined
  /** Settles once the sessions of the life before have ended. */
  #isolating: Promise<unknown> = Promise.resolve()
  #before: NodePhase = 'running'
  #isolations = 0
  #timer: TimerHandle | undefined
  #sinceSweepMs = 0
  #toldLoad = 0

  constructor(options: NodeLinkOptions) {
    this.#options = options
    this.storeId = options.storeId
    this.#handlers.set('session', (body) => this.#serve(body))
    this.#handlers.set('part', ({ tenant, part, body }) => this.#tenant(tenant).answerPart(part, body))
    this.#handlers.set('tenant', async ({ tenant, what }) => {
      if (what !== 'at-work' && what !== 'grants') throw unreadable()
      return this.#tenant(tenant).answer(what)
    })
    this.#handlers.set('entries.page', async (body) => this.#tenant(body.tenant).tables.page(body))
    this.#handlers.set(eventPageType, async (body) => this.#tenant(body.tenant).eventPage(body as JsonObject))
    this.#handlers.set('groups.call', (body) => this.#tenant(body.tenant).tables.groups.serve(body))
    // Where the place of a session follows from its key, none can be moved.
    if (options.isRebalanced && options.cluster.hasFixedPlaces !== true) {
      const rebalancer = new Rebalancer(options)
      this.#rebalancer = rebalancer
      this.#handlers.set(offerType, (body) => rebalancer.onOffer(body as JsonValue))
    }
  }

  /** Has `handler` reply to the requests whose `type` is this one. */
  answer(type: string, handler: NodeHandler): void {
    this.#handlers.set(type, handler)
  }

  /** Calls back with what other nodes tell. */
  whenTold(listener: (body: JsonValue, from: NodeRef) => void): void {
    this.#onTell.push(listener)
  }

  /** Calls back when nodes have joined or left. Returns what ends that. */
  whenMembersChange(listener: (change: MemberChange) => void): () => void {
    this.#onMembers.add(listener)
    return () => void this.#onMembers.delete(listener)
  }

  /** Begins to tell the others the load of this node, and to even the loads out. */
  begin(): void {
    const { clock } = this.#options.services
    const look = (): void => {
      this.#tellLoad()
      this.#sinceSweepMs += loadEveryMs
      if (this.#sinceSweepMs >= sweepEveryMs) this.#sweep()
      this.#timer = clock.setTimer(look, loadEveryMs, true)
    }
    this.#timer = clock.setTimer(look, loadEveryMs, true)
    this.#rebalancer?.begin()
  }

  /** Ends what `begin` began. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#rebalancer?.end()
  }

  async onRequest(body: JsonValue, from: NodeRef): Promise<JsonValue> {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) throw unreadable()
    const { type } = body as { readonly type?: JsonValue }
    const handler = typeof type === 'string' ? this.#handlers.get(type) : undefined
    if (handler !== undefined) return handler(body as Parameters<NodeHandler>[0], from)
    throw new BeamClawError('unknown-message', `Node "${from.id}" sent a request that this version does not know; upgrade the older one`)
  }

  onTell(body: JsonValue, from: NodeRef): void {
    const told = body as JsonObject | null
    const tenant = this.#options.tenants.find(({ id }) => id === told?.tenant)
    this.#guarded(() => tenant?.tables.take(told as JsonObject, from))
    for (const listener of this.#onTell) this.#guarded(() => listener(body, from))
  }

  onMembers(change: MemberChange): void {
    const { logger } = this.#options.services
    const { self } = this.#options.cluster
    // A node that is back under its name has not left itself: that it was cut off is told already.
    const others = (members: readonly NodeRef[]) => members.filter(({ id }) => id !== self.id)
    for (const { id, incarnation } of others(change.joined)) logger.log('info', 'cluster.joined', { node: id, incarnation })
    for (const { id, incarnation } of others(change.left)) logger.log('info', 'cluster.left', { node: id, incarnation })
    for (const listener of [...this.#onMembers]) this.#guarded(() => listener(change))
    for (const { tables } of this.#options.tenants) this.#guarded(() => tables.membersChanged(change))
    // Journals that this version cannot read may go on there.
    const isReader = change.joined.some(({ records }) => records[1] > this.records[1])
    if (isReader) for (const tenant of this.#options.tenants) this.#guarded(() => tenant.goOn())
    if (change.left.length === 0) return
    this.#rebalancer?.membersLeft()
    this.#sweep()
  }

  onIsolated(): void {
    const { phase, tenants, services } = this.#options
    this.#isolations++
    if (phase.value === 'isolated' || phase.value === 'ended') return
    services.logger.log('error', 'cluster.isolated', {
      advice: 'The other nodes may have taken over; this one does nothing until it is back',
    })
    this.#before = phase.value
    phase.value = 'isolated'
    this.#isolating = Promise.allSettled(tenants.map((tenant) => tenant.isolate()))
  }

  /** Takes that this node is to end: what runs goes on elsewhere, also once a node that is cut off is back. */
  drain(): void {
    const { phase } = this.#options
    if (phase.value === 'running') phase.value = 'draining'
    else if (phase.value === 'isolated') this.#before = 'draining'
  }

  onRejoined(self: NodeRef): void {
    const { phase, tenants, services } = this.#options
    const isolations = this.#isolations
    void this.#isolating.then(() => {
      // It may have been cut off once more meanwhile: then this life is over already.
      if (phase.value !== 'isolated' || isolations !== this.#isolations) return
      services.logger.log('info', 'cluster.rejoined', { node: self.id, incarnation: self.incarnation })
      phase.value = this.#before
      for (const tenant of tenants) this.#guarded(() => tenant.rejoin())
    })
  }

  async #serve(frame: Partial<Record<keyof SessionFrame, JsonValue>>): Promise<JsonValue> {
    const { tenant: id, key, message, lane, entry, isContextUnchecked } = frame
    const tenant = this.#tenant(id)
    const isCall = typeof message === 'object' && message !== null && 'type' in message && typeof message.type === 'string'
    if (!isCall || (lane !== 'work' && lane !== 'control') || (entry !== 'begin' && entry !== 'find' && entry !== 'start'))
      throw unreadable()
    const call = { message, lane, entry, isContextUnchecked: isContextUnchecked === true } as unknown as SessionCall
    const value = await tenant.serve(parseSessionKey(key), call)
    return (value === undefined ? {} : { value }) as JsonValue
  }

  #tenant(id: JsonValue | undefined): LinkedTenant {
    const tenant = this.#options.tenants.find((one) => one.id === id)
    if (tenant !== undefined) return tenant
    throw new BeamClawError('unknown-tenant', 'This node does not have that tenant; give all nodes the same ones')
  }

  #sweep(): void {
    this.#sinceSweepMs = 0
    if (this.#options.phase.value !== 'running') return
    for (const tenant of this.#options.tenants) this.#guarded(() => tenant.membersLeft())
  }

  #tellLoad(): void {
    const isIsolated = this.#options.phase.value === 'isolated'
    const load = this.#options.tenants.reduce((sum, { sessionCount, busyCount }) => sum + sessionCount + 10 * busyCount, 0)
    if (!isIsolated && Math.abs(load - this.#toldLoad) <= this.#toldLoad / 10) return
    this.#toldLoad = load
    this.#options.cluster.announce({ load }).catch((error: unknown) => {
      // An isolated node does nothing that could find it out by itself.
      if (isIsolated && BeamClawError.isInstance(error) && isStoreLost(error)) this.#options.onLost(error)
    })
  }

  #guarded(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#options.services.logger.log('error', 'cluster.listener-failed', { error: describeError(error) })
    }
  }
}

function unreadable(): BeamClawError {
  return new BeamClawError('unknown-message', 'Another node sent a request that this one cannot read')
}
