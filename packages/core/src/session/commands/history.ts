/** `history`: returns a page of the conversation, and the runs that have not ended. */
import { historyOf, type SessionHistory } from '../session-replies.ts'
import type { CommandContext } from './command.ts'
import { entriesOf } from './transcript.ts'

export interface ReadHistory {
  readonly type: 'history'
  /** Number of messages to return. */
  readonly limit: number
  /** Number of the message that follows the last one to return. */
  readonly before: number
}

export async function history(context: CommandContext, { limit, before }: ReadHistory): Promise<SessionHistory> {
  const { state } = context
  const end = Math.min(before, state.total)
  const first = Math.max(0, end - limit)
  const { total, seq } = state
  const page = historyOf(state, { first, total, seq })
  return page(await entriesOf(context, first, end))
}
