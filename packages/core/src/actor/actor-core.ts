/**
 * Runs one actor from start to end: its phases, its hooks, its stop and its end.
 *
 * Phases: `new → starting → running → stopping → dead`, and between them `running → passivating → passive → activating → running`. Every
 * phase may go to `dead`; those of passivation may go to `stopping`. `starting`, `passivating`, `activating` and `stopping` run one hook each.
 * Owns the mailbox and its loop, the watchers, and, where they are needed, timers and signal. The supervisor owns the actor.
 * I1: Only `#enter` changes the phase, and it leaves neither `dead` nor the order above.
 * I2: A hook that settles late changes nothing: its continuation runs only while the phase is still the one that called the hook.
 * I3: `#proceed` alone decides the next step, each time a hook, or the message in hand, is done.
 * I4: `end` acts once, in this order: registries, monitors, the callers of `stop`, the supervisor, the caller of `start`.
 * I5: User code is called in a `try`; an error that it throws ends this actor at most.
 */
import { ChildStartError, describeError, withStack } from '../base/errors.ts'
import { ExitNotice, type ExitReason, killedExit, noprocExit, normalExit, shutdownExit } from '../base/exit-reason.ts'
import { maxTimerMs } from '../base/options.ts'
import { whenSettled } from '../base/thenable.ts'
import type { ActorHooks, ActorState } from './actor-hooks.ts'
import { type ActorOptions, type ActorSettings, actorSettings } from './actor-options.ts'
import type { ActorRef } from './actor-ref.ts'
import { Context } from './context.ts'
import { Deadlines } from './deadlines.ts'
import { alreadyStarted, exitError, notRunning, startTimeout } from './failures.ts'
import { callHook } from './hook-outcome.ts'
import type { Idler } from './idle-queue.ts'
import { IGNORE, onGone, type Parent, type StartOutcome } from './internals.ts'
import { Rare } from './lazy-state.ts'
import { MessageLoop } from './message-loop.ts'
import { mayFollow } from './phases.ts'
import type { ActorRuntime } from './runtime.ts'
import type { Scheduler } from './scheduler.ts'
import { tellTooLate, Watchers } from './watchers.ts'

export class ActorCore implements Idler {
  readonly actor: ActorHooks & ActorRef
  readonly settings: ActorSettings
  readonly loop = new MessageLoop(this)
  /** The context of the message in hand, or of the hook that keeps messages waiting. */
  contextInHand: Context<unknown> | undefined
  /** True while the synchronous part of a hook or handler runs. */
  isInHook = false
  #id: string | undefined
  #state: ActorState = 'new'
  #generation = 1
  #runtime: ActorRuntime | undefined
  #parent: Parent | undefined
  #context: Context<unknown> | undefined
  #watchers: Watchers | undefined
  #rare: Rare | undefined
  #exitReason: ExitReason | undefined

  constructor(actor: ActorHooks & ActorRef, options: ActorOptions | undefined) {
    this.actor = actor
    this.settings = actorSettings(options)
    this.#id = this.settings.id
  }

  get id(): string {
    this.#id ??= this.#runtime?.nextActorId()
    return this.#id ?? 'not-started'
  }

  get state(): ActorState {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  get exitReason(): ExitReason | undefined {
    return this.#exitReason
  }

  get isAlive(): boolean {
    return this.#state !== 'dead' && this.#state !== 'new'
  }

  /** Alive and not told to stop: it takes work, and a supervisor may start children. */
  get isGoingOn(): boolean {
    return this.isAlive && this.#state !== 'stopping' && this.#rare?.stopReason === undefined
  }

  get stopReason(): ExitReason {
    return this.#rare?.stopReason ?? shutdownExit
  }

  get watchers(): Watchers {
    this.#watchers ??= new Watchers()
    return this.#watchers
  }

  get rare(): Rare {
    this.#rare ??= new Rare()
    return this.#rare
  }

  get hasRare(): boolean {
    return this.#rare !== undefined
  }

  get deadlines(): Deadlines {
    this.rare.deadlines ??= new Deadlines(this.runtime.services.clock, this.id)
    return this.rare.deadlines
  }

  get stopSignal(): AbortSignal {
    return this.rare.signal(this.id, this.#exitReason, (error) => {
      this.#runtime?.services.logger.log('error', 'actor.abort-listener-failed', { id: this.id, error: describeError(error) })
    })
  }

  get parent(): Parent | undefined {
    return this.#parent
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
    return this.#runtime?.services.clock.monotonic() ?? 0
  }

  get runtime(): ActorRuntime {
    if (this.#runtime === undefined) throw notRunning(this.id)
    return this.#runtime
  }

  // ---- phases

  /** Changes the phase; nothing else does. Returns false, and changes nothing, where the order of phases does not allow it. */
  #enter(phase: ActorState): boolean {
    if (!mayFollow(this.#state, phase)) return false
    this.#state = phase
    return true
  }

  /** Enters a phase and runs its hook; messages wait meanwhile. Calls `done` afterwards if the phase is still this one. */
  #runPhase(phase: ActorState, hook: (context: Context<unknown>) => unknown, done: () => void): void {
    if (!this.#enter(phase)) return
    const then = (): void => {
      if (this.#state !== phase) return
      this.contextInHand = undefined
      done()
    }
    const failed = (error: unknown): void => {
      if (this.#state !== phase) return
      this.contextInHand = undefined
      if (!this.isOwnStop(error)) this.crash(error)
      else if (phase === 'stopping') this.end(this.stopReason)
      else this.#finishStop(this.stopReason)
    }
    this.contextInHand = new Context(this)
    const context = this.contextInHand
    const outcome = callHook(this, hook, context)
    if (outcome.type === 'failed') failed(outcome.error)
    else if (outcome.type === 'later') whenSettled(outcome.promise, then, failed)
    else then()
  }

  /** Takes the next step, once a hook or the message in hand is done: stops, wakes up or handles the next message. */
  #proceed(): void {
    const stopReason = this.#rare?.stopReason
    const isFree = this.#state === 'passive' || (this.#state === 'running' && !this.loop.isBusy)
    if (stopReason !== undefined) {
      if (isFree) this.#finishStop(stopReason)
    } else if (this.#state === 'passive') {
      if (this.loop.hasWaiting) this.wake()
    } else if (this.#state === 'running' && (this.loop.hasWaiting || this.settings.passivateAfterMs > 0)) this.loop.resume()
  }

  // ---- start

  /**
   * Runs `init`, and returns synchronously when `init` does. Throws, or rejects with, the error that `init` threw; a failed start is reported
   * to the caller alone. Rejects as soon as the actor is ended, even while `init` still runs.
   */
  start(
    runtime: ActorRuntime,
    parent: Parent | undefined,
    generation: number,
    id?: string,
    timeoutMs = Number.POSITIVE_INFINITY,
  ): StartOutcome | Promise<StartOutcome> {
    if (!this.#enter('starting')) throw alreadyStarted(this.id)
    this.#runtime = runtime
    this.#generation = generation
    this.#id ??= id
    const { init } = this.actor
    if (init === undefined) return this.#started(undefined, parent)
    this.contextInHand = new Context(this)
    const context = this.contextInHand
    const outcome = callHook(this, init, context)
    if (outcome.type === 'failed') throw this.#failStart(outcome.error)
    if (outcome.type === 'now') return this.#started(outcome.value, parent)
    return this.#startLater(outcome.promise, parent, timeoutMs)
  }

  #startLater(init: PromiseLike<unknown>, parent: Parent | undefined, timeoutMs: number): Promise<StartOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#exitReason !== undefined) return reject(exitError(this.id, this.#exitReason))
      const { rare } = this
      rare.rejectStart = reject
      if (timeoutMs <= maxTimerMs) {
        const giveUp = (): void => reject(this.#failStart(startTimeout(this.id, timeoutMs), killedExit))
        rare.startTimer = this.runtime.services.clock.setTimer(giveUp, timeoutMs)
      }
      whenSettled(
        init,
        (value) => {
          try {
            resolve(this.#started(value, parent))
          } catch (error) {
            reject(error)
          }
        },
        (error) => reject(this.#failStart(error)),
      )
    })
  }

  #started(outcome: unknown, parent: Parent | undefined): StartOutcome {
    if (this.#exitReason !== undefined) throw exitError(this.id, this.#exitReason)
    this.contextInHand = undefined
    this.#rare?.endStart()
    if (outcome === IGNORE) {
      this.end(normalExit)
      return IGNORE
    }
    this.#enter('running')
    this.#parent = parent
    const { telemetry } = this.runtime.services
    if (telemetry.wants('actor-start')) telemetry.emit({ type: 'actor-start', id: this.id, generation: this.#generation })
    this.#proceed()
    return 'started'
  }

  #failStart(error: unknown, as?: ExitReason): unknown {
    const reason = this.#exitReason
    if (reason !== undefined) return exitError(this.id, reason)
    this.#rare?.endStart()
    this.end(as ?? this.#reasonOfFailedStart(error))
    return error
  }

  #reasonOfFailedStart(error: unknown): ExitReason {
    const isChildStart = error instanceof ChildStartError
    const stopReason = this.#rare?.stopReason
    if (stopReason !== undefined && (isChildStart || this.isOwnStop(error))) return stopReason
    // A supervisor whose child failed to start did not crash: as in OTP it ends with `shutdown`.
    return isChildStart ? { type: 'shutdown', detail: error } : { type: 'crashed', cause: error }
  }

  // ---- watching

  /** Delivers the exit of another actor to `handleExit`, unless this one ends first. Returns a function that cancels. */
  receiveExitOf(ref: ActorRef<never>): () => void {
    const { ownMonitors } = this.rare
    const cancel = ref.monitor((notice) => {
      ownMonitors.delete(stopWatching)
      if (this.#state !== 'dead') this.loop.deliver(notice)
    })
    const stopWatching = (): void => {
      ownMonitors.delete(stopWatching)
      cancel()
    }
    ownMonitors.add(stopWatching)
    return stopWatching
  }

  monitor(onExit: (notice: ExitNotice) => void): () => void {
    return this.#state === 'dead'
      ? tellTooLate(new ExitNotice(this.id, noprocExit), onExit, this.#runtime?.services.logger)
      : this.watchers.addMonitor(onExit)
  }

  // ---- passivation

  fallQuiet(scheduler: Scheduler): void {
    const { passivateAfterMs } = this.settings
    if (passivateAfterMs === 0) return
    this.rare.idleSince = scheduler.recentTime
    if (this.rare.isWatchedForIdle) return
    this.rare.isWatchedForIdle = true
    this.runtime.idleQueue(passivateAfterMs).watch(this)
  }

  get idleSince(): number {
    return this.#rare?.idleSince ?? 0
  }

  fallIdle(): boolean {
    if (this.#state === 'dead') return false
    const hasWork = this.loop.isBusy || this.loop.hasWaiting || this.rare.hasControlInHand
    if (this.#state !== 'running' || hasWork || this.rare.isHeldAwake) return true
    this.rare.isWatchedForIdle = false
    this.#runPhase(
      'passivating',
      (context) => this.actor.onPassivate?.(context),
      () => {
        this.#enter('passive')
        this.rare.fallAsleep()
        this.#proceed()
      },
    )
    return false
  }

  /** Activates a passive actor, because a message has arrived. */
  wake(): void {
    if (this.#state !== 'passive') return
    this.#runPhase(
      'activating',
      (context) => this.actor.onActivate?.(context),
      () => {
        this.#enter('running')
        this.#proceed()
      },
    )
  }

  // ---- end

  /** Called when the message in hand was handled and its caller has the reply. */
  messageDone(): void {
    this.contextInHand = undefined
    if (this.#rare?.stopReason !== undefined) this.#proceed()
  }

  /** Returns true for the reason of the actor's signal: a hook that rethrows it stops as it was asked to. */
  isOwnStop(error: unknown): boolean {
    return this.#rare?.stopReason !== undefined && this.#rare.isOwnAbort(error)
  }

  crash(error: unknown): void {
    this.end({ type: 'crashed', cause: error })
  }

  stop(reason: ExitReason, timeoutMs: number): Promise<ExitReason> {
    if (this.#state === 'new') this.end(reason)
    if (this.#exitReason !== undefined) return Promise.resolve(this.#exitReason)
    const { rare } = this
    const { clock } = this.runtime.services
    // A time longer than the longest timer means no limit. The grace begins before the abort listeners run, so that they cannot extend it.
    const stopBy = timeoutMs > maxTimerMs ? Number.POSITIVE_INFINITY : clock.monotonic() + timeoutMs
    rare.stopReason ??= reason
    const ended = new Promise<ExitReason>((resolve) => rare.whenEnded(resolve))
    rare.abort(this.id, rare.stopReason)
    this.#proceed()
    if (this.isAlive) rare.limitStop(clock, stopBy, () => this.end(killedExit))
    return ended
  }

  /** Ends the actor once the message in hand is done. The first reason given is the one it ends with. */
  stopAfterMessage(reason: ExitReason): void {
    this.rare.stopReason ??= reason
    this.#proceed()
  }

  #finishStop(reason: ExitReason): void {
    this.loop.rejectAll(reason)
    const hasNothingToDo = this.actor.onStop === undefined && this.#rare?.isStopHeld !== true
    const hook = async (context: Context<unknown>): Promise<void> => {
      await this.actor.onStop?.(reason, context)
      await this.rare.stopHoldsReleased()
    }
    this.#runPhase('stopping', hasNothingToDo ? () => undefined : hook, () => this.end(reason))
  }

  /** Ends the actor at once and tells each of its watchers once, in the order of I4. */
  end(reason: ExitReason): void {
    const phase = this.#state
    if (!this.#enter('dead')) return
    this.#exitReason = reason
    this.contextInHand = undefined
    const rare = this.#rare
    rare?.cancelTimers()
    if (rare?.isWatchedForIdle === true) this.runtime.idleQueue(this.settings.passivateAfterMs).leave(this)
    rare?.abort(this.id, reason)
    this.loop.rejectAll(reason)
    this.loop.clear()
    rare?.endOwnMonitors()
    this.actor[onGone]?.()
    this.#tell(reason, phase !== 'new' && phase !== 'starting')
    rare?.tellEnd(reason)
    this.#parent?.childExited(this, reason)
    rare?.rejectStart?.(exitError(this.id, reason))
  }

  /** Makes the end of this actor go unreported to its supervisor, which ends it itself. */
  disown(): void {
    this.#parent = undefined
  }

  #tell(reason: ExitReason, wasRunning: boolean): void {
    const services = this.#runtime?.services
    if (reason.type === 'crashed' && wasRunning && services?.logger.wants?.('error') !== false)
      services?.logger.log('error', 'actor.crashed', withStack({ id: this.id, error: describeError(reason.cause) }, reason.cause))
    this.#watchers?.tell(this.id, reason, services?.logger)
    this.#watchers = undefined
    if (!wasRunning || services?.telemetry.wants('actor-exit') !== true) return
    services.telemetry.emit({ type: 'actor-exit', id: this.id, generation: this.#generation, reason })
  }
}
