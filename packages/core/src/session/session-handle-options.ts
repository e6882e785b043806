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

/** Options of `SessionHandle.history`. */
export interface HistoryOptions {
  /** Maximum number of messages, the newest of those before `before`. @default 1000 */
  readonly limit?: number
  /** Number of the message that follows the page, counted from 0: the `index` of the oldest message of the page after. @default the end of the transcript */
  readonly before?: number
}

/** Messages of a page, unless its reader wants another number. */
export const historyLimit = 1_000
