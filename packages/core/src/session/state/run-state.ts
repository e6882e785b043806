/** The active run, as the journal describes it. */
import type { ApprovalAnswer, ApprovalQuestion } from '../../base/approval.ts'
import type { AgentId, RunId } from '../../base/ids.ts'
import {
  type AssistantMessage,
  addModelUsage,
  addUsage,
  type FinishReason,
  type JsonValue,
  type ModelUsage,
  type ToolCall,
  type ToolResult,
  type Usage,
  zeroUsage,
} from '../../base/messages.ts'
import type { MessageIn, ModelFailure, ResponseFormat, RunCancel, RunSettings } from '../journal/records.ts'

/** A turn that the model has answered. */
export interface AnsweredTurn {
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly calls: readonly ToolCall[]
}

/** A request for approval, and its decision once there is one. */
export interface RunApproval {
  readonly request: ApprovalQuestion
  answer: ApprovalAnswer | undefined
}

export interface RunState {
  readonly runId: RunId
  /** Messages that share this run. */
  readonly members: RunId[]
  /** The messages of the members. */
  readonly messages: MessageIn[]
  /** The required shape of the answer, from the last message that sets one. */
  responseFormat: ResponseFormat | undefined
  /** The settings of all messages; for each setting the last message that sets it wins. */
  settings: RunSettings
  /** The context of the last message that has one. */
  context: JsonValue | undefined
  /** The agent whose schema produced the context; undefined for the agent of the session's key. */
  contextBy: AgentId | undefined
  /** Number of sessions above this one that wait for the run. */
  depth: number
  /** The last turn that was requested; 0 before the first. */
  turn: number
  attempt: number
  /** The model of the last request. */
  model: string
  response: AnsweredTurn | undefined
  /** The failure of the last attempt; undefined unless it failed. */
  failure: ModelFailure | undefined
  /** Tool calls of this turn that have started, with the input that each got. */
  readonly begun: Map<string, JsonValue>
  /** Those of `begun` that this incarnation started and that have no outcome yet: its own active steps. */
  readonly underWay: Set<string>
  readonly results: Map<string, ToolResult>
  /** The requests for approval of the open calls, by their ids, in their order. */
  readonly approvals: Map<string, RunApproval>
  /** The agent to which a call of this turn hands the conversation over. */
  handOff: AgentId | undefined
  usage: Usage
  /** The same by model. */
  usageByModel: readonly ModelUsage[]
  cancelled: RunCancel['reason'] | undefined
  /** Number of consecutive incarnations that ended while a step of this run was active. */
  crashes: number
  /** True when the last incarnation was stopped on purpose. */
  isPaused: boolean
  /** Number of consecutive turns with the same calls and the same results. */
  sameTurns: number
  lastTurn: string
  /** The turn before which the history was last compacted. */
  compactedAt: number
}

/** Returns a run without any progress. */
export function newRun(runId: RunId, members: RunId[], messages: MessageIn[]): RunState {
  const given = messages.findLast(({ context }) => context !== undefined) ?? messages.at(-1)
  return {
    runId,
    members,
    messages,
    responseFormat: messages.findLast(({ responseFormat }) => responseFormat !== undefined)?.responseFormat,
    settings: Object.assign({}, ...messages.map(({ settings }) => settings)),
    context: given?.context,
    contextBy: given?.contextBy,
    depth: depthOf(messages),
    turn: 0,
    attempt: 0,
    model: '',
    response: undefined,
    failure: undefined,
    begun: new Map(),
    underWay: new Set(),
    results: new Map(),
    approvals: new Map(),
    handOff: undefined,
    usage: zeroUsage,
    usageByModel: [],
    cancelled: undefined,
    crashes: 0,
    isPaused: false,
    sameTurns: 0,
    lastTurn: '',
    compactedAt: 0,
  }
}

/** Returns the depth of messages that share a run: that of the deepest message. */
export function depthOf(messages: readonly MessageIn[]): number {
  return Math.max(0, ...messages.map(({ depth }) => depth ?? 0))
}

/** Returns the result of a call that started and whose outcome is unknown. */
export function unknownOutcome({ id: toolCallId, name }: ToolCall): ToolResult {
  const content =
    'Outcome unknown: this call had begun when the session was interrupted. It may or may not have taken effect; check before you repeat it.'
  return { type: 'tool-result', toolCallId, name, content, isError: true }
}

/** Adds tokens to the usage of the run. */
export function spend(run: RunState, model: string, usage: Usage): void {
  run.usage = addUsage(run.usage, usage)
  run.usageByModel = addModelUsage(run.usageByModel, model, usage)
}
