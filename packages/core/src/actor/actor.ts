/** State with a mailbox: one message at a time, in order, and nothing of it shared. */

import { checkExitReason, checkMonitor, type ExitNotice, type ExitReason, killedExit, shutdownExit } from '../base/exit-reason.ts'
import type { SystemServices } from '../defaults/services.ts'
import { ActorCore } from './actor-core.ts'
import type { ActorHooks, ActorInspection } from './actor-hooks.ts'
import {
  type ActorOptions,
  checkStartOptions,
  checkStopOptions,
  lifeDefaults,
  type StartOptions,
  type StopOptions,
} from './actor-options.ts'
import type { ActorContext, ActorRef, CallOptions, CastOptions } from './actor-ref.ts'
import { nothingToRun } from './failures.ts'
import { coreOf, IGNORE, startLimitMs, stopLimitMs } from './internals.ts'
import type { Refusal } from './refusal.ts'
import { ActorRuntime } from './runtime.ts'

/** What a handler answers: the reply, a refusal, or a promise of either. Throwing crashes the actor. */
export type HandlerResult<TReply> = TReply | Refusal | Promise<TReply | Refusal>

/**
 * Extend it, keep state in `#private` fields and answer messages in `handle`. One message is handled at a time, in the order of arrival;
 * while its handler awaits, only control messages are served. A handler that throws crashes the actor, and its supervisor decides what is next.
 */
export abstract class Actor<TMessage = unknown, TReply = unknown> implements ActorRef<TMessage, TReply>, AsyncDisposable {
  /** @internal */
  readonly [coreOf]: ActorCore

  constructor(options?: ActorOptions) {
    // The hooks are protected for everybody but the core that calls them.
    this[coreOf] = new ActorCore(this as unknown as ActorHooks & ActorRef, options)
  }

  /** Prepares the actor; messages wait until it is done. Throwing means that it did not start; `IGNORE` that there is nothing to run. */
  protected init?(context: ActorContext<TMessage>): void | typeof IGNORE | Promise<void | typeof IGNORE>
  /** Handles one message of the work lane; what it returns answers a `call`. */
  protected abstract handle(message: TMessage, context: ActorContext<TMessage>): HandlerResult<TReply>
  /** Handles one control message, also while `handle` awaits. Keep it short. */
  protected handleControl?(message: TMessage, context: ActorContext<TMessage>): HandlerResult<TReply>
  /** Hears of the end of an actor that `context.monitor` watches. */
  protected handleExit?(notice: ExitNotice, context: ActorContext<TMessage>): void | Promise<void>
  /** Tidies up after a stop, within its grace; never called after a kill or a crash, so nothing durable may rest on it. */
  protected onStop?(reason: ExitReason, context: ActorContext<TMessage>): void | Promise<void>
  /** Lets go of what `onActivate` can rebuild, after `passivateAfterMs` without work. Messages wait. */
  protected onPassivate?(context: ActorContext<TMessage>): void | Promise<void>
  /** Rebuilds it before the next message. */
  protected onActivate?(context: ActorContext<TMessage>): void | Promise<void>

  get id(): string {
    return this[coreOf].id
  }

  get isAlive(): boolean {
    return this[coreOf].isAlive
  }

  /** 1 for the first incarnation under a supervisor, one more for each restart. */
  get generation(): number {
    return this[coreOf].generation
  }

  /** Why it ended; undefined while it lives. */
  get exitReason(): ExitReason | undefined {
    return this[coreOf].exitReason
  }

  /**
   * Starts an actor that no supervisor owns. Rejects with what `init` threw; `actor-start-timeout` when it takes longer than `startTimeoutMs`;
   * `actor-not-running` when it returns `IGNORE`; or, at once, with the reason the actor was ended meanwhile.
   */
  async start(services?: Partial<SystemServices>, options: StartOptions = {}): Promise<this> {
    checkStartOptions(options)
    const runtime = new ActorRuntime(services)
    const timeoutMs = options.startTimeoutMs ?? this[startLimitMs]
    const outcome = await this[coreOf].start(runtime, undefined, 1, runtime.services.ids.next('actor'), timeoutMs)
    if (outcome === IGNORE) throw nothingToRun(this.id)
    return this
  }

  /** @internal */
  get [startLimitMs](): number {
    return lifeDefaults.startTimeoutMs
  }

  call(message: TMessage, options?: CallOptions): Promise<TReply> {
    return this[coreOf].loop.call(message, options) as Promise<TReply>
  }

  cast(message: TMessage, options?: CastOptions): void {
    this[coreOf].loop.cast(message, options)
  }

  monitor(onExit: (notice: ExitNotice) => void): () => void {
    checkMonitor(onExit)
    return this[coreOf].monitor(onExit)
  }

  /**
   * Asks the actor to end: its signal is aborted, the message in hand may finish, waiting calls reject `actor-stopped`, then `onStop` runs.
   * Resolves with the reason it ended, which is `killed` when that took longer than the shortest `timeoutMs` of all who asked. Called by the
   * actor itself before a handler's first `await`, resolves at once with the reason it is about to end with. Rejects `invalid-option`.
   */
  async stop(reason: ExitReason = shutdownExit, options: StopOptions = {}): Promise<ExitReason> {
    checkExitReason('stop', reason)
    checkStopOptions(options)
    const core = this[coreOf]
    const isOwn = core.isInHook
    const ended = core.stop(reason, options.timeoutMs ?? this[stopLimitMs])
    // The actor itself would wait for the message that it has in hand.
    return isOwn ? core.stopReason : ended
  }

  /** @internal */
  get [stopLimitMs](): number {
    return lifeDefaults.stopTimeoutMs
  }

  /** Ends the actor now: its mailbox is dropped, its callers reject `actor-killed`, and what still runs of it can compute but not act. */
  kill(): void {
    this[coreOf].end(killedExit)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** What the actor is doing and how much waits for it. */
  inspect(): ActorInspection {
    const { id, state, generation, loop, waitsFor } = this[coreOf]
    const { isBusy, mailboxLength, mailboxBytes, controlLength } = loop
    return { id, state, generation, isBusy, mailboxLength, mailboxBytes, controlLength, waitsFor: waitsFor.map((ref) => ref.id) }
  }
}
