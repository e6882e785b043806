/** One reading of a run, from its message to its end: what a response is made from. */
import type { RunEvent } from '../../base/events.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { EndedRun } from '../state/known-run.ts'

/** An event, and whether it happened while the reader listened. */
export interface ReadEvent {
  readonly event: RunEvent
  readonly isLive: boolean
}

export interface RunReading {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  /** The sequence number of the message's record. */
  readonly seq: number
  /** Present when the run was over before the reading began. */
  readonly ended: EndedRun | undefined
  /** Iterated once. None when the journal has them no more. */
  readonly events: AsyncGenerator<ReadEvent>
  /** Ends the reading, also while an event is waited for. */
  stop(): Promise<void>
  /** Ends the run. */
  abort(): Promise<unknown>
}
