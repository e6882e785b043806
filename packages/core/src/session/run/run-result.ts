/** What a run came to. */
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import {
  type AssistantMessage,
  addModelUsage,
  addUsage,
  type FinishReason,
  type JsonObject,
  type ModelUsage,
  textOf,
  type Usage,
} from '../../base/messages.ts'
import { errorOfFailure } from '../../base/run-failure.ts'
import type { EndedRun } from '../state/known-run.ts'
import type { RunStep, RunToolCall } from './run-steps.ts'

/** What a run came to. */
export interface RunResult<TOutput = undefined> {
  readonly runId: RunId
  /** The model's last message. */
  readonly message: AssistantMessage
  /** Its text. */
  readonly text: string
  /** All tokens of the run: its answers, summaries of its history, and what its tools report, such as agents that they ask. */
  readonly usage: Usage
  /** The same by model, for prices; empty for runs that an earlier version ended. */
  readonly usageByModel: readonly ModelUsage[]
  readonly finish: FinishReason | undefined
  /**
   * The answers of the model, with the tool calls of each. They are read from the journal: empty once a snapshot has taken the place of the run's
   * records. A message that joined a run under way has the steps from there on.
   */
  readonly steps: readonly RunStep[]
  /** The tool calls of all steps, in their order. */
  readonly toolCalls: readonly RunToolCall[]
  /** What the schema made of the text, where one was given. After a repair, `message`, `text` and this are of the repaired answer. */
  readonly output: TOutput
}

const emptyMessage: AssistantMessage = { role: 'assistant', content: [] }

/** Returns the result of a run that is over. Throws why it has none. */
export function resultOf(runId: RunId, ended: EndedRun, steps: readonly RunStep[]): Omit<RunResult, 'output'> {
  if (ended.outcome !== 'completed') throw failureOf(runId, ended)
  const { message = emptyMessage, usage, usageByModel = [], finish } = ended
  const toolCalls = steps.flatMap((step) => step.toolCalls)
  return { runId, message, text: textOf(message), usage, usageByModel, finish, steps, toolCalls }
}

/** Returns the result of a run whose answer had to be repaired by another. */
export function repairedResult<TOutput>(first: Omit<RunResult, 'output'>, repaired: RunResult<TOutput>): RunResult<TOutput> {
  return {
    ...repaired,
    runId: first.runId,
    usage: addUsage(first.usage, repaired.usage),
    usageByModel: repaired.usageByModel.reduce((sum, { model, usage }) => addModelUsage(sum, model, usage), first.usageByModel),
    steps: [...first.steps, ...repaired.steps],
    toolCalls: [...first.toolCalls, ...repaired.toolCalls],
  }
}

function failureOf(runId: RunId, { outcome, failure, usageByModel = [] }: EndedRun): BeamClawError {
  const details = { runId, usageByModel: usageByModel as unknown as readonly JsonObject[] }
  if (outcome === 'aborted') return new BeamClawError('run-aborted', 'The run was aborted', { details })
  return errorOfFailure(failure ?? { code: 'run-failed', message: 'The run failed' }, details)
}
