/** An actor's core, as the pieces around it see it: its message loop, its contexts and its supervisor. Types only. */
import type { ExitReason } from '../base/exit-reason.ts'
import type { ActorHooks, ActorState } from './actor-hooks.ts'
import type { ActorSettings } from './actor-options.ts'
import type { ActorContext, ActorRef, CallOptions } from './actor-ref.ts'
import type { Deadlines } from './deadlines.ts'
import type { LazyState } from './lazy-state.ts'
import type { ActorRuntime } from './runtime.ts'
import type { Scheduler } from './scheduler.ts'

/** The core of one actor. What changes its phase acts at once, and at most once. */
export interface ActorHost {
  readonly actor: ActorHooks & ActorRef
  readonly settings: ActorSettings
  readonly loop: MessageCalls
  readonly id: string
  readonly state: ActorState
  readonly generation: number
  readonly exitReason: ExitReason | undefined
  readonly isAlive: boolean
  /** Alive and not told to stop: it takes work, and a supervisor may start children. */
  readonly isGoingOn: boolean
  readonly stopReason: ExitReason
  readonly stopSignal: AbortSignal
  readonly lazy: LazyState
  readonly hasLazy: boolean
  readonly deadlines: Deadlines
  /** Throws `actor-not-running` before the start. */
  readonly runtime: ActorRuntime
  /** The actors whose answer the message in hand waits for. */
  readonly waitsFor: readonly ActorRef<never>[]
  /** The context of control messages. They have none of their own: no other message waits behind them. */
  readonly context: ActorContext
  /** The context of the message in hand, or of the hook that keeps messages waiting. */
  contextInHand: ActorContext | undefined
  /** True while the synchronous part of a hook or handler runs. */
  isInHook: boolean
  monotonic(): number
  /** Delivers the exit of another actor to `handleExit`, unless this one ends first. Returns a function that cancels. */
  receiveExitOf(ref: ActorRef<never>): () => void
  fallQuiet(scheduler: Scheduler): void
  /** Activates a passive actor, because a message has arrived. */
  wake(): void
  /** Called when the message in hand was handled and its caller has the reply. */
  messageDone(): void
  /** Returns true for the reason of the actor's signal: a hook that rethrows it stops as it was asked to. */
  isOwnStop(error: unknown): boolean
  crash(error: unknown): void
  /** Ends the actor once the message in hand is done. The first reason given is the one it ends with. */
  stopAfterMessage(reason: ExitReason): void
}

/** How a message that awaits its reply comes in. */
export interface MessageCalls {
  /** As `ActorRef.call`; `onSettled` is called synchronously when the call settles, if the message was accepted. */
  call(message: unknown, options?: CallOptions, onSettled?: () => void): Promise<unknown>
}

/** The owner of an actor, which is told how the actor ends. */
export interface Parent {
  childExited(child: ActorHost, reason: ExitReason): void
}
