/** What the stream of a run works with. */
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { Clock } from '../../ports/services.ts'
import type { StandardSchema } from '../../tool/standard-schema.ts'
import type { SessionFeed } from '../session-feed.ts'
import type { SendReceipt } from '../session-replies.ts'
import type { RunResult } from './run-result.ts'

/** A run that gives an answer in the place of another. */
interface AnotherAnswer<TOutput> {
  result(): Promise<RunResult<TOutput>>
}

/** Called when the answer does not fit the schema. Returns the run of another answer, which is read as it is; undefined for none. */
export type Repair<TOutput> = (problem: string) => AnotherAnswer<TOutput> | undefined | Promise<AnotherAnswer<TOutput> | undefined>

export interface RunStreamOptions<TOutput> {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  /** Begins to listen to the session. */
  readonly listen: () => SessionFeed
  /** Begins to listen to what is durable of it. */
  readonly listenToCommitted: () => SessionFeed
  /** Sends the message. */
  readonly send: () => Promise<SendReceipt>
  /** Tells how far the run has come. */
  readonly find: () => Promise<SendReceipt>
  /** Ends the run. */
  readonly abort: () => Promise<unknown>
  /** Called before the run's end is waited for; returns what ends the waiting. Throws `call-cycle`. */
  readonly beginWaiting: () => () => void
  readonly output: StandardSchema<TOutput> | undefined
  readonly repair: Repair<TOutput> | undefined
  readonly clock: Clock
}
