/** What a session's records mean to those who listen. Pure: live and replayed events are the same. */
import { BeamClawError } from '../../base/errors.ts'
import type { CommittedEvent } from '../../base/events.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { LogEntry } from '../../ports/store.ts'
import { checkedEntry } from './record-check.ts'
import type { JournalEntry } from './records.ts'

/** Returns the event that tells of a record. Throws `log-corrupt` for a record that cannot be read. */
export function eventOf(record: LogEntry, sessionKey: SessionKey): CommittedEvent {
  return eventOfEntry(checkedEntry(record), record.seq, sessionKey)
}

/** The same, for what the record holds. */
export function eventOfEntry(entry: JournalEntry, seq: number, sessionKey: SessionKey): CommittedEvent {
  const of = { sessionKey, runId: entry.runId, seq }
  switch (entry.type) {
    case 'message-in':
      return { type: 'message-accepted', ...of, message: entry.message }
    case 'run-start':
      return { type: 'run-start', ...of, merged: entry.merged ?? [] }
    case 'run-resume':
      return { type: 'run-resume', ...of }
    case 'run-pause':
      return { type: 'run-pause', ...of }
    case 'run-steer':
      return { type: 'run-steer', ...of, from: entry.from }
    case 'run-cancel':
      return { type: 'run-cancel', ...of }
    case 'model-request':
      return { type: 'model-request', ...of, turn: entry.turn, attempt: entry.attempt, model: entry.model }
    case 'model-failure':
      return { type: 'model-failure', ...of, turn: entry.turn, attempt: entry.attempt, failure: entry.failure }
    case 'model-response':
      return { type: 'message', ...of, turn: entry.turn, message: entry.message, finish: entry.finish, usage: entry.usage }
    case 'tool-intent':
      return { type: 'tool-call', ...of, toolCallId: entry.toolCallId, name: entry.name, input: entry.input }
    case 'tool-outcome':
      return { type: 'tool-result', ...of, outcome: entry.outcome, result: entry.result }
    case 'history-compact':
      return { type: 'history-compact', ...of, dropped: entry.dropped }
    case 'run-end':
      return { type: 'run-end', ...of, outcome: entry.outcome, ...(entry.failure === undefined ? {} : { failure: entry.failure }) }
    default:
      throw new BeamClawError('log-corrupt', `Record ${seq} is of a type this version does not know`)
  }
}
