/** What makes an actor go: its life from start to end, and the loop that hands it one message at a time. */
import { ChildStartError, describeError } from '../errors.ts'
import { maxTimerMs } from '../options.ts'
import { isThenable } from '../thenable.ts'
import type { ActorHooks, ActorInspection, ActorState } from './actor-hooks.ts'
import { type ActorOptions, type ActorSettings, actorSettings } from './actor-options.ts'
import type { ActorRef } from './actor-ref.ts'
import { Context } from './context.ts'
import { ExitNotice, type ExitReason, killedExit, noprocExit, normalExit } from './exit-reason.ts'
import { alreadyStarted, badTimeout, exitError, notRunning } from './failures.ts'
import type { Idler } from './idle-queue.ts'
import { IGNORE, type Parent, type StartOutcome } from './inside.ts'
import { MessageLoop } from './message-loop.ts'
import { Rare } from './rare.ts'
import type { ActorRuntime } from './runtime.ts'
import type { Scheduler } from './scheduler.ts'
import { tellTooLate, Watchers } from './watchers.ts'

export class ActorCore implements Idler {
  readonly actor: ActorHooks & ActorRef
  readonly settings: ActorSettings
  readonly loop = new MessageLoop(this)
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

  get stopSignal(): AbortSignal {
    return this.rare.signal(this.id, this.#exitReason)
  }

  get parent(): Parent | undefined {
    return this.#parent
  }

  get waitsFor(): ActorRef<never>[] {
    return this.#rare?.waitsFor ?? []
  }

  get context(): Context<unknown> {
    this.#context ??= new Context(this)
    return this.#context
  }

  monotonic(): number {
    return this.#runtime?.ambient.clock.monotonic() ?? 0
  }

  get runtime(): ActorRuntime {
    if (this.#runtime === undefined) throw notRunning(this.id)
    return this.#runtime
  }

  inspect(): ActorInspection {
    return {
      id: this.id,
      state: this.#state,
      generation: this.#generation,
      isBusy: this.loop.isBusy,
      mailboxLength: this.loop.mailboxLength,
      mailboxBytes: this.loop.mailboxBytes,
      controlLength: this.loop.controlLength,
      waitsFor: this.waitsFor.map((ref) => ref.id),
    }
  }

  // ---- start

  /** Runs `init`: at once where that is synchronous. Throws, or rejects with, what it threw; nobody else hears of a failed start. */
  start(runtime: ActorRuntime, parent: Parent | undefined, generation: number, id?: string): StartOutcome | Promise<StartOutcome> {
    if (this.#state !== 'new') throw alreadyStarted(this.id)
    this.#state = 'starting'
    this.#runtime = runtime
    this.#generation = generation
    this.#id ??= id
    if (this.actor.init === undefined) return this.#started(undefined, parent)
    let outcome: unknown
    try {
      outcome = this.actor.init(this.context)
    } catch (error) {
      throw this.#failStart(error)
    }
    if (!isThenable(outcome)) return this.#started(outcome, parent)
    return Promise.resolve(outcome).then(
      (value) => this.#started(value, parent),
      (error: unknown) => {
        throw this.#failStart(error)
      },
    )
  }

  #started(outcome: unknown, parent: Parent | undefined): StartOutcome {
    if (this.#exitReason !== undefined) throw exitError(this.id, this.#exitReason)
    if (outcome === IGNORE) {
      this.end(normalExit)
      return IGNORE
    }
    this.#parent = parent
    this.#state = 'running'
    const { telemetry } = this.runtime.ambient
    if (telemetry.wants('actor-start')) telemetry.emit({ type: 'actor-start', id: this.id, generation: this.#generation })
    if (this.#rare?.stopReason !== undefined) this.#finishStop(this.#rare.stopReason)
    else if (this.loop.hasWaiting || this.settings.passivateAfterMs > 0) this.loop.resume()
    return 'started'
  }

  #failStart(error: unknown): unknown {
    const reason = this.#exitReason
    if (reason !== undefined) return exitError(this.id, reason)
    // A supervisor whose child did not start has not failed itself: as in OTP it ends with `shutdown`.
    this.end(error instanceof ChildStartError ? { type: 'shutdown', detail: error } : { type: 'crashed', cause: error })
    return error
  }

  // ---- watching

  /** Delivers the exit of another actor to `handleExit`, unless this one ends first. The answer cancels. */
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
    return this.isAlive
      ? this.watchers.addMonitor(onExit)
      : tellTooLate(new ExitNotice(this.id, noprocExit), onExit, this.#runtime?.ambient.logger)
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
    const hasWork = this.loop.isBusy || this.loop.mailboxLength > 0
    if (this.#state !== 'running' || hasWork || this.rare.isHeldAwake) return true
    this.rare.isWatchedForIdle = false
    const onPassivate = (): unknown => this.actor.onPassivate?.(this.context)
    this.#through('passivating', onPassivate, () => {
      this.#state = 'passive'
      this.rare.deadlines?.cancel()
      this.rare.forgetSignal()
      if (this.#rare?.stopReason !== undefined) this.#finishStop(this.#rare.stopReason)
      else if (this.loop.mailboxLength > 0) this.activate()
    })
    return false
  }

  activate(): void {
    const onActivate = (): unknown => this.actor.onActivate?.(this.context)
    this.#through('activating', onActivate, () => {
      this.#state = 'running'
      if (this.#rare?.stopReason !== undefined) this.#finishStop(this.#rare.stopReason)
      else this.loop.resume()
    })
  }

  /** Runs a hook in a state of its own, in which messages wait; a hook that fails crashes the actor. */
  #through(state: ActorState, hook: () => unknown, done: () => void): void {
    this.#state = state
    let outcome: unknown
    try {
      outcome = hook()
    } catch (error) {
      return this.crash(error)
    }
    if (!isThenable(outcome)) return done()
    outcome.then(
      () => {
        if (this.#state !== 'dead') done()
      },
      (error) => this.crash(error),
    )
  }

  // ---- end

  /** The message in hand was handled and its caller has the answer. */
  messageDone(waiting: number): void {
    const rare = this.#rare
    if (rare === undefined) return
    rare.endWaiting()
    if (waiting === 0 && !rare.hasControlInHand) rare.deadlines?.cancel()
    if (rare.stopReason !== undefined) this.#finishStop(rare.stopReason)
  }

  crash(error: unknown): void {
    const stopReason = this.#rare?.isOwnAbort(error) === true ? this.#rare.stopReason : undefined
    // What a handler throws because it was told to stop is its way of stopping.
    if (stopReason === undefined) this.end({ type: 'crashed', cause: error })
    else if (this.#state === 'stopping') this.end(stopReason)
    else this.#finishStop(stopReason)
  }

  stop(reason: ExitReason, timeoutMs = 5_000): Promise<ExitReason> {
    if (!(timeoutMs >= 0)) return Promise.reject(badTimeout('stop', timeoutMs))
    return new Promise((resolve) => {
      if (this.#state === 'new') this.end(reason)
      if (this.#exitReason !== undefined) return resolve(this.#exitReason)
      this.rare.whenEnded(resolve)
      this.rare.abort(this.id, reason)
      this.stopAfterMessage(reason)
      // Longer than any timer is as good as for ever.
      if (!this.isAlive || timeoutMs > maxTimerMs) return
      this.rare.stopTimer ??= this.runtime.ambient.clock.setTimer(() => this.end(killedExit), timeoutMs)
    })
  }

  /** Ends the actor once the message in hand is done. The first reason stands. */
  stopAfterMessage(reason: ExitReason): void {
    this.rare.stopReason ??= reason
    if (this.#state === 'passive' || (this.#state === 'running' && !this.loop.isBusy)) this.#finishStop(this.rare.stopReason)
  }

  #finishStop(reason: ExitReason): void {
    this.loop.rejectAll(reason)
    const hook = async (): Promise<void> => {
      await this.actor.onStop?.(reason, this.context)
      await this.rare.stopHoldsReleased()
    }
    const hasNothingToDo = this.actor.onStop === undefined && !this.rare.isStopHeld
    this.#through('stopping', hasNothingToDo ? () => undefined : hook, () => this.end(reason))
  }

  /** Ends the actor here and now. Everybody who watches it is told once, registries first and its supervisor last. */
  end(reason: ExitReason): void {
    if (this.#state === 'dead') return
    const wasRunning = this.#state !== 'new' && this.#state !== 'starting'
    this.#state = 'dead'
    this.#exitReason = reason
    const rare = this.#rare
    rare?.deadlines?.cancel()
    rare?.stopTimer?.cancel()
    rare?.abort(this.id, reason)
    this.loop.rejectAll(reason)
    this.loop.clear()
    rare?.endOwnMonitors()
    this.actor.onGone?.()
    if (this.#runtime !== undefined) this.#tell(reason, wasRunning, this.#runtime)
    rare?.tellEnd(reason)
    this.#parent?.childExited(this, reason)
  }

  /** The supervisor ends this actor itself and needs no word of it. */
  disown(): void {
    this.#parent = undefined
  }

  #tell(reason: ExitReason, wasRunning: boolean, { ambient }: ActorRuntime): void {
    if (reason.type === 'crashed' && wasRunning)
      ambient.logger.log('error', 'actor.crashed', { id: this.id, error: describeError(reason.cause) })
    this.#watchers?.tell(this.id, reason, ambient.logger)
    this.#watchers = undefined
    if (!wasRunning || !ambient.telemetry.wants('actor-exit')) return
    ambient.telemetry.emit({ type: 'actor-exit', id: this.id, generation: this.#generation, reason })
  }
}
