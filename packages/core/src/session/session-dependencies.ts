/** What a session needs of the world. */
import type { AgentDefinition } from '../agent/agent.ts'
import type { RunEvent } from '../base/events.ts'
import type { AgentId, TenantId } from '../base/ids.ts'
import { checkOptions, duration, integer, oneOf } from '../base/options.ts'
import type { SystemServices } from '../defaults/services.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { EventBus } from '../ports/event-bus.ts'
import type { Store } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { ToolRunner } from '../tool/tool-runner.ts'
import type { ActivityLog } from './activity/activity-log.ts'
import type { EventListeners } from './event-listeners.ts'
import type { QueueMode } from './journal/records.ts'
import type { EventLoopTurns } from './run/event-loop-turns.ts'
import type { SuspectLine } from './run/suspect-line.ts'
import type { SessionOverviews } from './session-overview.ts'
import { type RunMemory, runMemoryDefaults } from './state/known-run.ts'
import type { RecordExtensions } from './state/session-state.ts'

export interface SessionDependencies {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  /** Who listens to the events of all sessions of this process. */
  readonly listeners: EventListeners
  /** Who has work to do. */
  readonly activity: ActivityLog
  /** What lists tell of conversations. */
  readonly overviews: SessionOverviews
  readonly providers: ProviderTable
  readonly toolRunner: ToolRunner
  /** Runs that may have taken the process down. */
  readonly suspects: SuspectLine
  readonly turns: EventLoopTurns
  readonly services: SystemServices
  readonly sessionDefaults: SessionDefaults
  /** What packages add to journals. */
  readonly extensions: RecordExtensions
  /** The agents as they are configured now. */
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
}

/** Defaults of all sessions of a BeamClaw. */
export interface SessionDefaults extends RunMemory {
  /** Messages that may wait for their run. @default 1000 */
  readonly mailboxSize: number
  /** Milliseconds without work until the history leaves memory. @default 60000 */
  readonly passivateAfterMs: number
  /** Sessions that may wait for each other, each for a run that a tool of the one before began. @default 5 */
  readonly maxCallDepth: number
  /** Queue mode of messages without one of their own. @default 'queue' */
  readonly queueMode: QueueMode
}

export const sessionDefaults = {
  mailboxSize: 1_000,
  passivateAfterMs: 60_000,
  queueMode: 'queue',
  maxCallDepth: 5,
  ...runMemoryDefaults,
} as const satisfies SessionDefaults

/** Throws `invalid-option`. */
export function checkSessionDefaults(settings: Partial<SessionDefaults>): void {
  checkOptions<Partial<SessionDefaults>>('BeamClaw sessions', settings, {
    mailboxSize: integer(1),
    passivateAfterMs: duration(),
    queueMode: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
    maxCallDepth: integer(0),
    rememberedRuns: integer(1),
    rememberRunsForMs: integer(1),
  })
}
