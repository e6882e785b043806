/**
 * What is known of one actor's life, and the one door through which its phase changes.
 *
 * Phases: as `ActorCore` says.
 * Owns the mailbox and its loop, the watchers, and, where they are needed, timers and signal.
 * I1: Only `enter` changes the phase, and it leaves neither `dead` nor the order of phases.
 */
import { describeError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import type { ActorHooks, ActorState } from './actor-hooks.ts'
import type { ActorHost, Parent } from './actor-host.ts'
import { type ActorOptions, type ActorSettings, actorSettings } from './actor-options.ts'
import type { ActorRef } from './actor-ref.ts'
import { Context } from './context.ts'
import { Deadlines } from './deadlines.ts'
import { notRunning } from './failures.ts'
import { LazyState } from './lazy-state.ts'
import { MessageLoop } from './message-loop.ts'
import { mayFollow } from './phases.ts'
import type { ActorRuntime } from './runtime.ts'
import type { Scheduler } from './scheduler.ts'
import { Watchers } from './watchers.ts'

export abstract class ActorLife implements ActorHost {
  readonly actor: ActorHooks & ActorRef
  readonly settings: ActorSettings
  readonly loop = new MessageLoop(this)
  /** The context of the message in hand, or of the hook that keeps messages waiting. */
  contextInHand: Context<unknown> | undefined
  /** True while the synchronous part of a hook or handler runs. */
  isInHook = false
  protected givenId: string | undefined
  #state: ActorState = 'new'
  protected incarnation = 1
  protected startedIn: ActorRuntime | undefined
  protected owner: Parent | undefined
  #context: Context<unknown> | undefined
  protected ownWatchers: Watchers | undefined
  protected ownLazy: LazyState | undefined
  protected endedWith: ExitReason | undefined

  constructor(actor: ActorHooks & ActorRef, options: ActorOptions | undefined) {
    this.actor = actor
    this.settings = actorSettings(options)
    this.givenId = this.settings.id
  }

  get id(): string {
    this.givenId ??= this.startedIn?.nextActorId()
    return this.givenId ?? 'not-started'
  }

  get state(): ActorState {
    return this.#state
  }

  get generation(): number {
    return this.incarnation
  }

  get exitReason(): ExitReason | undefined {
    return this.endedWith
  }

  get isAlive(): boolean {
    return this.#state !== 'dead' && this.#state !== 'new'
  }

  /** Alive and not told to stop: it takes work, and a supervisor may start children. */
  get isGoingOn(): boolean {
    return this.isAlive && this.#state !== 'stopping' && this.ownLazy?.stopReason === undefined
  }

  get stopReason(): ExitReason {
    return this.ownLazy?.stopReason ?? shutdownExit
  }

  get watchers(): Watchers {
    this.ownWatchers ??= new Watchers()
    return this.ownWatchers
  }

  get lazy(): LazyState {
    this.ownLazy ??= new LazyState()
    return this.ownLazy
  }

  get hasLazy(): boolean {
    return this.ownLazy !== undefined
  }

  get deadlines(): Deadlines {
    this.lazy.deadlines ??= new Deadlines(this.runtime.services.clock, this.id)
    return this.lazy.deadlines
  }

  get stopSignal(): AbortSignal {
    return this.lazy.signal(this.id, this.endedWith, (error) => {
      this.startedIn?.services.logger.log('error', 'actor.abort-listener-failed', { id: this.id, error: describeError(error) })
    })
  }

  get parent(): Parent | undefined {
    return this.owner
  }

  get waitsFor(): ActorRef<never>[] {
    return this.contextInHand?.waitsFor ?? []
  }

  /** The context of control messages. They have none of their own: no other message waits behind them. */
  get context(): Context<unknown> {
    this.#context ??= new Context(this)
    return this.#context
  }

  monotonic(): number {
    return this.startedIn?.services.clock.monotonic() ?? 0
  }

  get runtime(): ActorRuntime {
    if (this.startedIn === undefined) throw notRunning(this.id)
    return this.startedIn
  }

  /** Changes the phase; nothing else does. Returns false, and changes nothing, where the order of phases does not allow it. */
  protected enter(phase: ActorState): boolean {
    if (!mayFollow(this.#state, phase)) return false
    this.#state = phase
    return true
  }

  abstract receiveExitOf(ref: ActorRef<never>): () => void
  abstract fallQuiet(scheduler: Scheduler): void
  abstract wake(): void
  abstract messageDone(): void
  abstract isOwnStop(error: unknown): boolean
  abstract crash(error: unknown): void
  abstract stopAfterMessage(reason: ExitReason): void
}
