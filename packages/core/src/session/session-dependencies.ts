/** The dependencies of a session. */
import type { EventBus, SystemServices } from '@beamclaw/actor'
import { aBoolean, checkOptions, duration, integer, oneOf } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import type { ApprovalDesk } from '../approval/approval-gate.ts'
import type { AskModeRule } from '../approval/ask-mode.ts'
import type { RunEvent } from '../base/events.ts'
import type { AgentId, TenantId } from '../base/ids.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { ToolRunner } from '../tool/tool-runner.ts'
import type { ActivityLog } from './activity/activity-log.ts'
import type { EventListeners } from './event-listeners.ts'
import type { QueueMode } from './journal/records.ts'
import type { SessionOverviews } from './listing/session-overviews.ts'
import type { NodePhase } from './node-phase.ts'
import type { EventLoopTurns } from './run/event-loop-turns.ts'
import type { SuspectLine } from './run/suspect-line.ts'
import { type RunMemory, runMemoryDefaults } from './state/known-run.ts'
import type { RecordExtensions } from './state/session-state.ts'

export interface SessionDependencies {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  /** The listeners to the events of all sessions of this process. */
  readonly listeners: EventListeners
  /** The list of sessions with unfinished work. */
  readonly activity: ActivityLog
  /** What lists tell of sessions in memory. */
  readonly overviews: SessionOverviews
  readonly providers: ProviderTable
  readonly toolRunner: ToolRunner
  readonly approvals: ApprovalDesk
  /** The ask mode of tools and agents that have none of their own. */
  readonly askMode: AskModeRule | undefined
  /** Lets suspect runs, which may have crashed the process, run their tools one at a time. */
  readonly suspects: SuspectLine
  readonly turns: EventLoopTurns
  readonly phase: () => NodePhase
  /** Hears which sessions come to this node and leave it; undefined for a node that is alone. */
  readonly places: SessionPlaces | undefined
  readonly services: SystemServices
  readonly sessionDefaults: SessionDefaults
  /** The record extensions of packages. */
  readonly extensions: RecordExtensions
  /** The agents as configured now. */
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
}

/** Who follows sessions from node to node. */
export interface SessionPlaces {
  sessionStarted(lease: string): void
  sessionMoved(lease: string, to?: NodeRef): void
  sessionAnswered(lease: string, at: NodeRef): void
}

/** Defaults for all sessions of a BeamClaw. */
export interface SessionDefaults extends RunMemory {
  /** Maximum messages that wait for their run. @default 1000 */
  readonly mailboxSize: number
  /** Milliseconds without work until the history leaves memory. @default 60000 */
  readonly passivateAfterMs: number
  /** Maximum depth of sessions that wait for each other, each for a run that a tool of the previous one started. @default 5 */
  readonly maxCallDepth: number
  /** Queue mode of messages that have none of their own. @default 'queue' */
  readonly queueMode: QueueMode
  /** Whether a node of several that has much more to do than the others gives them sessions without work, a few each minute. @default true */
  readonly rebalance: boolean
}

export const sessionDefaults = {
  mailboxSize: 1_000,
  passivateAfterMs: 60_000,
  queueMode: 'queue',
  maxCallDepth: 5,
  rebalance: true,
  ...runMemoryDefaults,
} as const satisfies SessionDefaults

/** Throws `invalid-option` for settings that are not valid. */
export function checkSessionDefaults(settings: Partial<SessionDefaults>): void {
  checkOptions<Partial<SessionDefaults>>('BeamClaw sessions', settings, {
    mailboxSize: integer(1),
    passivateAfterMs: duration(),
    queueMode: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
    maxCallDepth: integer(0),
    rebalance: aBoolean,
    rememberedRuns: integer(1),
    rememberRunsForMs: integer(1),
  })
}
