/** Counts the turns and tokens of a run as it goes. */
import type { RunEvent } from '../base/events.ts'
import type { Usage } from '../base/messages.ts'

/** What a run may take. */
export interface RunBudget {
  readonly maxTurns?: number
  readonly maxTokens?: number
}

/** Resolves with true as soon as a run takes more than it may, and with false at its end. Rejects as the iteration of the events does. */
export async function exceedsBudget(run: AsyncIterable<RunEvent>, { maxTurns, maxTokens }: RunBudget): Promise<boolean> {
  let tokens = 0
  for await (const event of run) {
    if (event.type === 'model-request' && event.turn > (maxTurns ?? Number.POSITIVE_INFINITY)) return true
    if (event.type === 'message') tokens += tokensOf(event.usage)
    if (event.type === 'tool-result') for (const { usage } of event.usage ?? []) tokens += tokensOf(usage)
    if (tokens > (maxTokens ?? Number.POSITIVE_INFINITY)) return true
  }
  return false
}

function tokensOf({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: Usage): number {
  return inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens
}
