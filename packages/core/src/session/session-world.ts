/** What a session needs of the world. */
import type { AgentDefinition } from '../agent/agent.ts'
import type { Ambient } from '../defaults/ambient.ts'
import type { RunEvent } from '../events.ts'
import { type AgentId, type SessionKey, sessionKeyParts, type TenantId } from '../ids.ts'
import { checkOptions, duration, integer, oneOf } from '../options.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { EventBus } from '../ports/event-bus.ts'
import type { Store, StoreKey } from '../ports/store.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { ToolRunner } from '../tool/tool-runner.ts'
import type { ActivityLog } from './activity-log.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import type { WhenBusy } from './journal.ts'
import { type RunMemory, runMemoryDefaults } from './known-run.ts'
import type { SuspectLine } from './suspect-line.ts'

export interface SessionWorld {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  /** Who has work to do. */
  readonly activity: ActivityLog
  readonly providers: ProviderTable
  readonly toolRunner: ToolRunner
  /** Runs that may have taken the process down. */
  readonly suspects: SuspectLine
  readonly turns: EventLoopTurns
  readonly ambient: Ambient
  readonly settings: SessionSettings
  /** The agents as they are configured now. */
  readonly agents: AgentTable
}

/** The configured agents; the first one is the default. */
export interface AgentTable {
  get(id: AgentId): AgentDefinition | undefined
}

export interface SessionSettings extends RunMemory {
  /** Messages that may wait for their run. @default 1000 */
  readonly mailboxSize: number
  /** Milliseconds without work until the history leaves memory. @default 60000 */
  readonly passivateAfterMs: number
  /** What a message that says nothing else does when its session is busy. @default 'queue' */
  readonly whenBusy: WhenBusy
}

export const sessionDefaults = {
  mailboxSize: 1_000,
  passivateAfterMs: 60_000,
  whenBusy: 'queue',
  ...runMemoryDefaults,
} as const satisfies SessionSettings

/** Throws `invalid-option`. */
export function checkSessionSettings(settings: Partial<SessionSettings>): void {
  checkOptions<Partial<SessionSettings>>('BeamClaw sessions', settings, {
    mailboxSize: integer(1),
    passivateAfterMs: duration(),
    whenBusy: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
    rememberedRuns: integer(1),
    rememberRunsForMs: integer(1),
  })
}

/** The topic of a session's events. */
export function sessionTopic(key: SessionKey): string {
  return `session:${key}`
}

/** The topic of those of them that are durable, for readers who do not care for pieces of answers. */
export function committedTopic(key: SessionKey): string {
  return `committed:${key}`
}

/** Where a session's journal is kept; what else is kept of it lies below. */
export function journalKey(tenant: TenantId, key: SessionKey): StoreKey {
  const { agentId, sessionId } = sessionKeyParts(key)
  return [tenant, 'sessions', agentId, sessionId]
}
