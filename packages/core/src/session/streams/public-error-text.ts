/** The error text for a user interface: by default only the code, because messages may name files, addresses and secrets. */
import type { RunEvent, ToolResultEvent } from '../../base/events.ts'
import { type ToolResult, textOf } from '../../base/messages.ts'

/** A failure as recorded in the journal. */
export interface RunFailureText {
  /** A stable code, such as `provider-overloaded`; `tool-failed` for a tool that failed. */
  readonly code: string
  /** For the operator: may contain file names and any text that a service or a tool puts into its errors. */
  readonly message: string
}

/** Returns the text that a user interface shows for a failure. */
export type ErrorText = (failure: RunFailureText) => string

function codeAlone({ code }: RunFailureText): string {
  return `Something went wrong (${code.slice(0, 64)}).`
}

/** Returns a safe version of `errorText`: when it throws or does not return text, the code alone is shown. */
export function guardedErrorText(errorText: ErrorText = codeAlone): ErrorText {
  return (failure) => {
    try {
      const text: unknown = errorText(failure)
      if (typeof text === 'string') return text.toWellFormed()
    } catch {
      // Shows the code, as without a function.
    }
    return codeAlone(failure)
  }
}

/** Returns the text shown for a tool result that is an error. BeamClaw wrote the texts of `unknown` and `cancelled`, so they are shown as they are. */
export function toolErrorOf(outcome: ToolResultEvent['outcome'], { content }: ToolResult, errorText: ErrorText): string {
  const message = textOf({ role: 'user', content })
  return outcome === 'error' ? errorText({ code: 'tool-failed', message }) : message
}

/** Returns the event with every error text replaced by its public text. */
export function publicEvent(event: RunEvent, errorText: ErrorText): RunEvent {
  if (event.type === 'tool-result' && event.result.isError) {
    return { ...event, result: { ...event.result, content: toolErrorOf(event.outcome, event.result, errorText) } }
  }
  if ((event.type !== 'model-failure' && event.type !== 'run-end') || event.failure === undefined) return event
  return { ...event, failure: { code: event.failure.code, message: errorText(event.failure) } } as RunEvent
}
