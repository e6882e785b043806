/** State that few actors need, and most of those only briefly: allocated on first use, so that an idle actor stays small. */

import { guardedAbortController } from '../base/abort.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import { whenSettled } from '../base/thenable.ts'
import type { Clock, TimerHandle } from '../ports/services.ts'
import type { Deadlines } from './deadlines.ts'
import type { Envelope } from './envelope.ts'
import { exitError } from './failures.ts'

/** Bounds of `retryAfterMs`, and its value while the actor's pace is not known yet. */
const retryAfter = { minimumMs: 20, firstMs: 100, maximumMs: 30_000 } as const

export class LazyState {
  deadlines: Deadlines | undefined
  /** Set once the actor was told to stop. */
  stopReason: ExitReason | undefined
  /** Rejects the start that is under way. */
  rejectStart: ((error: unknown) => void) | undefined
  startTimer: TimerHandle | undefined
  idleSince = 0
  isWatchedForIdle = false
  #awakeHolds = 0
  #onEnd: ((reason: ExitReason) => void)[] = []
  #abort: AbortController | undefined
  // Each set is made when it is first needed: most actors never need one.
  #controlInHand: Set<Envelope> | undefined
  #ownMonitors: Set<() => void> | undefined
  #stopHolds: Set<Promise<unknown>> | undefined
  #stopTimer: TimerHandle | undefined
  #stopBy = Number.POSITIVE_INFINITY
  #fullAt: { readonly time: number; readonly handled: number } | undefined

  /** Control calls whose handler has not settled. */
  get controlInHand(): Set<Envelope> {
    this.#controlInHand ??= new Set()
    return this.#controlInHand
  }

  get hasControlInHand(): boolean {
    return this.#controlInHand !== undefined && this.#controlInHand.size > 0
  }

  /** Ends the monitors this actor holds on others. */
  get ownMonitors(): Set<() => void> {
    this.#ownMonitors ??= new Set()
    return this.#ownMonitors
  }

  endOwnMonitors(): void {
    for (const cancel of this.#ownMonitors ?? []) cancel()
  }

  /** Registers a callback for the end of the actor. */
  whenEnded(onEnd: (reason: ExitReason) => void): void {
    this.#onEnd.push(onEnd)
  }

  tellEnd(reason: ExitReason): void {
    for (const onEnd of this.#onEnd) onEnd(reason)
  }

  /** Ends the actor at a time on the monotonic clock, unless an earlier stop gave it less. */
  limitStop(clock: Clock, stopBy: number, onTime: () => void): void {
    if (stopBy >= this.#stopBy) return
    this.#stopBy = stopBy
    this.#stopTimer?.cancel()
    this.#stopTimer = clock.setTimer(onTime, Math.max(0, stopBy - clock.monotonic()))
  }

  /** Called when the start has succeeded or failed. */
  endStart(): void {
    this.rejectStart = undefined
    this.startTimer?.cancel()
  }

  /** Cancels the timers of an actor that has ended. */
  cancelTimers(): void {
    this.#stopTimer?.cancel()
    this.startTimer?.cancel()
  }

  /** True while a promise keeps the actor from passivating. */
  get isHeldAwake(): boolean {
    return this.#awakeHolds > 0
  }

  keepAwake(promise: Promise<unknown>): void {
    this.#awakeHolds++
    const release = (): void => void this.#awakeHolds--
    whenSettled(promise, release, release)
  }

  /** True while a stop has promises to wait for. */
  get isStopHeld(): boolean {
    return this.#stopHolds !== undefined && this.#stopHolds.size > 0
  }

  delayStop(promise: Promise<unknown>): void {
    this.#stopHolds ??= new Set()
    const holds = this.#stopHolds.add(promise)
    const release = (): void => void holds.delete(promise)
    whenSettled(promise, release, release)
  }

  async stopHoldsReleased(): Promise<void> {
    while (this.isStopHeld) await Promise.allSettled(this.#stopHolds ?? [])
  }

  /** Returns the actor's signal; aborted already when the actor has ended or was told to stop. An error that a listener throws goes to `report`. */
  signal(id: string, ended: ExitReason | undefined, report: (error: unknown) => void): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = guardedAbortController(report)
      const reason = ended ?? this.stopReason
      if (reason !== undefined) this.#abort.abort(exitError(id, reason))
    }
    return this.#abort.signal
  }

  /** Releases, for an actor that passivates, what is made again on demand. No handler runs that could listen to the signal. */
  fallAsleep(): void {
    if (this.stopReason === undefined) this.#abort = undefined
    if (this.deadlines?.isEmpty === true) this.deadlines = undefined
  }

  /** Aborts the signal, if it was made and is not aborted yet. */
  abort(id: string, reason: ExitReason): void {
    if (this.#abort?.signal.aborted === false) this.#abort.abort(exitError(id, reason))
  }

  /** Returns true for the error that the signal was aborted with. */
  isOwnAbort(error: unknown): boolean {
    return this.#abort?.signal.aborted === true && this.#abort.signal.reason === error
  }

  /** Returns the milliseconds until a full mailbox of `size` should be empty, by the pace since it was last found full. */
  retryAfterMs(now: number, handled: number, size: number): number {
    const before = this.#fullAt
    if (before === undefined || now - before.time > retryAfter.maximumMs) this.#fullAt = { time: now, handled }
    if (before === undefined || handled === before.handled || now === before.time) return retryAfter.firstMs
    const perMessage = (now - before.time) / (handled - before.handled)
    return Math.min(retryAfter.maximumMs, Math.max(retryAfter.minimumMs, Math.ceil(perMessage * size)))
  }
}
