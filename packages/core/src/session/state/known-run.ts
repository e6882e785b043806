/** What a session remembers of its runs. */
import type { AgentId, RunId } from '../../base/ids.ts'
import type { AssistantMessage, FinishReason, JsonValue, ModelUsage, Usage, UserMessage } from '../../base/messages.ts'
import type { ResponseFormat, RunFailure, RunOutcome, RunSettings } from '../journal/records.ts'

/** How long ended runs are remembered, so that a repeated message gets its run and not a second one. */
export interface RunMemory {
  /** Ended runs that are remembered; runs that wait or are under way do not count. */
  readonly rememberedRuns: number
  /** Milliseconds after its end in which a run is remembered, unless more than `rememberedRuns` have ended since. */
  readonly rememberRunsForMs: number
}

/** Defaults for remembered runs: the last 1,000, for a week. */
export const runMemoryDefaults = { rememberedRuns: 1_000, rememberRunsForMs: 604_800_000 } as const satisfies RunMemory

/** A run that is over. */
export interface EndedRun {
  readonly outcome: RunOutcome
  /** When it ended, in milliseconds; absent where an earlier version wrote it down. */
  readonly at?: number
  readonly usage: Usage
  /** The same by model; absent where an earlier version wrote it down. */
  readonly usageByModel?: readonly ModelUsage[]
  /** The model's last message, where there was one. */
  readonly message?: AssistantMessage
  readonly finish?: FinishReason
  readonly failure?: RunFailure
}

/** What is known of a run. */
export interface KnownRun {
  status: 'waiting' | 'running' | RunOutcome
  /** The sequence number of its message, and when it came, in milliseconds. */
  readonly seq: number
  readonly at: number
  /** Tells whether a message that is sent again is the same; absent where an earlier version wrote it down. */
  readonly fingerprint?: string
  /** The run it became part of. */
  into?: RunId
  ended?: EndedRun
}

/** Where a message of the history comes from. */
export interface MessageOrigin {
  /** When it was written down, in milliseconds. */
  readonly at: number
  readonly runId: RunId
  /** The agent that the conversation was handed to with this message; absent for most. */
  readonly handOff?: AgentId
}

/** A message whose run was given up as poison. */
export interface DeadLetter {
  readonly runId: RunId
  /** When its run was given up, in milliseconds. */
  readonly at: number
  /** Absent where an earlier version gave it up, which kept the id alone. */
  readonly message?: UserMessage
  readonly responseFormat?: ResponseFormat
  readonly settings?: RunSettings
  readonly context?: JsonValue
  readonly contextBy?: AgentId
  readonly depth?: number
  readonly fingerprint?: string
}
