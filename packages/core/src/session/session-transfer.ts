/** A session as data that is exported from one BeamClaw and imported into another. */
import { describeValue } from '@beamclaw/actor/internal'
import { referencesIn } from '../base/attachments.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import { parseAgentId, parseRunId, type SessionKey } from '../base/ids.ts'
import { countOf, eachOf, type Fail, fieldsOf, jsonOf, messageOf } from '../base/message-check.ts'
import type { Message } from '../base/messages.ts'
import { checkImportedContext } from './journal/context-check.ts'
import type { ImportedContext, ImportedMessage } from './journal/records.ts'
import type { HistoryEntry } from './session-replies.ts'
import type { SessionSettings } from './session-settings.ts'
import { firstFlaw } from './state/history-cut.ts'

/** A conversation with its settings, as plain JSON. */
export interface SessionExport {
  readonly version: 1
  readonly sessionKey: SessionKey
  /** Time of the first record, in milliseconds since 1970. */
  readonly createdAt: number
  /** The whole transcript with the data of its attachments, the oldest first; a call without a result at the end is left out. */
  readonly messages: readonly Omit<HistoryEntry, 'index' | 'failure'>[]
  /** The summary that the model sees instead of the messages before number `from`, counted from 0; absent when it sees all. */
  readonly context?: { readonly summary: string; readonly from: number }
  /** The settings, with the host's own metadata as `data`. */
  readonly settings: SessionSettings
}

/** A message of an export. */
export type ExportedMessage = SessionExport['messages'][number]

/** The input of an import: messages alone, or an export. */
export type SessionImport = readonly Message[] | Pick<SessionExport, 'version' | 'messages' | 'context' | 'settings'>

const fail: Fail = (problem) => new BeamClawError('invalid-message', `import: ${problem}`)

/** An import that was checked. */
export interface CheckedImport {
  readonly messages: readonly ImportedMessage[]
  readonly context?: ImportedContext
  readonly settings: SessionSettings
}

/**
 * Returns a checked copy. Throws `invalid-message`, with the path of the value, for input that is not a valid conversation. Only a fork may refer to
 * attachments, which it shares.
 */
export function checkedImport(given: unknown, isFork = false): CheckedImport {
  const checked = conversationOf(given)
  const index = isFork ? -1 : checked.messages.findIndex(({ message }) => referencesIn(message).length > 0)
  if (index < 0) return checked
  throw fail(`messages[${index}] refers to an attachment of another session; import the result of export(), which has the data`)
}

function conversationOf(given: unknown): CheckedImport {
  // The copy comes first, so that getters and proxies are read once.
  const copy = jsonOf(given, 'the conversation', fail)
  if (Array.isArray(copy))
    return { messages: whole(eachOf(copy, 'messages', fail, (value, path) => ({ message: messageOf(value, path, fail) }))), settings: {} }
  const { version, messages: all, context, settings: own = {} } = fieldsOf(copy, 'the export', fail)
  if (version !== 1) throw fail(`an export of version ${describeValue(version)} cannot be read by this version`)
  const messages = whole(eachOf(all, 'messages', fail, entryOf))
  const settings = fieldsOf(own, 'settings', fail)
  if (context === undefined) return { messages, settings }
  const shown = messages.map(({ message }) => message)
  return { messages, context: checkImportedContext(context, shown, fail), settings }
}

function entryOf(value: unknown, path: string): ImportedMessage {
  const { message, createdAt, runId, handOff } = fieldsOf(value, path, fail)
  return {
    message: messageOf(message, `${path}.message`, fail),
    ...(createdAt === undefined ? {} : { createdAt: countOf(createdAt, `${path}.createdAt`, fail) }),
    ...(runId === undefined ? {} : { runId: idOf(runId, parseRunId, `${path}.runId`) }),
    ...(handOff === undefined ? {} : { handOff: idOf(handOff, parseAgentId, `${path}.handOff`) }),
  }
}

function idOf<T>(value: unknown, parse: (value: unknown) => T, path: string): T {
  try {
    return parse(value)
  } catch (error) {
    throw fail(`${path}: ${describeError(error)}`)
  }
}

function whole(messages: readonly ImportedMessage[]): readonly ImportedMessage[] {
  const flaw = firstFlaw(messages.map(({ message }) => message))
  if (flaw === undefined) return messages
  throw fail(`messages[${flaw.index}] ${flaw.problem}`)
}
