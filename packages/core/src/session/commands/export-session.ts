/** `export`: the session as plain JSON. */
import { historyOf } from '../session-replies.ts'
import type { SessionExport } from '../session-transfer.ts'
import { wholeUntil } from '../state/history-cut.ts'
import type { CommandContext } from './command.ts'

export interface ExportSession {
  readonly type: 'export'
  /** Messages at most, counted from the oldest. */
  readonly atMessage: number
}

export async function exportSession(
  { key, state, journal, settings }: CommandContext,
  { atMessage }: ExportSession,
): Promise<SessionExport> {
  const { messages } = historyOf(state, Number.POSITIVE_INFINITY)
  const whole = messages.slice(0, wholeUntil(state.history, atMessage))
  const { value } = settings
  const createdAt = state.createdAt
  await journal.flush()
  return { version: 1, sessionKey: key, createdAt, messages: whole, settings: value }
}
