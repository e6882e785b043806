/** Options of the stream of a run. */
import type { Clock } from '@beamclaw/actor'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { StandardSchema } from '../../tool/standard-schema.ts'
import type { SessionFeed } from '../session-feed.ts'
import type { SendReceipt } from '../session-replies.ts'
import type { RunResult } from './run-result.ts'

/** A run whose answer replaces that of another. */
interface AnotherAnswer<TOutput> {
  result(): Promise<RunResult<TOutput>>
}

/** Called when the answer does not fit the schema. Returns the run of a corrected answer, which is not repaired again; undefined for none. */
export type Repair<TOutput> = (problem: string) => AnotherAnswer<TOutput> | undefined | Promise<AnotherAnswer<TOutput> | undefined>

export interface RunStreamOptions<TOutput> {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  /** Subscribes to the session's events. */
  readonly listen: () => SessionFeed
  /** Subscribes to the session's durable events. */
  readonly listenToCommitted: () => SessionFeed
  /** Sends the message. */
  readonly send: () => Promise<SendReceipt>
  /** Resolves with the progress of the run. */
  readonly find: () => Promise<SendReceipt>
  /** Aborts the run. */
  readonly abort: () => Promise<unknown>
  /** Called before the stream waits for the end of the run. Returns a function that ends the wait. Throws `call-cycle`. */
  readonly beginWaiting: () => () => void
  readonly output: StandardSchema<TOutput> | undefined
  readonly repair: Repair<TOutput> | undefined
  readonly clock: Clock
}
