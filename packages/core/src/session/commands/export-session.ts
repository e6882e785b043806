/** `export`: returns the session as plain JSON. */
import type { AssistantMessage, ToolCall } from '../../base/messages.ts'
import { entriesOf, type HistoryEntry } from '../session-replies.ts'
import type { SessionExport } from '../session-transfer.ts'
import { firstFlaw, wholeUntil } from '../state/history-cut.ts'
import { unknownOutcome } from '../state/run-state.ts'
import type { CommandContext } from './command.ts'

export interface ExportSession {
  readonly type: 'export'
  /** Maximum number of messages, counted from the oldest. */
  readonly atMessage: number
}

export async function exportSession(
  { key, state, journal, settings }: CommandContext,
  { atMessage }: ExportSession,
): Promise<SessionExport> {
  const whole = entriesOf(state).slice(0, wholeUntil(state.history, atMessage))
  const { value } = settings
  const createdAt = state.createdAt
  await journal.flush()
  return { version: 1, sessionKey: key, createdAt, messages: importable(whole), settings: value }
}

/** Repairs two flaws of earlier versions that an import rejects: calls without a result, and two calls with one id. */
function importable(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  if (firstFlaw(entries.map(({ message }) => message)) === undefined) return entries
  return entries.flatMap((entry, index) => {
    const { message } = entry
    if (message.role !== 'assistant') return [entry]
    const content = message.content.filter((part, place) => part.type !== 'tool-call' || isFirst(part, place, message))
    const calls = content.filter((part) => part.type === 'tool-call')
    const isAnswered = calls.length === 0 || entries[index + 1]?.message.role === 'tool'
    const repaired: HistoryEntry = { ...entry, message: { ...message, content } }
    return isAnswered ? [repaired] : [repaired, { ...entry, message: { role: 'tool', content: calls.map(unknownOutcome) } }]
  })
}

function isFirst({ id }: ToolCall, place: number, { content }: AssistantMessage): boolean {
  return content.findIndex((part) => part.type === 'tool-call' && part.id === id) === place
}
