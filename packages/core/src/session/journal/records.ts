/** The entries of a session's journal: one kind of record for each fact that must outlive the process. */

import type { QueueMode } from '../../agent/session-settings.ts'
import type { ApprovalAnswer, ApprovalQuestion } from '../../base/approval.ts'
import type { AgentId, RunId } from '../../base/ids.ts'
import type {
  AssistantMessage,
  FinishReason,
  JsonObject,
  JsonValue,
  Message,
  ModelUsage,
  ToolResult,
  Usage,
  UserMessage,
} from '../../base/messages.ts'
import type { RunFailure } from '../../base/run-failure.ts'
import type { ThinkingLevel, ToolChoice } from '../../ports/provider.ts'
import type { LogEntry } from '../../ports/store.ts'
import type { SessionSettings } from '../session-settings.ts'
import type { StoredContext } from '../state/context.ts'

export type { QueueMode } from '../../agent/session-settings.ts'
export type { RunFailure } from '../../base/run-failure.ts'

/** How a run ended. */
export type RunOutcome = 'completed' | 'failed' | 'aborted'

/** `unknown`: started, but the session was interrupted before the outcome was recorded. `cancelled`: told to stop, or never started. */
export type ToolOutcome = 'ok' | 'error' | 'unknown' | 'cancelled'

/** The required shape of an answer. */
export interface ResponseFormat {
  readonly type: 'json'
  readonly name?: string
  readonly schema?: JsonObject
}

/** Settings of one message for its run. They override those of the session and the agent. */
export interface RunSettings {
  /** `<provider>/<model>`. @default the session's, else the agent's */
  readonly model?: string
  /** @default the session's, else the agent's */
  readonly thinking?: ThinkingLevel
  /** 0 to 2. @default the agent's */
  readonly temperature?: number
  /** Maximum tokens of one answer. @default the agent's */
  readonly maxOutputTokens?: number
  /** Applies to the first turn of the run. @default the agent's */
  readonly toolChoice?: ToolChoice
  /** Names of the agent's tools that the run may use. @default all */
  readonly tools?: readonly string[]
}

interface OfRun {
  readonly runId: RunId
}

/** A message was accepted; `runId` is its idempotency key. */
export interface MessageIn extends OfRun {
  readonly type: 'message-in'
  readonly message: UserMessage
  readonly queueMode: QueueMode
  readonly responseFormat?: ResponseFormat
  readonly settings?: RunSettings
  /** Context from the host for the tools, hooks and system function of the run. */
  readonly context?: JsonValue
  /** The agent whose schema produced the context, after a hand-off. Absent for the agent of the session's key. */
  readonly contextBy?: AgentId
  /** Shows whether a message that is repeated under this key is the same. */
  readonly fingerprint?: string
  /** Number of sessions above this one that wait for its run: in each, a tool called the next session. Absent for none. */
  readonly depth?: number
  /** The dead-lettered run whose message is sent once more by this one. */
  readonly redrives?: RunId
}

/** The run starts, together with the messages in `merged`. */
export interface RunStart extends OfRun {
  readonly type: 'run-start'
  readonly merged?: readonly RunId[]
}

/** A new incarnation of the session continues a run that it did not start. */
export interface RunResume extends OfRun {
  readonly type: 'run-resume'
  /** A step of this run was active when the previous incarnation ended without a pause: the step may be the cause. */
  readonly isSuspect?: boolean
  /** The same incarnation continues: its active step has lasted so long that it is cleared of the crash. */
  readonly isCleared?: boolean
}

/** The session is stopped on purpose in the middle of the run. The run continues later. */
export interface RunPause extends OfRun {
  readonly type: 'run-pause'
}

/** The waiting message `from` joins the run. */
export interface RunSteer extends OfRun {
  readonly type: 'run-steer'
  readonly from: RunId
}

/** A caller or another message cancels the run, which is waiting or active. */
export interface RunCancel extends OfRun {
  readonly type: 'run-cancel'
  readonly reason: 'abort' | 'interrupt'
}

/** The session is about to call a provider. Turns and attempts count from 1. */
export interface ModelRequest extends OfRun {
  readonly type: 'model-request'
  readonly turn: number
  readonly attempt: number
  readonly model: string
}

/** The complete answer of the provider. */
export interface ModelResponse extends OfRun {
  readonly type: 'model-response'
  readonly turn: number
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly usage: Usage
}

/** The call of the provider failed. */
export interface ModelFailure extends OfRun {
  readonly type: 'model-failure'
  readonly turn: number
  readonly attempt: number
  readonly failure: RunFailure
  readonly isRetryable: boolean
  readonly retryAfterMs?: number
}

/** A tool is about to run. */
export interface ToolIntent extends OfRun {
  readonly type: 'tool-intent'
  readonly turn: number
  readonly toolCallId: string
  readonly name: string
  readonly input: JsonValue
}

/** The outcome of a tool call. */
export interface ToolDone extends OfRun {
  readonly type: 'tool-outcome'
  readonly turn: number
  readonly outcome: ToolOutcome
  readonly result: ToolResult
  /** Tokens that the tool itself used. */
  readonly usage?: readonly ModelUsage[]
  /** The agent that answers once all calls of the turn have their outcome. */
  readonly handOff?: AgentId
}

/** A call waits for approval. */
export interface ApprovalAsk extends OfRun {
  readonly type: 'approval-request'
  readonly request: ApprovalQuestion
}

/** A request for approval was decided, or its time was over. */
export interface ApprovalDone extends OfRun {
  readonly type: 'approval-decision'
  readonly id: string
  readonly answer: ApprovalAnswer
}

/** A summary replaces the oldest `dropped` messages of the context, of which an earlier summary is the first. The transcript keeps its messages. */
export interface HistoryCompact extends OfRun {
  readonly type: 'history-compact'
  readonly summary: string
  readonly dropped: number
  readonly usage: Usage
  /** The model that wrote the summary; absent in records of earlier versions. */
  readonly model?: string
}

/** The messages after the first `kept` are removed. `runId` identifies the change, not a run. */
export interface HistoryRewind extends OfRun {
  readonly type: 'history-rewind'
  readonly kept: number
  /** What is left for the model; absent where the context before has it. */
  readonly context?: StoredContext
}

/** A conversation from elsewhere starts the session. `runId` identifies the import, not a run. */
export interface HistoryImport extends OfRun {
  readonly type: 'history-import'
  readonly messages: readonly ImportedMessage[]
  readonly context?: ImportedContext
  readonly settings?: SessionSettings
}

/** The context of an imported conversation: a summary of the messages before number `from`, and the messages from there on. */
export interface ImportedContext {
  readonly summary: string
  /** Counted from 0. */
  readonly from: number
}

/** An imported message, with its origin as far as known. */
export interface ImportedMessage {
  readonly message: Message
  /** When it was first recorded, in milliseconds since 1970. */
  readonly createdAt?: number
  readonly runId?: RunId
  /** The agent that receives the conversation with this message. */
  readonly handOff?: AgentId
}

export interface RunEnd extends OfRun {
  readonly type: 'run-end'
  readonly outcome: RunOutcome
  readonly failure?: RunFailure
}

/** A record of an extension. */
export interface ExtensionRecord extends OfRun {
  readonly type: 'extension'
  /** The id of the extension. */
  readonly extension: string
  readonly name: string
  readonly data: JsonValue
}

/** Every record type of a session's journal. */
export type JournalEntry =
  | MessageIn
  | RunStart
  | RunResume
  | RunPause
  | RunSteer
  | RunCancel
  | ModelRequest
  | ModelResponse
  | ModelFailure
  | ToolIntent
  | ToolDone
  | ApprovalAsk
  | ApprovalDone
  | HistoryCompact
  | HistoryRewind
  | HistoryImport
  | RunEnd
  | ExtensionRecord

/** Returns the data of a record for an entry: all fields but its type. */
export function recordData(entry: JournalEntry): JsonObject {
  const { type: _, ...data } = entry
  return data as unknown as JsonObject
}

/** Returns the entry of a record, without a check. An entry of an unknown type is returned as it is; the fold rejects it. */
export function entryOf(record: LogEntry): JournalEntry {
  return { ...record.data, type: record.type } as unknown as JournalEntry
}
