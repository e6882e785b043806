/** Options of the methods of a session handle. */
import type { StandardSchema } from '../tool/standard-schema.ts'

/** Options of `SessionHandle.follow`. */
export interface FollowOptions<TOutput = undefined> {
  /** Reads the answer by this schema, which the message requested. Waits for a repair that the sender has started. @default free text */
  readonly output?: StandardSchema<TOutput>
}

/** Options of `SessionHandle.fork`. */
export interface ForkOptions {
  /** Number of messages to copy, counted from the oldest. @default all */
  readonly atMessage?: number
}

export interface SubscribeToSessionOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** Waits for a session that does not exist yet, instead of rejecting. @default false */
  readonly waitForFirstMessage?: boolean
}
