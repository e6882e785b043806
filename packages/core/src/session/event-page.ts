/** A page of the committed events of a session, read beside it. Pure. */
import type { CommittedEvent } from '../base/events.ts'
import type { SessionKey } from '../base/ids.ts'
import type { LogPage } from '../ports/store.ts'
import { eventOf } from './journal/record-families.ts'

/** Committed events in order: at least one, unless there is none. */
export interface EventPage {
  readonly events: readonly CommittedEvent[]
  /** Number of the last event that there is. */
  readonly lastSeq: number
}

/** Returns the events of a page of a journal. Throws as the records are unreadable. */
export function pageOf(page: LogPage | undefined, key: SessionKey): EventPage {
  return { events: page?.records.map((record) => eventOf(record, key)) ?? [], lastSeq: page?.lastSeq ?? 0 }
}
