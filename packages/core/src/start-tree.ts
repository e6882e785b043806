/** Assembles the supervision tree of a BeamClaw. */

import { LocalEventBus, Supervisor, systemServices } from '@beamclaw/actor'
import { type BeamClawError, ChildStartError } from './base/errors.ts'
import type { RunEvent } from './base/events.ts'
import type { SessionKey } from './base/ids.ts'
import type { CheckedOptions } from './beamclaw-options.ts'
import { NodeEvents } from './cluster/node-events.ts'
import { MemoryStore } from './defaults/memory-store.ts'
import { SoloCluster, soloIncarnation } from './defaults/solo-cluster.ts'
import { partsBranch } from './part/parts-branch.ts'
import type { Cluster } from './ports/cluster.ts'
import type { Store } from './ports/store.ts'
import { RunningBeamClaw, stopDefaults } from './running-beamclaw.ts'
import { EventListeners } from './session/event-listeners.ts'
import type { NodePhase } from './session/node-phase.ts'
import { EventLoopTurns } from './session/run/event-loop-turns.ts'
import { SuspectLine } from './session/run/suspect-line.ts'
import { sessionDefaults } from './session/session-dependencies.ts'
import { leaseOfTopic, topicsOfLease } from './session/session-names.ts'
import { shareApprovals } from './tenant/approvals-elsewhere.ts'
import { EventsUntilEnd } from './tenant/events-until-end.ts'
import { NodeLink } from './tenant/node-link.ts'
import { activityPartId } from './tenant/preset-parts.ts'
import { StoreCalls } from './tenant/store-calls.ts'
import { Tenant } from './tenant/tenant.ts'
import type { TenantNode } from './tenant/tenant-life.ts'

/** For a store without an `id`. */
const shareTheStore =
  'The store does not say which one it is. All nodes have to use the same one: a node over a store of its own, as FsStore, finds its own conversations alone'

/** The types of what nodes ask each other about events. */
const eventRequests = ['events.listen', 'events.renew'] as const

/** Starts the tree of a BeamClaw. Rejects with `ChildStartError` when a part fails to start, and with the store's own error. */
export async function startTree(options: CheckedOptions): Promise<RunningBeamClaw> {
  const services = systemServices(options.services)
  const { providers, events: given = new LocalEventBus<RunEvent>() } = options
  const cluster: Cluster = options.cluster ?? new SoloCluster()
  const store: Store = options.store ?? new MemoryStore()
  const agents = new Map(options.agents.map((agent) => [agent.id, agent]))
  const phase = { value: 'running' as NodePhase }
  const listeners = new EventListeners(services.logger)
  const calls = new StoreCalls(store)
  const isAlone = cluster.self.incarnation === soloIncarnation
  const tenants: Tenant[] = []
  const isHere = (lease: string): boolean =>
    tenants.some(({ id, router }) => lease.startsWith(`${id}:`) && router.isStarted(lease.slice(id.length + 1) as SessionKey))
  const nodeEvents = isAlone
    ? undefined
    : new NodeEvents({ events: given, cluster, clock: services.clock, leaseOf: leaseOfTopic, topicsOf: topicsOfLease, isHere })
  const events = nodeEvents ?? given
  // Without a store nothing is durable any more, so the whole tree ends.
  const onLost = (cause: BeamClawError): void => {
    services.logger.log('error', 'beamclaw.store-lost', { code: cause.code, error: cause.message })
    // Callers get the store's error before the tree ends.
    services.clock.setTimer(() => void root.stop({ type: 'crashed', cause }, stopDefaults), 0)
  }
  const defaults = { ...sessionDefaults, ...options.sessions }
  const storeId = isAlone || typeof store.id !== 'function' ? undefined : await store.id()
  if (!isAlone && storeId === undefined && cluster.hasFixedPlaces !== true)
    services.logger.log('warn', 'cluster.store-unknown', { advice: shareTheStore })
  const link = new NodeLink({ cluster, services, phase, tenants, onLost, isRebalanced: !isAlone && defaults.rebalance, storeId })
  const node: TenantNode = {
    store: calls,
    hostStore: store,
    cluster,
    places: nodeEvents,
    link,
    isAlone,
    events: new EventsUntilEnd(events, () => phase.value === 'ended'),
    hostEvents: events,
    listeners,
    services,
    agents,
    providers,
    suspects: new SuspectLine(services.clock, isAlone ? undefined : cluster),
    turns: new EventLoopTurns(services.clock),
    sessionDefaults: defaults,
    askMode: options.approvals?.askMode,
    parts: options.parts ?? [],
    resume: options.resume ?? 'now',
    phase: () => phase.value,
    onLost,
  }
  tenants.push(...options.tenants.map((id) => new Tenant(id, node)))
  const root = new Supervisor({
    id: 'beamclaw',
    children: [
      ...partsBranch(
        node.parts.filter(({ level }) => level === 'node'),
        tenants[0]?.host(),
      ),
      { id: 'tenants', type: 'supervisor', start: () => new Supervisor({ id: 'tenants', children: tenants.map((one) => one.spec()) }) },
    ],
  })
  if (nodeEvents !== undefined) {
    for (const type of eventRequests) link.answer(type, (body, from) => nodeEvents.onRequest(body, from))
    link.whenTold((body, from) => nodeEvents.onTell(body, from))
    link.whenMembersChange((change) => nodeEvents.onMembers(change))
    shareApprovals(cluster, listeners, link, ({ tenant, id, answer }) => {
      tenants.find((one) => one.id === tenant)?.approvals.inner.decided(id, answer.decision)
    })
  }
  // The others may call before the tree stands: they are told to try again.
  await cluster.join(link)
  try {
    await root.start(services)
  } catch (error) {
    await cluster.stop().catch(() => {})
    throw startFailure(error)
  }
  if (!node.isAlone) link.begin()
  const { turns } = node
  return new RunningBeamClaw({ root, tenants, agents, providers, phase, store, calls, events, listeners, cluster, link, services, turns })
}

/** Returns the error for callers of `start`: an error of the store itself, instead of the `ChildStartError` around it. */
function startFailure(error: unknown): unknown {
  if (!(error instanceof ChildStartError)) return error
  if (error.childId === activityPartId) return error.cause
  const inner = startFailure(error.cause)
  return inner instanceof ChildStartError || error.cause !== inner ? inner : error
}
