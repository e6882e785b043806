/** The run under way, as the journal tells it. */
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

export interface RunState {
  readonly runId: RunId
  /** Messages that share this run. */
  readonly members: RunId[]
  /** Their messages. */
  readonly messages: MessageIn[]
  /** How the answer must be shaped: as the last message asks that asks for anything. */
  responseFormat: ResponseFormat | undefined
  /** What its messages ask of it; the last one that asks for a thing has its way. */
  settings: RunSettings
  /** As the last message gives it that gives any. */
  context: JsonValue | undefined
  /** The agent whose schema has made it; undefined for the one of the session's key. */
  contextBy: AgentId | undefined
  /** Sessions above this one that wait for the run. */
  depth: number
  /** The turn that was asked for last; 0 before the first. */
  turn: number
  attempt: number
  /** The model that was asked last. */
  model: string
  response: AnsweredTurn | undefined
  /** The failure of the last attempt, when that is how it ended. */
  failure: ModelFailure | undefined
  /** Tool calls of this turn that have begun. */
  readonly begun: Set<string>
  /** Of those, the ones that this incarnation has begun, and that have no outcome yet: its own steps under way. */
  readonly underWay: Set<string>
  readonly results: Map<string, ToolResult>
  /** The agent that a call of this turn hands over to. */
  handOff: AgentId | undefined
  usage: Usage
  /** The same by model. */
  usageByModel: readonly ModelUsage[]
  cancelled: RunCancel['reason'] | undefined
  /** Incarnations in a row that ended while a step of this run was under way in them. */
  crashes: number
  /** The last incarnation was stopped on purpose. */
  isPaused: boolean
  /** How often in a row a turn had the same calls with the same results. */
  sameTurns: number
  lastTurn: string
  /** The turn before which the history was last compacted. */
  compactedAt: number
}

/** Returns a run in which nothing has happened yet. */
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
    begun: new Set(),
    underWay: new Set(),
    results: new Map(),
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

/** Returns how deep messages lie that share a run: as the deepest of them. */
export function depthOf(messages: readonly MessageIn[]): number {
  return Math.max(0, ...messages.map(({ depth }) => depth ?? 0))
}

/** Returns the result of a call that was begun, and whose outcome nobody knows. */
export function unknownOutcome({ id: toolCallId, name }: ToolCall): ToolResult {
  const content =
    'Outcome unknown: this call had begun when the session was interrupted. It may or may not have taken effect; check before you repeat it.'
  return { type: 'tool-result', toolCallId, name, content, isError: true }
}

/** Adds tokens to what the run has used. */
export function spend(run: RunState, model: string, usage: Usage): void {
  run.usage = addUsage(run.usage, usage)
  run.usageByModel = addModelUsage(run.usageByModel, model, usage)
}
