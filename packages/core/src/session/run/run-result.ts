/** The result of a run. */
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

/** The result of a run. */
export interface RunResult<TOutput = undefined> {
  readonly runId: RunId
  /** The model's last message. */
  readonly message: AssistantMessage
  /** The text of `message`. */
  readonly text: string
  /** All tokens of the run: its answers, the summaries of its history, and the usage that its tools report, such as that of sub-agents. */
  readonly usage: Usage
  /** The same by model, to compute prices; empty for runs that an earlier version ended. */
  readonly usageByModel: readonly ModelUsage[]
  readonly finish: FinishReason | undefined
  /**
   * The answers of the model, each with its tool calls. They are read from the journal, so the list is empty once a snapshot has replaced the run's
   * records. For a message that joined an active run, the list begins where the message joined.
   */
  readonly steps: readonly RunStep[]
  /** The tool calls of all steps, in order. */
  readonly toolCalls: readonly RunToolCall[]
  /** The output of the schema, if one was given. After a repair, `message`, `text` and `output` are those of the repaired answer. */
  readonly output: TOutput
}

const emptyMessage: AssistantMessage = { role: 'assistant', content: [] }

/** Returns the result of an ended run. Throws the run's failure when it has no result. */
export function resultOf(runId: RunId, ended: EndedRun, steps: readonly RunStep[]): Omit<RunResult, 'output'> {
  if (ended.outcome !== 'completed') throw failureOf(runId, ended)
  const { message = emptyMessage, usage, usageByModel = [], finish } = ended
  const toolCalls = steps.flatMap((step) => step.toolCalls)
  return { runId, message, text: textOf(message), usage, usageByModel, finish, steps, toolCalls }
}

/** Returns the result of a run whose answer another run repaired. */
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
