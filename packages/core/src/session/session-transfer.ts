/** A session as data that is exported from one BeamClaw and imported into another. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'
import { parseAgentId, parseRunId, type SessionKey } from '../base/ids.ts'
import { countOf, eachOf, type Fail, fieldsOf, jsonOf, messageOf } from '../base/message-check.ts'
import type { Message } from '../base/messages.ts'
import type { ImportedMessage } from './journal/records.ts'
import type { HistoryEntry } from './session-replies.ts'
import type { SessionSettings } from './session-settings.ts'
import { firstFlaw } from './state/history-cut.ts'

/** A conversation with its settings, as plain JSON. */
export interface SessionExport {
  readonly version: 1
  readonly sessionKey: SessionKey
  /** Time of the first record, in milliseconds since 1970. */
  readonly createdAt: number
  /** The oldest first; a call without a result at the end is left out. */
  readonly messages: readonly HistoryEntry[]
  /** The settings, with the host's own metadata as `data`. */
  readonly settings: SessionSettings
}

/** The input of an import: messages alone, or an export. */
export type SessionImport = readonly Message[] | Pick<SessionExport, 'version' | 'messages' | 'settings'>

const fail: Fail = (problem) => new BeamClawError('invalid-message', `import: ${problem}`)

/** Returns a checked copy. Throws `invalid-message`, with the path of the value, for input that is not a valid conversation. */
export function checkedImport(given: unknown): { readonly messages: readonly ImportedMessage[]; readonly settings: SessionSettings } {
  // The copy comes first, so that getters and proxies are read once.
  const copy = jsonOf(given, 'the conversation', fail)
  if (Array.isArray(copy))
    return { messages: whole(eachOf(copy, 'messages', fail, (value, path) => ({ message: messageOf(value, path, fail) }))), settings: {} }
  const { version, messages, settings = {} } = fieldsOf(copy, 'the export', fail)
  if (version !== 1) throw fail(`an export of version ${describeValue(version)} cannot be read by this version`)
  return { messages: whole(eachOf(messages, 'messages', fail, entryOf)), settings: fieldsOf(settings, 'settings', fail) }
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
