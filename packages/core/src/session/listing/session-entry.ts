/** What a list tells of a session, from its state and its settings. Pure. */
import type { SessionKey } from '../../base/ids.ts'
import { type JsonObject, textOf } from '../../base/messages.ts'
import type { SessionIndexEntry } from '../../ports/session-index.ts'
import type { SessionSettings } from '../session-settings.ts'
import type { SessionState } from '../state/session-state.ts'

/** Maximum characters of the message in a list. */
const previewCharacters = 120

/** Returns the entry of a session. One without a record has no times. */
export function entryOf(
  sessionKey: SessionKey,
  { seq, createdAt, at, size, conversation: { context } }: SessionState,
  given: SessionSettings,
): SessionIndexEntry {
  const settings = given as JsonObject
  if (seq === 0) return { sessionKey, settings }
  const last = context.newest((message) => message.role !== 'tool' && textOf(message).trim() !== '')
  const preview = last === undefined ? '' : textOf(last).trim().slice(0, previewCharacters).toWellFormed()
  return { sessionKey, createdAt, updatedAt: at, ...(preview === '' ? {} : { preview }), bytes: size.journal + size.attachments, settings }
}

/** True when both say the same. */
export function isSameEntry(a: SessionIndexEntry, b: SessionIndexEntry): boolean {
  return textOfEntry(a) === textOfEntry(b)
}

function textOfEntry({ createdAt, updatedAt, preview, bytes, settings }: SessionIndexEntry): string {
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([createdAt, updatedAt, preview, bytes, sorted])
}
