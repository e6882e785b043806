/**
 * Accepts messages and calls an actor's handlers: one message at a time in the work lane, immediately in the control lane.
 *
 * Phases: those of its actor.
 * Owns the mailbox and the message in hand, and adds calls that outlast a slice to the actor's deadlines.
 * I1: At most one message of the work lane is in hand, and only while the actor is `running`.
 * I2: A control message is handled while the actor is `running` or `stopping`, in no other phase.
 * I3: A message whose caller has stopped waiting is not handled.
 * I4: The loop is queued with the scheduler at most once for a turn and at most once for the end of the slice.
 */
import type { BeamClawError } from '../base/errors.ts'
import { ExitNotice, type ExitReason } from '../base/exit-reason.ts'
import { isThenable, whenSettled } from '../base/thenable.ts'
import type { ActorHost } from './actor-host.ts'
import { checkCallOptions, checkCastOptions } from './actor-options.ts'
import { type CallOptions, type CastOptions, callDefaults, type MailboxLane } from './actor-ref.ts'
import { Context } from './context.ts'
import { Envelope } from './envelope.ts'
import { callAborted, callCycle, callTimeout, exitError, mailboxFull, messageTooLarge, notHandled, notRunning } from './failures.ts'
import { Mailbox } from './mailbox.ts'
import { PendingCall } from './pending-call.ts'
import type { Runnable, Scheduler } from './scheduler.ts'

/** Messages that one actor handles in a turn, before the next actor's turn. */
const messagesPerTurn = 256

export class MessageLoop implements Runnable {
  readonly #core: ActorHost
  #mailbox: Mailbox | undefined
  #inHand: Envelope | undefined
  #isScheduled = false
  #isSliceWatched = false
  #isInHandler = false
  #handled = 0

  constructor(core: ActorHost) {
    this.#core = core
  }

  /** True while the handler of a work message awaits. */
  get isBusy(): boolean {
    return this.#inHand !== undefined
  }

  /** True when a message waits in either lane. */
  get hasWaiting(): boolean {
    return this.mailboxLength + this.controlLength > 0
  }

  get mailboxLength(): number {
    return this.#mailbox?.size ?? 0
  }

  get mailboxBytes(): number {
    return this.#mailbox?.bytes ?? 0
  }

  get controlLength(): number {
    return this.#mailbox?.controlSize ?? 0
  }

  /** As `ActorRef.call`; `onSettled` is called synchronously when the call settles, if the message was accepted. */
  call(message: unknown, options: CallOptions = callDefaults, onSettled?: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // A promise executor that throws rejects.
      if (options !== callDefaults) checkCallOptions(options)
      const { timeoutMs = callDefaults.timeoutMs, lane = 'work', signal } = options
      if (this.#isInHandler && lane === 'work') throw callCycle([this.#core.id, this.#core.id])
      const now = timeoutMs === Number.POSITIVE_INFINITY ? 0 : this.#core.monotonic()
      const call = new PendingCall(now + timeoutMs, resolve, reject)
      if (onSettled !== undefined) call.onSettled(onSettled)
      this.#accept(new Envelope(message, call), lane)
      if (signal !== undefined) this.#rejectOnAbort(call, signal)
    })
  }

  cast(message: unknown, options?: CastOptions): void {
    if (options !== undefined) checkCastOptions(options)
    this.#accept(new Envelope(message), options?.lane ?? 'work')
  }

  #accept(envelope: Envelope, lane: MailboxLane): void {
    const core = this.#core
    if (lane === 'control') return this.#acceptControl(envelope)
    if (!core.isGoingOn) throw notRunning(core.id)
    this.#mailbox ??= new Mailbox()
    if (!this.#mailbox.offer(envelope, core.settings)) throw this.#overflow(this.#mailbox, envelope)
    if (core.state === 'running' && this.#inHand === undefined) return this.resume()
    core.wake()
    if (hasDeadline(envelope)) this.#watchSlice(core.runtime.scheduler)
  }

  #acceptControl(envelope: Envelope): void {
    const core = this.#core
    if (!core.isAlive) throw notRunning(core.id)
    if (core.actor.handleControl === undefined) throw notHandled(core.id)
    this.#offerControl(envelope)
    if (!hasDeadline(envelope)) return
    core.deadlines.add(envelope.call)
    this.#watchSlice(core.runtime.scheduler)
  }

  /** Delivers the exit notice of an actor that this one watches. */
  deliver(notice: ExitNotice): void {
    this.#offerControl(new Envelope(notice))
  }

  #offerControl(envelope: Envelope): void {
    this.#mailbox ??= new Mailbox()
    this.#mailbox.offerControl(envelope)
    this.#core.wake()
    this.resume()
  }

  #overflow(mailbox: Mailbox, envelope: Envelope): BeamClawError {
    if (envelope.size > this.#core.settings.maxBytes) return messageTooLarge(this.#core.id, envelope.size, this.#core.settings.maxBytes)
    const now = this.#core.runtime.services.clock.monotonic()
    return mailboxFull(
      this.#core.id,
      mailbox.size,
      mailbox.bytes,
      this.#core.settings,
      this.#core.lazy.retryAfterMs(now, this.#handled, mailbox.size),
    )
  }

  #rejectOnAbort(call: PendingCall, signal: AbortSignal): void {
    const abort = (): void => call.reject(callAborted(this.#core.id, signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    call.onSettled(() => signal.removeEventListener('abort', abort))
  }

  /** Schedules a turn, unless one is scheduled already. */
  resume(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#core.runtime.scheduler.schedule(this)
  }

  takeTurn(scheduler: Scheduler): void {
    this.#isScheduled = false
    const core = this.#core
    for (let handled = 0; core.state === 'running' || core.state === 'stopping'; handled++) {
      const mayWork = core.state === 'running' && this.#inHand === undefined
      const hasControl = this.controlLength > 0
      if (!hasControl && !mayWork) return
      if (!hasControl && this.mailboxLength === 0) return core.fallQuiet(scheduler)
      if (handled >= messagesPerTurn || scheduler.shouldYield()) {
        this.#watchSlice(scheduler)
        return this.resume()
      }
      const envelope = hasControl ? this.#mailbox?.shiftControl() : this.#mailbox?.shift()
      const call = envelope?.call
      if (envelope === undefined || call?.isSettled === true) continue
      if (call !== undefined && call.deadline <= scheduler.recentTime) call.reject(callTimeout(core.id))
      else if (hasControl) this.#handleControl(envelope, scheduler)
      else this.#handle(envelope, scheduler)
    }
  }

  #handle(envelope: Envelope, scheduler: Scheduler): void {
    const core = this.#core
    const context = new Context(core)
    this.#inHand = envelope
    core.contextInHand = context
    this.#isInHandler = true
    const before = core.isInHook
    core.isInHook = true
    let answer: unknown
    let isAsync: boolean
    try {
      answer = core.actor.handle(envelope.message, context)
      isAsync = isThenable(answer)
    } catch (error) {
      this.#isInHandler = false
      core.isInHook = before
      return this.#failed(error)
    }
    this.#isInHandler = false
    core.isInHook = before
    if (!isAsync) return this.#answered(envelope, answer)
    this.#watchSlice(scheduler)
    whenSettled(
      answer as PromiseLike<unknown>,
      (value) => {
        this.#answered(envelope, value)
        if (core.state === 'running') this.resume()
      },
      (error) => this.#failed(error),
    )
  }

  #answered(envelope: Envelope, answer: unknown): void {
    if (this.#core.state === 'dead') return
    this.#handled++
    this.#inHand = undefined
    envelope.call?.answer(answer)
    this.#core.messageDone()
  }

  #failed(error: unknown): void {
    const core = this.#core
    if (!core.isOwnStop(error)) return core.crash(error)
    // A handler that rethrows the reason of its signal has stopped as it was asked to; it did not crash.
    this.#inHand?.call?.reject(exitError(core.id, core.stopReason))
    this.#inHand = undefined
    core.messageDone()
  }

  #handleControl(envelope: Envelope, scheduler: Scheduler): void {
    const core = this.#core
    const { message, call } = envelope
    const failed = (error: unknown): void => {
      if (core.hasLazy && core.lazy.hasControlInHand) core.lazy.controlInHand.delete(envelope)
      // The stop ends this control message alone: the work message in hand may still finish within the grace.
      if (!core.isOwnStop(error)) core.crash(error)
      call?.reject(exitError(core.id, core.exitReason ?? core.stopReason))
    }
    const before = core.isInHook
    core.isInHook = true
    let answer: unknown
    let isAsync: boolean
    try {
      if (message instanceof ExitNotice) answer = core.actor.handleExit?.(message, core.context)
      else answer = core.actor.handleControl?.(message, core.context)
      isAsync = isThenable(answer)
    } catch (error) {
      core.isInHook = before
      return failed(error)
    }
    core.isInHook = before
    if (core.exitReason !== undefined) call?.reject(exitError(core.id, core.exitReason))
    if (!isAsync) return call?.answer(answer)
    const { controlInHand } = core.lazy
    controlInHand.add(envelope)
    this.#watchSlice(scheduler)
    whenSettled(
      answer as PromiseLike<unknown>,
      (value) => {
        controlInHand.delete(envelope)
        if (core.state !== 'dead') call?.answer(value)
      },
      failed,
    )
  }

  #watchSlice(scheduler: Scheduler): void {
    if (this.#isSliceWatched) return
    this.#isSliceWatched = true
    scheduler.afterSlice(this)
  }

  /** Calls that outlast a slice get a timer; most never do. */
  afterSlice(): void {
    this.#isSliceWatched = false
    const core = this.#core
    if (core.state === 'dead') return
    const watch = (envelope: Envelope): void => {
      if (hasDeadline(envelope)) core.deadlines.add(envelope.call)
    }
    if (this.#inHand !== undefined) watch(this.#inHand)
    this.#mailbox?.forEachNew(watch)
    if (core.hasLazy) core.lazy.deadlines?.arm()
  }

  /** Rejects every call that waits for a reply. */
  rejectAll(reason: ExitReason): void {
    if (this.#inHand?.call === undefined && !this.hasWaiting && !this.#core.hasLazy) return
    const reject = ({ call }: Envelope): void => {
      // Creating an error costs a stack trace, and most messages have no caller that waits.
      if (call?.isSettled === false) call.reject(exitError(this.#core.id, reason))
    }
    if (this.#inHand !== undefined) reject(this.#inHand)
    if (this.#core.hasLazy && this.#core.lazy.hasControlInHand) this.#core.lazy.controlInHand.forEach(reject)
    this.#mailbox?.forEach(reject)
  }

  /** Drops all messages; called when the actor has ended. */
  clear(): void {
    this.#mailbox = undefined
    this.#inHand = undefined
  }
}

function hasDeadline(envelope: Envelope): envelope is Envelope & { readonly call: PendingCall } {
  return envelope.call !== undefined && envelope.call.deadline !== Number.POSITIVE_INFINITY
}
