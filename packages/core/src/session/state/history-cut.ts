/** Where a history may be cut: never between a tool call and its result. Pure. */
import type { Message } from '../../base/messages.ts'

/**
 * Returns how many of the oldest messages stay when at most `count` are to: fewer when the cut would come between a call and its result, which then
 * go together.
 */
export function wholeUntil(history: readonly Message[], count: number): number {
  let kept = Math.min(count, history.length)
  // What follows must not begin with the results of a call that stays.
  while (kept > 0 && history[kept]?.role === 'tool') kept--
  // A call that nothing follows has no result yet.
  while (kept > 0 && asksForTools(history[kept - 1])) kept--
  return kept
}

/** Returns the index of the first tool result without its call right before it; undefined when each has one. */
export function firstLostResult(history: readonly Message[]): number | undefined {
  const lost = history.findIndex((message, index) => {
    if (message.role !== 'tool') return false
    const before = history[index - 1]
    const calls = before?.role === 'assistant' ? before.content.filter((part) => part.type === 'tool-call') : []
    return !message.content.every(({ toolCallId }) => calls.some(({ id }) => id === toolCallId))
  })
  return lost < 0 ? undefined : lost
}

function asksForTools(message: Message | undefined): boolean {
  return message?.role === 'assistant' && message.content.some((part) => part.type === 'tool-call')
}
