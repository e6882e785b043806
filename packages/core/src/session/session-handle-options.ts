/** Options of the calls of a session handle. */
import type { StandardSchema } from '../tool/standard-schema.ts'

/** Options of `SessionHandle.follow`. */
export interface FollowOptions<TOutput = undefined> {
  /** Reads the answer by this schema; it was asked for with the message. A repair that its sender has begun is waited for. @default free text */
  readonly output?: StandardSchema<TOutput>
}

/** Options of `SessionHandle.fork`. */
export interface ForkOptions {
  /** Messages to take over, counted from the oldest. @default all */
  readonly atMessage?: number
}

export interface SubscribeToSessionOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** A session that does not exist yet is waited for, instead of refused. @default false */
  readonly waitForFirstMessage?: boolean
}
