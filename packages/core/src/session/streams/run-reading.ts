/** One reading of a run, from its message to its end, as the source of a response. */
import type { RunEvent } from '../../base/events.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { EndedRun } from '../state/known-run.ts'

/** An event, and whether it happened while the reader was listening. */
export interface ReadEvent {
  readonly event: RunEvent
  readonly isLive: boolean
}

export interface RunReading {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  /** The sequence number of the message's record. */
  readonly seq: number
  /** Present when the run had ended before the reading began. */
  readonly ended: EndedRun | undefined
  /** The events; may be iterated once. Empty when the journal no longer has them. */
  readonly events: AsyncGenerator<ReadEvent>
  /** Ends the reading, even while it waits for an event. */
  stop(): Promise<void>
  /** Ends the run. */
  abort(): Promise<unknown>
}
