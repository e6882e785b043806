/** A run as plain data, for assertions independent of any test runner. */
import { BeamClawError, type RunEvent, type RunStream, type Tool, type ToolCall } from '@beamclaw/core'

/** A tool call that began, and what came of it. */
export interface RecordedToolCall<TInput = unknown> {
  readonly toolCallId: string
  readonly name: string
  /** The input from the model, before the tool's schema converted it. */
  readonly input: TInput
  /** Undefined when the run ended first. */
  readonly outcome: 'ok' | 'error' | 'unknown' | 'cancelled' | undefined
  readonly content: Extract<RunEvent, { type: 'tool-result' }>['result']['content'] | undefined
}

/** A run from its message to its end. */
export interface RunRecord {
  readonly runId: string
  readonly events: readonly RunEvent[]
  readonly outcome: 'completed' | 'failed' | 'aborted'
  /** The last answer of the model; empty when the run failed. */
  readonly text: string
  /** The error of `result()`; undefined when the run completed. */
  readonly error: BeamClawError | undefined
}

/**
 * Reads a run to its end. A run that fails is recorded, too; rejects what `accepted` rejects with, and `run-interrupted` when the session
 * stops first.
 *
 * @example
 * const record = await recordRun(session.send('Deploy it.'))
 */
export async function recordRun(run: RunStream<unknown>): Promise<RunRecord> {
  const events: RunEvent[] = []
  for await (const event of run) events.push(event)
  const { runId } = run
  try {
    const { text } = await run.result()
    return { runId, events, outcome: 'completed', text, error: undefined }
  } catch (error) {
    if (!BeamClawError.isInstance(error) || error.code === 'run-interrupted') throw error
    return { runId, events, outcome: error.code === 'run-aborted' ? 'aborted' : 'failed', text: '', error }
  }
}

/**
 * Returns the tool calls among events, in the order they began: all of them, those of a name, or those of a tool, with its type of input.
 *
 * @example
 * for (const { input } of toolCallsOf(record, deploy)) console.log(input.target)
 */
export function toolCallsOf<TInput = unknown>(
  { events }: { readonly events: readonly RunEvent[] },
  tool?: string | Tool<TInput>,
): RecordedToolCall<TInput>[] {
  const calls: RecordedToolCall<TInput>[] = []
  for (const event of events) {
    if (event.type === 'tool-call') {
      const { toolCallId, name, input } = event
      calls.push({ toolCallId, name, input: input as TInput, outcome: undefined, content: undefined })
    } else if (event.type === 'tool-result') {
      const { toolCallId, content } = event.result
      // Models use an id again in another turn: the result belongs to the call that has none yet.
      const index = calls.findIndex((call) => call.toolCallId === toolCallId && call.outcome === undefined)
      const call = calls[index]
      if (call !== undefined) calls[index] = { ...call, outcome: event.outcome, content }
    }
  }
  const name = toolNameOf(tool)
  return name === undefined ? calls : calls.filter((call) => call.name === name)
}

/** A tool call that a `beforeTool` hook denied: the tool did not run. */
export interface DeniedToolCall<TInput = unknown> {
  readonly toolCallId: string
  readonly name: string
  /** The input from the model. */
  readonly input: TInput
  /** What the hook gave as `deny`. */
  readonly reason: string
}

/** What the result of a call that a hook denied begins with. */
const denied = 'Denied: '

/** Returns the denied calls among events, in the order of their denials: their results have no beginning before them. */
export function deniedCallsOf<TInput = unknown>(
  { events }: { readonly events: readonly RunEvent[] },
  tool?: string | Tool<TInput>,
): DeniedToolCall<TInput>[] {
  const calls: DeniedToolCall<TInput>[] = []
  const begun: string[] = []
  let asked: readonly ToolCall[] = []
  for (const event of events) {
    if (event.type === 'message') asked = event.message.content.filter((part) => part.type === 'tool-call')
    else if (event.type === 'tool-call') begun.push(event.toolCallId)
    else if (event.type === 'tool-result') {
      const { toolCallId, name, content } = event.result
      const index = begun.indexOf(toolCallId)
      if (index >= 0) begun.splice(index, 1)
      else if (event.outcome === 'error' && typeof content === 'string' && content.startsWith(denied)) {
        const input = asked.find(({ id }) => id === toolCallId)?.input as TInput
        calls.push({ toolCallId, name, input, reason: content.slice(denied.length) })
      }
    }
  }
  const wanted = toolNameOf(tool)
  return wanted === undefined ? calls : calls.filter(({ name }) => name === wanted)
}

/** Returns the name that a tool, or its name, stands for. */
export function toolNameOf(tool: string | Pick<Tool, 'declaration'> | undefined): string | undefined {
  return typeof tool === 'object' ? tool.declaration.name : tool
}
