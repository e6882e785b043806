/**
 * Runs one actor from start to end: its phases, its hooks, its stop and its end.
 *
 * Phases: `new → starting → running → stopping → dead`, and between them `running → passivating → passive → activating → running`. Every
 * phase may go to `dead`; those of passivation may go to `stopping`. `starting`, `passivating`, `activating` and `stopping` run one hook each.
 * Owns what `ActorLife` holds. The supervisor owns the actor.
 * I1: Only `enter` changes the phase, and it leaves neither `dead` nor the order above.
 * I2: A hook that settles late changes nothing: its continuation runs only while the phase is still the one that called the hook.
 * I3: `#proceed` alone decides the next step, each time a hook, or the message in hand, is done.
 * I4: `end` acts once, in this order: registries, monitors, the callers of `stop`, the supervisor, the caller of `start`.
 * I5: User code is called in a `try`; an error that it throws ends this actor at most.
 */
import { ChildStartError, describeError, withStack } from '../base/errors.ts'
import { ExitNotice, type ExitReason, killedExit, noprocExit, normalExit } from '../base/exit-reason.ts'
import { maxTimerMs } from '../base/options.ts'
import { whenSettled } from '../base/thenable.ts'
import type { ActorState } from './actor-hooks.ts'
import type { Parent } from './actor-host.ts'
import { ActorLife } from './actor-life.ts'
import type { ActorRef } from './actor-ref.ts'
import { Context } from './context.ts'
import { alreadyStarted, exitError, startTimeout } from './failures.ts'
import { callHook } from './hook-outcome.ts'
import type { Idler } from './idle-queue.ts'
import { IGNORE, onGone, type StartOutcome } from './internals.ts'
import type { ActorRuntime } from './runtime.ts'
import type { Scheduler } from './scheduler.ts'
import { tellTooLate } from './watchers.ts'

export class ActorCore extends ActorLife implements Idler {
  // ---- phases

  /** Enters a phase and runs its hook; messages wait meanwhile. Calls `done` afterwards if the phase is still this one. */
  #runPhase(phase: ActorState, hook: (context: Context<unknown>) => unknown, done: () => void): void {
    if (!this.enter(phase)) return
    const then = (): void => {
      if (this.state !== phase) return
      this.contextInHand = undefined
      done()
    }
    const failed = (error: unknown): void => {
      if (this.state !== phase) return
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
    const stopReason = this.ownLazy?.stopReason
    const isFree = this.state === 'passive' || (this.state === 'running' && !this.loop.isBusy)
    if (stopReason !== undefined) {
      if (isFree) this.#finishStop(stopReason)
    } else if (this.state === 'passive') {
      if (this.loop.hasWaiting) this.wake()
    } else if (this.state === 'running' && (this.loop.hasWaiting || this.settings.passivateAfterMs > 0)) this.loop.resume()
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
    if (!this.enter('starting')) throw alreadyStarted(this.id)
    this.startedIn = runtime
    this.incarnation = generation
    this.givenId ??= id
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
      if (this.endedWith !== undefined) return reject(exitError(this.id, this.endedWith))
      const { lazy } = this
      lazy.rejectStart = reject
      if (timeoutMs <= maxTimerMs) {
        const giveUp = (): void => reject(this.#failStart(startTimeout(this.id, timeoutMs), killedExit))
        lazy.startTimer = this.runtime.services.clock.setTimer(giveUp, timeoutMs)
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
    if (this.endedWith !== undefined) throw exitError(this.id, this.endedWith)
    this.contextInHand = undefined
    this.ownLazy?.endStart()
    if (outcome === IGNORE) {
      this.end(normalExit)
      return IGNORE
    }
    this.enter('running')
    this.owner = parent
    const { telemetry } = this.runtime.services
    if (telemetry.wants('actor-start')) telemetry.emit({ type: 'actor-start', id: this.id, generation: this.incarnation })
    this.#proceed()
    return 'started'
  }

  #failStart(error: unknown, as?: ExitReason): unknown {
    const reason = this.endedWith
    if (reason !== undefined) return exitError(this.id, reason)
    this.ownLazy?.endStart()
    this.end(as ?? this.#reasonOfFailedStart(error))
    return error
  }

  #reasonOfFailedStart(error: unknown): ExitReason {
    const isChildStart = error instanceof ChildStartError
    const stopReason = this.ownLazy?.stopReason
    if (stopReason !== undefined && (isChildStart || this.isOwnStop(error))) return stopReason
    // A supervisor whose child failed to start did not crash: as in OTP it ends with `shutdown`.
    return isChildStart ? { type: 'shutdown', detail: error } : { type: 'crashed', cause: error }
  }

  // ---- watching

  /** Delivers the exit of another actor to `handleExit`, unless this one ends first. Returns a function that cancels. */
  receiveExitOf(ref: ActorRef<never>): () => void {
    const { ownMonitors } = this.lazy
    const cancel = ref.monitor((notice) => {
      ownMonitors.delete(stopWatching)
      if (this.state !== 'dead') this.loop.deliver(notice)
    })
    const stopWatching = (): void => {
      ownMonitors.delete(stopWatching)
      cancel()
    }
    ownMonitors.add(stopWatching)
    return stopWatching
  }

  monitor(onExit: (notice: ExitNotice) => void): () => void {
    return this.state === 'dead'
      ? tellTooLate(new ExitNotice(this.id, noprocExit), onExit, this.startedIn?.services.logger)
      : this.watchers.addMonitor(onExit)
  }

  // ---- passivation

  fallQuiet(scheduler: Scheduler): void {
    const { passivateAfterMs } = this.settings
    if (passivateAfterMs === 0) return
    this.lazy.idleSince = scheduler.recentTime
    if (this.lazy.isWatchedForIdle) return
    this.lazy.isWatchedForIdle = true
    this.runtime.idleQueue(passivateAfterMs).watch(this)
  }

  get idleSince(): number {
    return this.ownLazy?.idleSince ?? 0
  }

  fallIdle(): boolean {
    if (this.state === 'dead') return false
    const hasWork = this.loop.isBusy || this.loop.hasWaiting || this.lazy.hasControlInHand
    if (this.state !== 'running' || hasWork || this.lazy.isHeldAwake) return true
    this.lazy.isWatchedForIdle = false
    this.#runPhase(
      'passivating',
      (context) => this.actor.onPassivate?.(context),
      () => {
        this.enter('passive')
        this.lazy.fallAsleep()
        this.#proceed()
      },
    )
    return false
  }

  /** Activates a passive actor, because a message has arrived. */
  wake(): void {
    if (this.state !== 'passive') return
    this.#runPhase(
      'activating',
      (context) => this.actor.onActivate?.(context),
      () => {
        this.enter('running')
        this.#proceed()
      },
    )
  }

  // ---- end

  /** Called when the message in hand was handled and its caller has the reply. */
  messageDone(): void {
    this.contextInHand = undefined
    if (this.ownLazy?.stopReason !== undefined) this.#proceed()
  }

  /** Returns true for the reason of the actor's signal: a hook that rethrows it stops as it was asked to. */
  isOwnStop(error: unknown): boolean {
    return this.ownLazy?.stopReason !== undefined && this.ownLazy.isOwnAbort(error)
  }

  crash(error: unknown): void {
    this.end({ type: 'crashed', cause: error })
  }

  stop(reason: ExitReason, timeoutMs: number): Promise<ExitReason> {
    if (this.state === 'new') this.end(reason)
    if (this.endedWith !== undefined) return Promise.resolve(this.endedWith)
    const { lazy } = this
    const { clock } = this.runtime.services
    // A time longer than the longest timer means no limit. The grace begins before the abort listeners run, so that they cannot extend it.
    const stopBy = timeoutMs > maxTimerMs ? Number.POSITIVE_INFINITY : clock.monotonic() + timeoutMs
    lazy.stopReason ??= reason
    const ended = new Promise<ExitReason>((resolve) => lazy.whenEnded(resolve))
    lazy.abort(this.id, lazy.stopReason)
    this.#proceed()
    if (this.isAlive) lazy.limitStop(clock, stopBy, () => this.end(killedExit))
    return ended
  }

  /** Ends the actor once the message in hand is done. The first reason given is the one it ends with. */
  stopAfterMessage(reason: ExitReason): void {
    this.lazy.stopReason ??= reason
    this.#proceed()
  }

  #finishStop(reason: ExitReason): void {
    this.loop.rejectAll(reason)
    const hasNothingToDo = this.actor.onStop === undefined && this.ownLazy?.isStopHeld !== true
    const hook = async (context: Context<unknown>): Promise<void> => {
      await this.actor.onStop?.(reason, context)
      await this.lazy.stopHoldsReleased()
    }
    this.#runPhase('stopping', hasNothingToDo ? () => undefined : hook, () => this.end(reason))
  }

  /** Ends the actor at once and tells each of its watchers once, in the order of I4. */
  end(reason: ExitReason): void {
    const phase = this.state
    if (!this.enter('dead')) return
    this.endedWith = reason
    this.contextInHand = undefined
    const lazy = this.ownLazy
    lazy?.cancelTimers()
    if (lazy?.isWatchedForIdle === true) this.runtime.idleQueue(this.settings.passivateAfterMs).leave(this)
    lazy?.abort(this.id, reason)
    this.loop.rejectAll(reason)
    this.loop.clear()
    lazy?.endOwnMonitors()
    this.actor[onGone]?.()
    this.#tell(reason, phase !== 'new' && phase !== 'starting')
    lazy?.tellEnd(reason)
    this.owner?.childExited(this, reason)
    lazy?.rejectStart?.(exitError(this.id, reason))
  }

  /** Makes the end of this actor go unreported to its supervisor, which ends it itself. */
  disown(): void {
    this.owner = undefined
  }

  #tell(reason: ExitReason, wasRunning: boolean): void {
    const services = this.startedIn?.services
    if (reason.type === 'crashed' && wasRunning && services?.logger.wants?.('error') !== false)
      services?.logger.log('error', 'actor.crashed', withStack({ id: this.id, error: describeError(reason.cause) }, reason.cause))
    this.ownWatchers?.tell(this.id, reason, services?.logger)
    this.ownWatchers = undefined
    if (!wasRunning || services?.telemetry.wants('actor-exit') !== true) return
    services.telemetry.emit({ type: 'actor-exit', id: this.id, generation: this.incarnation, reason })
  }
}
