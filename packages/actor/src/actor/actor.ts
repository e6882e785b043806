/** An actor: private state and a mailbox, whose messages it handles one at a time, in order. */

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

/** What a handler returns: the reply, a refusal, or a promise of either. Throwing crashes the actor. */
export type HandlerResult<TReply> = TReply | Refusal | Promise<TReply | Refusal>

/**
 * Base class of actors: extend it, keep state in `#private` fields and return replies from `handle`. One message is handled at a time, in the
 * order of arrival; while its handler awaits, only control messages are served. A handler that throws crashes the actor, and its supervisor
 * decides whether it is restarted. The constructor throws `invalid-option`.
 *
 * @example
 * class Counter extends Actor<'increment', number> {
 *   #count = 0
 *   protected override handle() { return ++this.#count }
 * }
 */
export abstract class Actor<TMessage = unknown, TReply = unknown> implements ActorRef<TMessage, TReply>, AsyncDisposable {
  /** @internal */
  readonly [coreOf]: ActorCore

  constructor(options?: ActorOptions) {
    // The hooks are protected, but the core calls them.
    this[coreOf] = new ActorCore(this as unknown as ActorHooks & ActorRef, options)
  }

  /** Prepares the actor; messages wait until it is done. Throw to fail the start; return `IGNORE` when there is nothing to run. */
  protected init?(context: ActorContext<TMessage>): void | typeof IGNORE | Promise<void | typeof IGNORE>
  /** Handles one message of the work lane; its result is the reply of a `call`. */
  protected abstract handle(message: TMessage, context: ActorContext<TMessage>): HandlerResult<TReply>
  /** Handles one control message, also while `handle` awaits. Keep it short. */
  protected handleControl?(message: TMessage, context: ActorContext<TMessage>): HandlerResult<TReply>
  /** Called when an actor that `context.monitor` watches has ended. */
  protected handleExit?(notice: ExitNotice, context: ActorContext<TMessage>): void | Promise<void>
  /** Cleans up when the actor is stopped, within its grace. Not called after a kill or a crash: durability must not depend on it. */
  protected onStop?(reason: ExitReason, context: ActorContext<TMessage>): void | Promise<void>
  /** Releases what `onActivate` can rebuild, after `passivateAfterMs` without work. Messages wait. */
  protected onPassivate?(context: ActorContext<TMessage>): void | Promise<void>
  /** Rebuilds before the next message what `onPassivate` released. */
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

  /** Why the actor ended; undefined while it is alive. */
  get exitReason(): ExitReason | undefined {
    return this[coreOf].exitReason
  }

  /**
   * Starts an actor that no supervisor owns. Rejects with the error that `init` threw; `actor-start-timeout` when `init` takes longer than
   * `startTimeoutMs`; `actor-not-running` when it returns `IGNORE`; `actor-already-started`; `invalid-option`; or, as soon as the actor is
   * ended meanwhile, with the way it ended.
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
   * Stops the actor: aborts its signal, lets the message in hand finish, rejects waiting calls with `actor-stopped`, then runs `onStop`.
   * Resolves with the exit reason, which is `killed` when the stop took longer than the shortest `timeoutMs` of all `stop` calls. Called by
   * the actor itself before a handler's first `await`, it resolves at once with the reason to come. Rejects `invalid-option`.
   */
  async stop(reason: ExitReason = shutdownExit, options: StopOptions = {}): Promise<ExitReason> {
    checkExitReason('stop', reason)
    checkStopOptions(options)
    const core = this[coreOf]
    const isOwn = core.isInHook
    const ended = core.stop(reason, options.timeoutMs ?? this[stopLimitMs])
    // An actor that awaited its own end would wait for the message that it has in hand.
    return isOwn ? core.stopReason : ended
  }

  /** @internal */
  get [stopLimitMs](): number {
    return lifeDefaults.stopTimeoutMs
  }

  /** Ends the actor at once: drops its mailbox and rejects its callers with `actor-killed`. A handler that still runs can compute, but not act. */
  kill(): void {
    this[coreOf].end(killedExit)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Returns what the actor is doing and how much waits for it. */
  inspect(): ActorInspection {
    const { id, state, generation, loop, waitsFor } = this[coreOf]
    const { isBusy, mailboxLength, mailboxBytes, controlLength } = loop
    return { id, state, generation, isBusy, mailboxLength, mailboxBytes, controlLength, waitsFor: waitsFor.map((ref) => ref.id) }
  }
}
