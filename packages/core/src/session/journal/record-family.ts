/** What a family of records consists of: for each kind its check, its fold and its event, side by side. */
import type { CommittedEvent } from '../../base/events.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import type { SessionState } from '../state/session-state.ts'
import type { JournalEntry } from './records.ts'

/** What all events of records have in common. */
export interface EventHead {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly seq: number
}

export interface RecordKind<TEntry extends JournalEntry = JournalEntry> {
  /** Throws what `fail` makes of data that no version of BeamClaw writes. The run's id is checked already. */
  readonly check: (data: Readonly<Record<string, unknown>>, fail: Fail) => void
  /** Takes the record into the state. Pure but for the state. */
  readonly fold: (state: SessionState, entry: TEntry) => void
  /** Returns the event that tells of the record: live and replayed events are the same. */
  readonly event: (entry: TEntry, head: EventHead) => CommittedEvent
}

/** The kinds of a family, by the types of their records. */
export type RecordFamily<TEntry extends JournalEntry> = { readonly [E in TEntry as E['type']]: RecordKind<E> }

/** The check of a record that holds nothing but its run. */
export const runOnly = (): void => {}
