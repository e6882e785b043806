/** The interface of an actor to its callers, and the one that its handlers get. */
import type { ExitNotice, ExitReason } from '../base/exit-reason.ts'

/** Lane of a mailbox: `work` is bounded and waits for the message in hand; `control` is unbounded and is served while that message awaits. */
export type MailboxLane = 'work' | 'control'

/** Options of `cast`. */
export interface CastOptions {
  /** @default 'work' */
  readonly lane?: MailboxLane
}

/** Options of `call`. */
export interface CallOptions extends CastOptions {
  /** Milliseconds until the caller stops waiting; `Infinity` waits for ever. @default 5000 */
  readonly timeoutMs?: number
  /** Stops waiting when aborted. */
  readonly signal?: AbortSignal
}

/** Defaults for `call`. */
export const callDefaults = { timeoutMs: 5_000 } as const satisfies CallOptions

/** A reference to an actor. It stays valid when the actor has ended; `call` and `cast` then fail with `actor-not-running`. */
export interface ActorRef<TMessage = unknown, TReply = unknown> {
  readonly id: string
  readonly isAlive: boolean
  /**
   * Sends a message and resolves with the reply. Rejects `overloaded` when the mailbox is full, `call-timeout` after `timeoutMs` (the outcome is
   * then unknown: the message may still be handled), `call-aborted`, `call-cycle` when the actors would wait for each other (deadlock),
   * `message-too-large`, `control-not-handled`, `actor-not-running`, or with the way the actor ended before it replied: `actor-crashed`,
   * `actor-stopped` or `actor-killed`.
   */
  call(message: TMessage, options?: CallOptions): Promise<TReply>
  /** Sends a message without waiting for a reply. Throws `overloaded`, `message-too-large`, `control-not-handled` or `actor-not-running`. */
  cast(message: TMessage, options?: CastOptions): void
  /**
   * Calls `onExit` exactly once, when the actor ends; in a microtask, with the reason `noproc`, when it has ended already. Returns a function
   * that cancels. Throws `invalid-option` when `onExit` is not a function.
   */
  monitor(onExit: (notice: ExitNotice) => void): () => void
}

/**
 * What a handler or hook gets from its actor. Every method throws `actor-killed`, `actor-crashed` or `actor-stopped` once the actor has ended:
 * a handler that still runs then can compute, but not act.
 */
export interface ActorContext<TMessage = unknown> {
  readonly self: ActorRef<TMessage>
  /** 1 for the first incarnation under a supervisor, one more for each restart. */
  readonly generation: number
  /** Aborted, with the exit reason, when the actor is told to stop or is killed. */
  readonly signal: AbortSignal
  /** As `ActorRef.call`, and detects deadlocks through other actors: `call-cycle`. */
  call<TTarget, TReply>(ref: ActorRef<TTarget, TReply>, message: TTarget, options?: CallOptions): Promise<TReply>
  cast<TTarget>(ref: ActorRef<TTarget>, message: TTarget, options?: CastOptions): void
  /** Delivers the exit notice of another actor to `handleExit`, until this actor ends. Returns a function that cancels. */
  monitor(ref: ActorRef<never>): () => void
  /** Ends this actor after the message in hand. @default normal */
  stop(reason?: ExitReason): void
  /** Keeps the actor from passivating until the promise settles. */
  keepAwake(promise: Promise<unknown>): void
  /** Delays a stop, within its grace, until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
}
