/** The options that a run loop and its steps share. */
import type { Clock, IdGenerator, Logger, Random } from '@beamclaw/actor'
import type { AgentDefinition } from '../../agent/agent.ts'
import type { ApprovalDesk } from '../../approval/approval-gate.ts'
import type { AskModeRule } from '../../approval/ask-mode.ts'
import type { ProvisionalEvent } from '../../base/events.ts'
import type { AgentId, SessionKey, TenantId } from '../../base/ids.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import type { ToolRunner } from '../../tool/tool-runner.ts'
import type { Attachments } from '../attachments/attachments.ts'
import type { JournalWriter } from '../journal/journal-writer.ts'
import type { SessionSettings } from '../session-settings.ts'
import type { SessionState } from '../state/session-state.ts'
import type { Decisions } from './decisions.ts'
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
  /** What waits for approval, and what needs none. */
  readonly approvals: Pick<ApprovalDesk, 'covers' | 'prepare' | 'withdraw'>
  /** Tells of decisions that have become durable. */
  readonly decisions: Decisions
  /** The ask mode of tools and agents that have none of their own. */
  readonly askMode: AskModeRule | undefined
  readonly suspects: SuspectLine
  readonly clock: Clock
  readonly random: Random
  readonly ids: IdGenerator
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
