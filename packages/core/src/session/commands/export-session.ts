/** `export`: returns the session as plain JSON. */
import type { AssistantMessage, ToolCall } from '../../base/messages.ts'
import type { ExportedMessage, SessionExport } from '../session-transfer.ts'
import type { TranscriptEntry } from '../state/context.ts'
import { firstFlaw, wholeUntil } from '../state/history-cut.ts'
import { unknownOutcome } from '../state/run-state.ts'
import type { CommandContext } from './command.ts'
import { entriesOf, summaryOf } from './transcript.ts'

export interface ExportSession {
  readonly type: 'export'
  /** Maximum number of messages, counted from the oldest. */
  readonly atMessage: number
}

export async function exportSession(reader: CommandContext, { atMessage }: ExportSession): Promise<SessionExport> {
  const { key, state, settings } = reader
  const { value } = settings
  const { createdAt } = state
  const { transcript } = state.conversation
  // What a rewind changes while the log is read is not of this export.
  const summaries = [...transcript.summaries]
  // The message after the cut shows whether it falls between a call and its result.
  const entries = await entriesOf(reader, 0, Math.min(transcript.total, atMessage + 1))
  const whole = entries.slice(
    0,
    wholeUntil(
      entries.map(({ message }) => message),
      atMessage,
    ),
  )
  const place = summaries.findLast(({ from }) => from <= whole.length)
  const context = place === undefined ? {} : { context: { summary: await summaryOf(reader, place), from: place.from } }
  return { version: 1, sessionKey: key, createdAt, ...importable(whole.map(exported), context), settings: value }
}

function exported({ message, origin: { at, seq: _, ...origin } }: TranscriptEntry): ExportedMessage {
  return { message, createdAt: at, ...origin }
}

/** Repairs two flaws of earlier versions that an import rejects: calls without a result, and two calls with one id. */
function importable(
  entries: readonly ExportedMessage[],
  { context }: Pick<SessionExport, 'context'>,
): Pick<SessionExport, 'messages' | 'context'> {
  if (firstFlaw(entries.map(({ message }) => message)) === undefined)
    return { messages: entries, ...(context === undefined ? {} : { context }) }
  const repaired = repairedEntries(entries)
  const from = context === undefined ? 0 : repaired.slice(0, context.from).flat().length
  return { messages: repaired.flat(), ...(context === undefined ? {} : { context: { ...context, from } }) }
}

function repairedEntries(entries: readonly ExportedMessage[]): readonly (readonly ExportedMessage[])[] {
  return entries.map((entry, index) => {
    const { message } = entry
    if (message.role !== 'assistant') return [entry]
    const content = message.content.filter((part, place) => part.type !== 'tool-call' || isFirst(part, place, message))
    const calls = content.filter((part) => part.type === 'tool-call')
    const isAnswered = calls.length === 0 || entries[index + 1]?.message.role === 'tool'
    const repaired: ExportedMessage = { ...entry, message: { ...message, content } }
    return isAnswered ? [repaired] : [repaired, { ...entry, message: { role: 'tool', content: calls.map(unknownOutcome) } }]
  })
}

function isFirst({ id }: ToolCall, place: number, { content }: AssistantMessage): boolean {
  return content.findIndex((part) => part.type === 'tool-call' && part.id === id) === place
}
