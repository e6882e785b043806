/** The types of a session's memory of its runs. */
import type { AgentId, RunId } from '../../base/ids.ts'
import type { AssistantMessage, FinishReason, JsonValue, ModelUsage, Usage, UserMessage } from '../../base/messages.ts'
import type { ResponseFormat, RunFailure, RunOutcome, RunSettings } from '../journal/records.ts'

/** How long a session remembers ended runs, so that a repeated message gets its existing run and not a second one. */
export interface RunMemory {
  /** Number of ended runs to remember; waiting and active runs do not count. */
  readonly rememberedRuns: number
  /** Milliseconds after its end for which a run is remembered, unless more than `rememberedRuns` have ended since. */
  readonly rememberRunsForMs: number
}

/** Defaults for remembered runs: the last 1,000, for a week. */
export const runMemoryDefaults = { rememberedRuns: 1_000, rememberRunsForMs: 604_800_000 } as const satisfies RunMemory

/** A run that has ended. */
export interface EndedRun {
  readonly outcome: RunOutcome
  /** When it ended, in milliseconds since 1970; absent in records of earlier versions. */
  readonly at?: number
  readonly usage: Usage
  /** The same by model; absent in records of earlier versions. */
  readonly usageByModel?: readonly ModelUsage[]
  /** The model's last message, if there is one. */
  readonly message?: AssistantMessage
  readonly finish?: FinishReason
  readonly failure?: RunFailure
}

/** What a session knows of a run. */
export interface KnownRun {
  status: 'waiting' | 'running' | RunOutcome
  /** The sequence number of its message, and the time of the message in milliseconds since 1970. */
  readonly seq: number
  readonly at: number
  /** Shows whether a repeated message is the same; absent in records of earlier versions. */
  readonly fingerprint?: string
  /** The run that it joined. */
  into?: RunId
  ended?: EndedRun
}

/** A message whose run was given up after repeated crashes. */
export interface DeadLetter {
  readonly runId: RunId
  /** When the run was given up, in milliseconds since 1970. */
  readonly at: number
  /** Absent when an earlier version gave the run up: it kept the id only. */
  readonly message?: UserMessage
  readonly responseFormat?: ResponseFormat
  readonly settings?: RunSettings
  readonly context?: JsonValue
  readonly contextBy?: AgentId
  readonly depth?: number
  readonly fingerprint?: string
}
