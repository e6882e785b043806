/** The options that a run loop and its steps share. */
import type { Clock, Logger, Random } from '@beamclaw/actor'
import type { AgentDefinition } from '../../agent/agent.ts'
import type { ProvisionalEvent } from '../../base/events.ts'
import type { AgentId, SessionKey, TenantId } from '../../base/ids.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import type { ToolRunner } from '../../tool/tool-runner.ts'
import type { Attachments } from '../attachments/attachments.ts'
import type { JournalWriter } from '../journal/journal-writer.ts'
import type { SessionSettings } from '../session-settings.ts'
import type { SessionState } from '../state/session-state.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import type { SuspectLine } from './suspect-line.ts'

export interface RunLoopOptions {
  readonly sessionKey: SessionKey
  readonly tenant: TenantId
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly attachments: Attachments
  readonly providers: ProviderTable
  readonly toolRunner: ToolRunner
  readonly suspects: SuspectLine
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly turns: EventLoopTurns
  /** The agents as configured now. */
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  /** Returns the agent that answers now. */
  readonly agent: () => AgentDefinition
  /** Returns the session's own settings as they are now. */
  readonly settings: () => SessionSettings
  readonly tell: (event: ProvisionalEvent) => void
}
