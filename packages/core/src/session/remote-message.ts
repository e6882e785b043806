/** Reads what another node sends to a session: it may be forged, or come from another version. What is refused here has reached no journal. */
import { BeamClawError } from '../base/errors.ts'
import { choiceOf, countOf, type Fail, fieldsOf, nameOf } from '../base/message-check.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import { checkedRecordData } from './commands/records.ts'
import { recordKind } from './journal/record-families.ts'
import type { JournalEntry } from './journal/records.ts'
import type { SessionMessage } from './session.ts'
import { checkChanges } from './session-settings.ts'
import { checkedImport } from './session-transfer.ts'

type Fields = Readonly<Record<string, unknown>>

/** What a message needs beside its type. A session is paused by its own node alone. */
type RemoteType = Exclude<SessionMessage['type'], 'pause'>

const fail: Fail = (problem) => new BeamClawError('invalid-message', `Another node sent a message that cannot be carried out: ${problem}`)

const checks: Readonly<Record<RemoteType, (fields: Fields, providers: ProviderTable) => void>> = {
  send(fields) {
    nameOf(fields.runId, 'runId', fail)
    choiceOf(fieldsOf(fields.message, 'message', fail).role, ['user'], 'message.role', fail)
    for (const name of ['fingerprint', 'redrives']) if (fields[name] !== undefined) nameOf(fields[name], name, fail)
    checkAsRecord('message-in', { queueMode: 'queue', ...fields })
  },
  redrive(fields) {
    for (const name of ['runId', 'newRunId']) nameOf(fields[name], name, fail)
  },
  abort({ runId }) {
    if (runId !== undefined) nameOf(runId, 'runId', fail)
  },
  find: ({ runId }) => void nameOf(runId, 'runId', fail),
  history(fields) {
    for (const name of ['limit', 'before']) countOf(fields[name], name, fail)
  },
  'dead-letters': nothing,
  configure: ({ changes }, providers) => void checkChanges(fieldsOf(changes, 'changes', fail), providers),
  record(fields) {
    for (const name of ['runId', 'extension', 'name']) nameOf(fields[name], name, fail)
    checkedRecordData(fields.data)
  },
  records: ({ extension }) => void nameOf(extension, 'extension', fail),
  rewind: ({ toMessage }) => void countOf(toMessage, 'toMessage', fail),
  import({ messages, context, settings, forkOf }, providers) {
    checkedImport({ version: 1, messages, settings, ...(context === undefined ? {} : { context }) }, forkOf !== undefined)
    checkChanges(fieldsOf(settings, 'settings', fail), providers)
    if (forkOf !== undefined) nameOf(forkOf, 'forkOf', fail)
  },
  export: ({ atMessage }) => void countOf(atMessage, 'atMessage', fail),
  answering: nothing,
  decide: (fields) => checkAsRecord('approval-decision', fields),
  'go-on': nothing,
  inspect: nothing,
  exists: nothing,
  delete({ unusedSince }) {
    if (unusedSince !== undefined) countOf(unusedSince, 'unusedSince', fail)
  },
}

function nothing(): void {}

/** What a message becomes in the journal must be readable there. */
function checkAsRecord(type: JournalEntry['type'], fields: Fields): void {
  recordKind({ type } as JournalEntry).check(fields, fail)
}

/** Returns the message. Throws `unknown-message` for a type that this version does not know, `invalid-message` and `invalid-option` for one that cannot be carried out. */
export function readRemoteMessage(value: unknown, providers: ProviderTable): SessionMessage {
  const fields = fieldsOf(value, 'message', fail)
  const { type } = fields
  if (typeof type !== 'string' || !Object.hasOwn(checks, type))
    throw new BeamClawError('unknown-message', 'Another node sent a message of a type that this version does not know')
  checks[type as RemoteType](fields, providers)
  return value as SessionMessage
}
