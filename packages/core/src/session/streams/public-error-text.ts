/** What a user interface is shown of a failure: by default its code alone, since messages may name files, addresses and secrets. */
import type { RunEvent, ToolResultEvent } from '../../base/events.ts'
import { type ToolResult, textOf } from '../../base/messages.ts'

/** A failure as the journal has it. */
export interface RunFailureText {
  /** A stable code, such as `provider-overloaded`; `tool-failed` for a tool that failed. */
  readonly code: string
  /** For the operator: may name files and whatever a service or a tool put into its errors. */
  readonly message: string
}

/** Returns the text that a user interface is shown for a failure. */
export type ErrorText = (failure: RunFailureText) => string

function codeAlone({ code }: RunFailureText): string {
  return `Something went wrong (${code.slice(0, 64)}).`
}

/** Returns `errorText` made safe: when it throws, or returns no text, the code alone is shown. */
export function guardedErrorText(errorText: ErrorText = codeAlone): ErrorText {
  return (failure) => {
    try {
      const text: unknown = errorText(failure)
      if (typeof text === 'string') return text.toWellFormed()
    } catch {
      // Shown as if there were no function.
    }
    return codeAlone(failure)
  }
}

/** Returns what is shown of a result that is an error. The texts of `unknown` and `cancelled` are our own. */
export function toolErrorOf(outcome: ToolResultEvent['outcome'], { content }: ToolResult, errorText: ErrorText): string {
  const message = textOf({ role: 'user', content })
  return outcome === 'error' ? errorText({ code: 'tool-failed', message }) : message
}

/** Returns the event with every text of an error replaced by what may be shown. */
export function publicEvent(event: RunEvent, errorText: ErrorText): RunEvent {
  if (event.type === 'tool-result' && event.result.isError) {
    return { ...event, result: { ...event.result, content: toolErrorOf(event.outcome, event.result, errorText) } }
  }
  if ((event.type !== 'model-failure' && event.type !== 'run-end') || event.failure === undefined) return event
  return { ...event, failure: { code: event.failure.code, message: errorText(event.failure) } } as RunEvent
}
