/** Where a history may be cut: never between a tool call and its result. Pure functions. */
import type { AssistantMessage, Message } from '../../base/messages.ts'

/**
 * Returns how many of the oldest messages stay when at most `count` may stay. It is fewer when the cut would fall between a call and its result:
 * both are cut then.
 */
export function wholeUntil(history: readonly Message[], count: number): number {
  let kept = Math.min(count, history.length)
  // The part after the cut must not begin with the results of a call before it.
  while (kept > 0 && history[kept]?.role === 'tool') kept--
  // A call at the end has no result yet.
  while (kept > 0 && asksForTools(history[kept - 1])) kept--
  return kept
}

/** A message at which a conversation cannot continue, and the reason. */
export interface HistoryFlaw {
  readonly index: number
  /** The problem and its remedy, as the end of a sentence that begins with the message. */
  readonly problem: string
}

/** Returns the first message whose tool calls and results do not match. Returns undefined when each call has one result in the next message. */
export function firstFlaw(history: readonly Message[]): HistoryFlaw | undefined {
  for (const [index, message] of history.entries()) {
    const problem =
      message.role === 'assistant' ? problemOfCalls(message, history[index + 1]) : problemOfResults(message, history[index - 1])
    if (problem !== undefined) return { index, problem }
  }
  return undefined
}

function problemOfCalls(message: AssistantMessage, next: Message | undefined): string | undefined {
  const ids = callIds(message)
  const repeated = firstRepeated(ids)
  if (repeated !== undefined) return `makes two calls with the id "${repeated}"; give each call of a message an id of its own`
  const answered = next?.role === 'tool' ? next.content.map(({ toolCallId }) => toolCallId) : []
  const open = ids.find((id) => !answered.includes(id))
  return open === undefined
    ? undefined
    : `makes the call "${open}", and the message after it has no result of it; put all results of a message into one tool message after it, or take the call out`
}

function problemOfResults(message: Message, before: Message | undefined): string | undefined {
  if (message.role !== 'tool') return undefined
  const ids = message.content.map(({ toolCallId }) => toolCallId)
  const calls = before?.role === 'assistant' ? callIds(before) : []
  const lost = ids.find((id) => !calls.includes(id))
  if (lost !== undefined) return `holds the result of a call, "${lost}", that the message before it does not make; take the result out`
  const repeated = firstRepeated(ids)
  return repeated === undefined ? undefined : `holds two results of the call "${repeated}"; keep one of them`
}

/** Returns the ids of the calls of a message. */
export function callIds({ content }: AssistantMessage): readonly string[] {
  return content.flatMap((part) => (part.type === 'tool-call' ? [part.id] : []))
}

/** Returns the first value that occurs twice. */
export function firstRepeated(values: readonly string[]): string | undefined {
  return values.find((value, index) => values.indexOf(value) < index)
}

function asksForTools(message: Message | undefined): boolean {
  return message?.role === 'assistant' && message.content.some((part) => part.type === 'tool-call')
}
