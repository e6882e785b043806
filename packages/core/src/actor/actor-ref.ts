/** What others may do with an actor, and what an actor may do while it handles a message. */
import type { ExitNotice, ExitReason } from '../base/exit-reason.ts'

/** `work` is bounded and waits for the message in hand; `control` is never refused and is served while that message awaits. */
export type MailboxLane = 'work' | 'control'

export interface CastOptions {
  /** @default 'work' */
  readonly lane?: MailboxLane
}

export interface CallOptions extends CastOptions {
  /** Milliseconds until the caller stops waiting; `Infinity` waits for ever. @default 5000 */
  readonly timeoutMs?: number
  /** Stops waiting when aborted. */
  readonly signal?: AbortSignal
}

/** Defaults of `call`. */
export const callDefaults = { timeoutMs: 5_000 } as const satisfies CallOptions

/** A handle on an actor. It stays valid when the actor is gone; `call` and `cast` then fail with `actor-not-running`. */
export interface ActorRef<TMessage = unknown, TReply = unknown> {
  readonly id: string
  readonly isAlive: boolean
  /**
   * Sends a message and waits for the answer. Rejects `overloaded` when the mailbox is full, `call-timeout` when time is up (the outcome is
   * then unknown, not failed), `call-aborted`, `call-cycle` when waiting could never end, `message-too-large`, `control-not-handled`,
   * `actor-not-running`, or with the reason the actor ended before it answered: `actor-crashed`, `actor-stopped` or `actor-killed`.
   */
  call(message: TMessage, options?: CallOptions): Promise<TReply>
  /** Sends a message and goes on. Throws `overloaded`, `message-too-large`, `control-not-handled` or `actor-not-running`. */
  cast(message: TMessage, options?: CastOptions): void
  /**
   * Calls `onExit` exactly once when the actor ends; soon, with `noproc`, when it is gone already. Returns what cancels. Throws
   * `invalid-option` for an `onExit` that is no function.
   */
  monitor(onExit: (notice: ExitNotice) => void): () => void
}

/** An actor's side of things. Every method throws `actor-killed`, `actor-crashed` or `actor-stopped` once the actor is gone: what is left of it can compute, not act. */
export interface ActorContext<TMessage = unknown> {
  readonly self: ActorRef<TMessage>
  /** 1 for the first incarnation under a supervisor, one more for each restart. */
  readonly generation: number
  /** Aborted, with the exit reason, when the actor is told to stop or is killed. */
  readonly signal: AbortSignal
  /** As `ActorRef.call`, and finds calls that would wait for themselves: `call-cycle`. */
  call<TTarget, TReply>(ref: ActorRef<TTarget, TReply>, message: TTarget, options?: CallOptions): Promise<TReply>
  cast<TTarget>(ref: ActorRef<TTarget>, message: TTarget, options?: CastOptions): void
  /** Delivers the other's exit notice to `handleExit`. Ends with this actor. The answer cancels. */
  monitor(ref: ActorRef<never>): () => void
  /** Ends this actor after the message in hand. @default normal */
  stop(reason?: ExitReason): void
  /** Keeps the actor from passivating until the promise settles. */
  keepAwake(promise: Promise<unknown>): void
  /** Lets a stop wait, within its grace, until the promise settles. */
  waitUntil(promise: Promise<unknown>): void
}
