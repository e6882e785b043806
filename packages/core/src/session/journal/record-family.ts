/** The parts of a family of records: the check, the fold and the event of each kind, side by side. */
import type { CommittedEvent } from '../../base/events.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import type { SessionState } from '../state/session-state.ts'
import type { JournalEntry } from './records.ts'

/** The fields that all events of records share. */
export interface EventHead {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly seq: number
}

export interface RecordKind<TEntry extends JournalEntry = JournalEntry> {
  /** Throws an error made by `fail` for data that no version of BeamClaw writes. The caller has checked the run's id. */
  readonly check: (data: Readonly<Record<string, unknown>>, fail: Fail) => void
  /** Applies the record to the state. Changes nothing else. */
  readonly fold: (state: SessionState, entry: TEntry) => void
  /** Returns the event that announces the record. Live and replayed events are the same. */
  readonly event: (entry: TEntry, head: EventHead) => CommittedEvent
}

/** The kinds of a family, by record type. */
export type RecordFamily<TEntry extends JournalEntry> = { readonly [E in TEntry as E['type']]: RecordKind<E> }

/** The check of a record that holds only the id of its run. */
export const runOnly = (): void => {}
