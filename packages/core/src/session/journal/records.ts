/** What a session writes down: one kind of record for each fact that must outlive the process. */

import type { QueueMode } from '../../agent/session-settings.ts'
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

export type { QueueMode } from '../../agent/session-settings.ts'
export type { RunFailure } from '../../base/run-failure.ts'

/** How a run ended. */
export type RunOutcome = 'completed' | 'failed' | 'aborted'

/** `unknown`: begun, and then nobody was left to hear how it went. `cancelled`: told to stop, or never begun. */
export type ToolOutcome = 'ok' | 'error' | 'unknown' | 'cancelled'

/** How an answer must be shaped. */
export interface ResponseFormat {
  readonly type: 'json'
  readonly name?: string
  readonly schema?: JsonObject
}

/** What one message asks of its run, in the place of what its agent says. */
export interface RunSettings {
  /** `<provider>/<model>`. @default the session's, else the agent's */
  readonly model?: string
  /** @default the session's, else the agent's */
  readonly thinking?: ThinkingLevel
  /** 0 to 2. @default the agent's */
  readonly temperature?: number
  /** Tokens of one answer. @default the agent's */
  readonly maxOutputTokens?: number
  /** Holds for the first turn of the run. @default the agent's */
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
  /** What the host gives tools, hooks and the system function of the run. */
  readonly context?: JsonValue
  /** The agent whose schema has made the context, after a hand-off. Absent for the agent of the session's key. */
  readonly contextBy?: AgentId
  /** Tells whether a message that is sent again under this key is the same. */
  readonly fingerprint?: string
  /** Sessions above this one that wait for its run: a tool of the one called the next. Absent for none. */
  readonly depth?: number
  /** The run that was given up, and whose message this is once more. */
  readonly redrives?: RunId
}

/** Its run begins, together with the messages in `merged`. */
export interface RunStart extends OfRun {
  readonly type: 'run-start'
  readonly merged?: readonly RunId[]
}

/** A new incarnation of the session goes on with a run it did not begin. */
export interface RunResume extends OfRun {
  readonly type: 'run-resume'
  /** A step of this run was under way in the incarnation before, which ended without a word: the step may be why. */
  readonly isSuspect?: boolean
  /** The same incarnation goes on: the step under way has lived so long that it is not what took the session down. */
  readonly isCleared?: boolean
}

/** The session is stopped on purpose in the middle of the run, which will go on. */
export interface RunPause extends OfRun {
  readonly type: 'run-pause'
}

/** The waiting message `from` joins the run. */
export interface RunSteer extends OfRun {
  readonly type: 'run-steer'
  readonly from: RunId
}

/** Somebody wants the run, waiting or under way, to end. */
export interface RunCancel extends OfRun {
  readonly type: 'run-cancel'
  readonly reason: 'abort' | 'interrupt'
}

/** A provider is about to be asked. Turns and attempts count from 1. */
export interface ModelRequest extends OfRun {
  readonly type: 'model-request'
  readonly turn: number
  readonly attempt: number
  readonly model: string
}

/** The whole of its answer. */
export interface ModelResponse extends OfRun {
  readonly type: 'model-response'
  readonly turn: number
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly usage: Usage
}

/** It did not answer. */
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

/** What came of it. */
export interface ToolDone extends OfRun {
  readonly type: 'tool-outcome'
  readonly turn: number
  readonly outcome: ToolOutcome
  readonly result: ToolResult
  /** Tokens that the tool itself has spent. */
  readonly usage?: readonly ModelUsage[]
  /** The agent that answers once all calls of the turn have their outcome. */
  readonly handOff?: AgentId
}

/** The oldest `dropped` messages of the history gave way to a summary. */
export interface HistoryCompact extends OfRun {
  readonly type: 'history-compact'
  readonly summary: string
  readonly dropped: number
  readonly usage: Usage
  /** The model that wrote it; absent where an earlier version wrote it down. */
  readonly model?: string
}

/** The messages after the first `kept` are taken back. `runId` names the change, which is no run. */
export interface HistoryRewind extends OfRun {
  readonly type: 'history-rewind'
  readonly kept: number
}

/** A conversation from elsewhere begins the session. `runId` names the import, which is no run. */
export interface HistoryImport extends OfRun {
  readonly type: 'history-import'
  readonly messages: readonly ImportedMessage[]
  readonly settings?: SessionSettings
}

/** A message that is imported, with what is known of its origin. */
export interface ImportedMessage {
  readonly message: Message
  /** When it was written down first, in milliseconds since 1970. */
  readonly createdAt?: number
  readonly runId?: RunId
  /** The agent that the conversation was handed to with this message. */
  readonly handOff?: AgentId
}

export interface RunEnd extends OfRun {
  readonly type: 'run-end'
  readonly outcome: RunOutcome
  readonly failure?: RunFailure
}

/** A record of a package's own. */
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
  | HistoryCompact
  | HistoryRewind
  | HistoryImport
  | RunEnd
  | ExtensionRecord

/** The record's own part of an entry: all but its type. */
export function recordData(entry: JournalEntry): JsonObject {
  const { type: _, ...data } = entry
  return data as unknown as JsonObject
}

/** The entry that a record holds. Records of an unknown type are answered as they are: the fold decides. */
export function entryOf(record: LogEntry): JournalEntry {
  return { ...record.data, type: record.type } as unknown as JournalEntry
}
