/** `history`: returns the conversation, and the runs that have not ended. */
import { historyOf, type SessionHistory } from '../session-replies.ts'
import type { CommandContext } from './command.ts'

export interface ReadHistory {
  readonly type: 'history'
  /** Number of messages to return, counted from the newest. */
  readonly limit: number
}

export async function history({ state, journal }: CommandContext, { limit }: ReadHistory): Promise<SessionHistory> {
  const shown = historyOf(state, limit)
  await journal.flush()
  return shown
}
