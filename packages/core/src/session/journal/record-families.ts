/** All kinds of records in a session's journal, and how each is read. A new family needs a file and a line here. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import type { CommittedEvent } from '../../base/events.ts'
import type { SessionKey } from '../../base/ids.ts'
import { type Fail, fieldsOf, nameOf } from '../../base/message-check.ts'
import type { LogEntry } from '../../ports/store.ts'
import { approvalRecords } from '../state/fold-approval.ts'
import { extensionRecords } from '../state/fold-extension.ts'
import { historyRecords } from '../state/fold-history.ts'
import { modelRecords } from '../state/fold-model.ts'
import { runRecords } from '../state/fold-run.ts'
import { toolRecords } from '../state/fold-tool.ts'
import type { RecordFamily, RecordKind } from './record-family.ts'
import { checkFormat } from './record-formats.ts'
import { entryOf, type JournalEntry } from './records.ts'

const families: RecordFamily<JournalEntry> = {
  ...runRecords,
  ...modelRecords,
  ...toolRecords,
  ...approvalRecords,
  ...historyRecords,
  ...extensionRecords,
}

/** Returns the kind of an entry. Throws `log-corrupt` for a type that this version does not know. */
export function recordKind(entry: JournalEntry): RecordKind {
  // A store may return anything, so the type need not be text.
  const type: unknown = entry.type
  const kind = typeof type === 'string' && Object.hasOwn(families, type) ? families[entry.type] : undefined
  if (kind !== undefined) return kind as unknown as RecordKind
  const shown = typeof type === 'string' ? `"${type.slice(0, 64)}"` : describeValue(type)
  throw new BeamClawError('log-corrupt', `A record of type ${shown} is not known to this version`)
}

/** Returns the entry of a record. Throws `log-corrupt` for a record that is damaged, `log-too-new` for one of a format that a later version wrote. */
export function checkedEntry(record: LogEntry): JournalEntry {
  checkFormat(record.data, `Record ${record.seq}`)
  const entry = entryOf(record)
  const kind = recordKind(entry)
  const fail: Fail = (problem) => new BeamClawError('log-corrupt', `Record ${record.seq} (${entry.type}): ${problem}`)
  const data = fieldsOf(record.data, 'data', fail)
  nameOf(data.runId, 'runId', fail)
  kind.check(data, fail)
  return entry
}

/** Returns the event that announces a record. Throws `log-corrupt` for a record that cannot be read. */
export function eventOf(record: LogEntry, sessionKey: SessionKey): CommittedEvent {
  return eventOfEntry(checkedEntry(record), record.seq, sessionKey)
}

/** Returns the event that announces an entry; `seq` is the number of its record. */
export function eventOfEntry(entry: JournalEntry, seq: number, sessionKey: SessionKey): CommittedEvent {
  return recordKind(entry).event(entry, { sessionKey, runId: entry.runId, seq })
}
