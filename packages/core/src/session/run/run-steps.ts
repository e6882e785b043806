/** The steps of a run, built from its events. Pure. */
import type { CommittedEvent, RunEvent } from '../../base/events.ts'
import type { AssistantMessage, FinishReason, JsonValue, ModelUsage, ToolResult, Usage } from '../../base/messages.ts'

/** A tool call of a run. */
export interface RunToolCall {
  readonly id: string
  readonly name: string
  /** The input that the tool received, if the call has started: a hook may have changed the model's input. */
  readonly input: JsonValue
  /** Undefined while the call has no outcome. */
  readonly result: ToolResult | undefined
  readonly outcome: 'ok' | 'error' | 'unknown' | 'cancelled' | undefined
  /** Tokens that the tool itself used, as a sub-agent does. */
  readonly usage: readonly ModelUsage[]
}

/** One answer of the model, and the tool calls that it requested. */
export interface RunStep {
  /** Counts from 1. */
  readonly turn: number
  /** `<provider>/<model>` as requested; a fallback may have answered. */
  readonly model: string
  readonly message: AssistantMessage
  readonly toolCalls: readonly RunToolCall[]
  /** Usage of this answer alone. */
  readonly usage: Usage
  readonly finish: FinishReason
}

/** Collects the events of one run, in order. */
export class RunSteps {
  readonly #steps: (RunStep & { readonly toolCalls: RunToolCall[] })[] = []
  #model = ''

  get all(): readonly RunStep[] {
    return this.#steps
  }

  take(event: RunEvent): void {
    switch (event.type) {
      case 'model-request':
        this.#model = event.model
        return
      case 'message':
        this.#steps.push(stepOf(event, this.#model))
        return
      case 'tool-call':
        return this.#change(event.toolCallId, { input: event.input })
      case 'tool-result': {
        const { result, outcome, usage = [] } = event
        return this.#change(result.toolCallId, { result, outcome, usage })
      }
    }
  }

  #change(id: string, change: Partial<RunToolCall>): void {
    const toolCalls = this.#steps.at(-1)?.toolCalls
    const index = toolCalls?.findIndex((call) => call.id === id) ?? -1
    const call = toolCalls?.[index]
    if (toolCalls !== undefined && call !== undefined) toolCalls[index] = { ...call, ...change }
  }
}

function stepOf({ turn, message, usage, finish }: Extract<CommittedEvent, { type: 'message' }>, model: string) {
  const toolCalls = message.content.flatMap((part): RunToolCall[] =>
    part.type === 'tool-call'
      ? [{ id: part.id, name: part.name, input: part.input, result: undefined, outcome: undefined, usage: [] }]
      : [],
  )
  return { turn, model, message, toolCalls, usage, finish }
}
