/** `history`: the conversation, and the runs that are not over. */
import { historyOf, type SessionHistory } from '../session-replies.ts'
import type { CommandContext } from './command.ts'

export interface ReadHistory {
  readonly type: 'history'
  /** The last so many messages. */
  readonly limit: number
}

export async function history({ state, journal }: CommandContext, { limit }: ReadHistory): Promise<SessionHistory> {
  const shown = historyOf(state, limit)
  await journal.flush()
  return shown
}
