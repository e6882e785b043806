/** One incarnation of a tenant: its parts, and the supervisor above them. */
import { type DynamicSupervisor, type EventBus, Supervisor, type SystemServices, type TaskSupervisor } from '@beamclaw/actor'
import type { AgentDefinition } from '../agent/agent.ts'
import type { ApprovalGate } from '../approval/approval-gate.ts'
import type { AskModeRule } from '../approval/ask-mode.ts'
import type { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { AgentId, SessionKey, TenantId } from '../base/ids.ts'
import { childOf, extensionsOf, type Part, type PartHost } from '../part/part.ts'
import { partBelow, partsBranch } from '../part/parts-branch.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import { ActivityLog } from '../session/activity/activity-log.ts'
import type { ResumeMode } from '../session/activity/activity-log-options.ts'
import type { Waker } from '../session/activity/waker.ts'
import type { WorkSweeper } from '../session/activity/work-sweeper.ts'
import type { EventListeners } from '../session/event-listeners.ts'
import { IndexFilling } from '../session/listing/index-filling.ts'
import { SessionOverviews } from '../session/listing/session-overviews.ts'
import type { NodePhase } from '../session/node-phase.ts'
import { RemoteSessions } from '../session/remote-sessions.ts'
import type { RetentionSweep } from '../session/retention/retention-sweep.ts'
import type { EventLoopTurns } from '../session/run/event-loop-turns.ts'
import type { SuspectLine } from '../session/run/suspect-line.ts'
import type { SessionDefaults, SessionPlaces } from '../session/session-dependencies.ts'
import type { SessionHandle } from '../session/session-handle.ts'
import { SessionRouter } from '../session/session-router.ts'
import { RunWaits } from '../tool/run-waits.ts'
import { ToolRunner } from '../tool/tool-runner.ts'
import type { NodeLink } from './node-link.ts'
import { type Holder, presetParts, wakerPart } from './preset-parts.ts'

/** What all tenants of a node share. */
export interface TenantNode {
  /** What the sessions write to. */
  readonly store: Store
  /** The store that the host gave, for its parts. */
  readonly hostStore: Store
  readonly cluster: Cluster
  /** Hears which sessions come to this node and leave it; undefined for a node that is alone. */
  readonly places: SessionPlaces | undefined
  readonly link: NodeLink
  /** True for a node that no other can join. */
  readonly isAlone: boolean
  /** Where the sessions publish. */
  readonly events: EventBus<RunEvent>
  /** The bus that the host gave, for its parts. */
  readonly hostEvents: EventBus<RunEvent>
  /** Who listens to the events of all sessions of this process. */
  readonly listeners: EventListeners
  readonly services: SystemServices
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  readonly providers: ProviderTable
  /** Runs that may have crashed the process; counted for the process, not for a tenant. */
  readonly suspects: SuspectLine
  readonly turns: EventLoopTurns
  readonly sessionDefaults: SessionDefaults
  /** The ask mode of tools and agents that have none of their own. */
  readonly askMode: AskModeRule | undefined
  readonly parts: readonly Part[]
  readonly resume: ResumeMode
  readonly phase: () => NodePhase
  /** Called when another owner has taken the tenant's sessions, or the store has failed permanently. */
  readonly onLost: (error: BeamClawError) => void
}

/** The parts of one incarnation of the tenant's supervisor. */
export interface TenantLife {
  readonly supervisor: Supervisor
  readonly router: SessionRouter
  readonly waits: RunWaits
  readonly activity: ActivityLog
  readonly overviews: SessionOverviews
  readonly filling: IndexFilling
  /** The waker of the present incarnation of its part. */
  readonly waker: Holder<Waker>
  /** The sweep of the present incarnation of its part. */
  readonly sweep: Holder<RetentionSweep>
  /** What takes over from dead nodes, of the present incarnation of its part. */
  readonly sweeper: Holder<WorkSweeper>
}

/** What a new incarnation is made of. */
export interface TenantLifeOptions {
  readonly tenant: TenantId
  readonly node: TenantNode
  readonly resume: ResumeMode
  readonly host: PartHost
  readonly approvals: ApprovalGate
  readonly session: (key: string, depth: number) => SessionHandle
  readonly onResumed: (count: number | Promise<number>) => void
}

/** Returns the parts of a new incarnation, with their supervisor; nothing is started. */
export function newTenantLife({ tenant, node, resume, host, approvals, session, onResumed }: TenantLifeOptions): TenantLife {
  const { store, cluster, places, events, listeners, services, agents, providers, suspects, turns, sessionDefaults, parts, phase, onLost } =
    node
  const extensions = new Map(extensionsOf(parts).map((extension) => [extension.id, extension]))
  const waits = new RunWaits()
  const overviews = new SessionOverviews({ tenant, store, logger: services.logger, isEnded: () => phase() === 'ended' })
  const beforeIdle = (keys: readonly SessionKey[]): Promise<void> => overviews.write(keys)
  const activity = new ActivityLog({ tenant, store, cluster, services, resume, onLost, beforeIdle })
  const waker: TenantLife['waker'] = { current: undefined }
  const sweep: TenantLife['sweep'] = { current: undefined }
  const sweeper: TenantLife['sweeper'] = { current: undefined }
  const woken: Promise<number>[] = []
  const onWork = (keys: readonly SessionKey[]): void => {
    const found = activity.found(keys)
    if (found.length > 0) woken.push(waker.current?.wakeAll(found) ?? Promise.resolve(0))
  }
  const filling = new IndexFilling({ store, tenant, services, overviews, onWork })
  const part = (id: string): ReturnType<Supervisor['child']> => partBelow(supervisor, id)
  const toolRunner = new ToolRunner({
    tasks: () => part('tools') as TaskSupervisor | undefined,
    waits,
    session,
    clock: services.clock,
    random: services.random,
    logger: services.logger,
  })
  const router = new SessionRouter({
    sessions: () => part('sessions') as DynamicSupervisor | undefined,
    phase,
    remote: node.isAlone
      ? undefined
      : new RemoteSessions({ tenant, cluster, clock: services.clock, passivateAfterMs: sessionDefaults.passivateAfterMs }),
    dependencies: {
      tenant,
      store,
      cluster,
      events,
      listeners,
      activity,
      overviews,
      agents,
      providers,
      toolRunner,
      approvals: approvals.inner,
      askMode: node.askMode,
      suspects,
      turns,
      phase,
      places: places && {
        sessionStarted: (lease) => places.sessionStarted(lease),
        sessionAnswered: (lease, at) => places.sessionAnswered(lease, at),
        sessionMoved: (lease, to) => {
          router.left(lease.slice(tenant.length + 1) as SessionKey)
          places.sessionMoved(lease, to)
        },
      },
      services,
      sessionDefaults,
      extensions,
    },
  })
  const preset = {
    node: node,
    approvals: approvals.inner,
    activity,
    router,
    waker,
    sweep,
    sweeper,
    resume,
    filling,
    woken,
    onResumed,
  }
  const supervisor = new Supervisor({
    id: tenant,
    // Sessions run their tools as tasks, so both supervisors restart together.
    strategy: 'restForOne',
    children: [
      ...presetParts(preset).map((one) => childOf(one, host)),
      ...partsBranch(
        parts.filter(({ level }) => level !== 'node'),
        host,
      ),
      childOf(wakerPart(preset), host),
    ],
  })
  return { supervisor, router, waits, activity, overviews, filling, waker, sweep, sweeper }
}
