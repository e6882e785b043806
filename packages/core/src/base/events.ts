/** The events of runs, each named noun first, verb second. */
import type { ApprovalAnswer, ApprovalQuestion } from './approval.ts'
import type { AgentId, RunId, SessionKey } from './ids.ts'
import type { AssistantMessage, FinishReason, JsonValue, ModelUsage, ToolResult, Usage, UserMessage } from './messages.ts'
import type { RunFailure } from './run-failure.ts'

interface OfRun {
  readonly sessionKey: SessionKey
  readonly runId: RunId
}

/** `seq` is the number of the journal record behind the event: the event is durable, and a feed can be resumed after it. */
interface Durable {
  readonly seq: number
}

/** A message was accepted and waits for its run. */
export interface MessageAcceptedEvent extends OfRun, Durable {
  readonly type: 'message-accepted'
  readonly message: UserMessage
}

/** A run has begun. `merged` lists the other messages that share it. */
export interface RunStartEvent extends OfRun, Durable {
  readonly type: 'run-start'
  readonly merged: readonly RunId[]
}

/** A new incarnation of the session continues the run. */
export interface RunResumeEvent extends OfRun, Durable {
  readonly type: 'run-resume'
}

/** The session is stopped during the run, which continues when the session is loaded again. */
export interface RunPauseEvent extends OfRun, Durable {
  readonly type: 'run-pause'
}

/** The message `from` has joined this run. */
export interface RunSteerEvent extends OfRun, Durable {
  readonly type: 'run-steer'
  readonly from: RunId
}

/** An abort of the run was requested. */
export interface RunCancelEvent extends OfRun, Durable {
  readonly type: 'run-cancel'
}

/** A request is sent to a provider. The text of earlier attempts of this turn is void. */
export interface ModelRequestEvent extends OfRun, Durable {
  readonly type: 'model-request'
  readonly turn: number
  readonly attempt: number
  readonly model: string
}

/** A request to a provider failed; the run may try again. */
export interface ModelFailureEvent extends OfRun, Durable {
  readonly type: 'model-failure'
  readonly turn: number
  readonly attempt: number
  readonly failure: RunFailure
}

/** A piece of text, not durable: void when a later `model-request` has the same turn. */
export interface TextDeltaEvent extends OfRun {
  readonly type: 'text-delta'
  readonly turn: number
  readonly attempt: number
  readonly text: string
}

/** As `text-delta`, for the thinking that precedes the answer. */
export interface ThinkingDeltaEvent extends OfRun {
  readonly type: 'thinking-delta'
  readonly turn: number
  readonly attempt: number
  readonly text: string
}

/** The provider left something out of the request, or changed it, because the model refuses it. Not durable. */
export interface ModelWarningEvent extends OfRun {
  readonly type: 'model-warning'
  readonly turn: number
  readonly attempt: number
  /** The setting, for example `temperature`. */
  readonly setting: string
  /** What was done and why, in one sentence. */
  readonly message: string
}

/** A complete message of the model. */
export interface MessageEvent extends OfRun, Durable {
  readonly type: 'message'
  readonly turn: number
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly usage: Usage
}

/** A tool begins. */
export interface ToolCallEvent extends OfRun, Durable {
  readonly type: 'tool-call'
  readonly toolCallId: string
  readonly name: string
  readonly input: JsonValue
}

/** The outcome of a tool. `unknown`: it had begun when the process ended, so whether it did its work is unknown. */
export interface ToolResultEvent extends OfRun, Durable {
  readonly type: 'tool-result'
  readonly toolCallId: string
  /** The tool's name. */
  readonly name: string
  readonly outcome: 'ok' | 'error' | 'unknown' | 'cancelled'
  readonly result: ToolResult
  /** Tokens that the tool itself has spent. */
  readonly usage?: readonly ModelUsage[]
  /** The agent that answers in this session from the next turn on. */
  readonly handOff?: AgentId
}

/** A call waits for approval: `running.approvals` answers it. */
export interface ApprovalRequestEvent extends OfRun, Durable {
  readonly type: 'approval-request'
  readonly request: ApprovalQuestion
}

/** A request for approval was decided, or its time was over. */
export interface ApprovalDecisionEvent extends OfRun, Durable {
  readonly type: 'approval-decision'
  readonly id: string
  readonly answer: ApprovalAnswer
}

/** The oldest messages of the history were replaced by a summary. */
export interface HistoryCompactEvent extends OfRun, Durable {
  readonly type: 'history-compact'
  readonly dropped: number
}

/** Messages were taken back: the history has its first `kept` ones left. `runId` names the change. */
export interface HistoryRewindEvent extends OfRun, Durable {
  readonly type: 'history-rewind'
  readonly kept: number
}

/** A conversation from elsewhere has begun the session. `runId` names the import. */
export interface HistoryImportEvent extends OfRun, Durable {
  readonly type: 'history-import'
  /** How many messages were taken over. */
  readonly messages: number
}

/** The session was deleted, with its journal. Feeds of sessions end with `unknown-session` in its place. `runId` names the deletion. */
export interface SessionDeleteEvent extends OfRun {
  readonly type: 'session-delete'
}

/** A package has written a record of its own, see `RecordExtension`. */
export interface RecordEvent extends OfRun, Durable {
  readonly type: 'record'
  /** The id of the extension. */
  readonly extension: string
  readonly name: string
  readonly data: JsonValue
}

/** A run is over. */
export interface RunEndEvent extends OfRun, Durable {
  readonly type: 'run-end'
  readonly outcome: 'completed' | 'failed' | 'aborted'
  /** Present when `outcome` is `failed`. */
  readonly failure?: RunFailure
}

/** A tool reports progress, see `ToolContext.progress`. */
export interface ToolProgressEvent extends OfRun {
  readonly type: 'tool-progress'
  readonly turn: number
  readonly toolCallId: string
  readonly name: string
  readonly data: JsonValue
}

/** Events that are not durable: published to the present subscribers alone. */
export type ProvisionalEvent = TextDeltaEvent | ThinkingDeltaEvent | ModelWarningEvent | ToolProgressEvent | SessionDeleteEvent

/** Events of records in the journal. */
export type CommittedEvent =
  | MessageAcceptedEvent
  | RunStartEvent
  | RunResumeEvent
  | RunPauseEvent
  | RunSteerEvent
  | RunCancelEvent
  | ModelRequestEvent
  | ModelFailureEvent
  | MessageEvent
  | ToolCallEvent
  | ToolResultEvent
  | ApprovalRequestEvent
  | ApprovalDecisionEvent
  | HistoryCompactEvent
  | HistoryRewindEvent
  | HistoryImportEvent
  | RecordEvent
  | RunEndEvent

/** An event of a run; `type` tells which. */
export type RunEvent = ProvisionalEvent | CommittedEvent
