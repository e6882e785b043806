/** Takes messages in and hands them to an actor's handlers: one at a time in the work lane, at once in the control lane. */
import type { BeamClawError } from '../errors.ts'
import { isThenable } from '../thenable.ts'
import type { ActorCore } from './actor-core.ts'
import { type CallOptions, type CastOptions, callDefaults, type Lane } from './actor-ref.ts'
import { Envelope } from './envelope.ts'
import { ExitNotice, type ExitReason } from './exit-reason.ts'
import {
  badTimeout,
  callAborted,
  callCycle,
  callTimeout,
  exitError,
  mailboxFull,
  messageTooLarge,
  notHandled,
  notRunning,
} from './failures.ts'
import { Mailbox } from './mailbox.ts'
import type { Runnable, Scheduler } from './scheduler.ts'

/** Messages one actor handles before others get their turn. */
const messagesPerTurn = 256

export class MessageLoop implements Runnable {
  readonly #core: ActorCore
  #mailbox: Mailbox | undefined
  #inHand: Envelope | undefined
  #isScheduled = false
  #isInHandler = false
  #handled = 0

  constructor(core: ActorCore) {
    this.#core = core
  }

  /** A message is being handled and awaits something. */
  get isBusy(): boolean {
    return this.#inHand !== undefined
  }

  /** Anything waits, in either lane. */
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

  call(message: unknown, options: CallOptions = callDefaults): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { timeoutMs = callDefaults.timeoutMs, lane = 'work', signal } = options
      if (!(timeoutMs >= 0)) return reject(badTimeout('call', timeoutMs))
      if (this.#isInHandler && lane === 'work') return reject(callCycle([this.#core.id, this.#core.id]))
      const now = timeoutMs === Number.POSITIVE_INFINITY ? 0 : this.#core.monotonic()
      const envelope = new Envelope(message, now + timeoutMs, resolve, reject)
      try {
        this.#accept(envelope, lane)
      } catch (error) {
        return reject(error)
      }
      if (signal !== undefined) this.#rejectOnAbort(envelope, signal)
    })
  }

  cast(message: unknown, options?: CastOptions): void {
    this.#accept(Envelope.cast(message), options?.lane ?? 'work')
  }

  #accept(envelope: Envelope, lane: Lane): void {
    const state = this.#core.state
    if (state === 'dead' || state === 'new' || (state === 'stopping' && lane === 'work')) throw notRunning(this.#core.id)
    this.#mailbox ??= new Mailbox()
    if (lane === 'control') {
      if (this.#core.actor.handleControl === undefined) throw notHandled(this.#core.id)
      this.#mailbox.offerControl(envelope)
      return this.resume()
    }
    if (!this.#mailbox.offer(envelope, this.#core.settings)) throw this.#overflow(this.#mailbox, envelope)
    if (state === 'running' && this.#inHand === undefined) return this.resume()
    if (state === 'passive') this.#core.activate()
    if (envelope.deadline !== Number.POSITIVE_INFINITY) this.#core.runtime.scheduler.afterSlice(this)
  }

  #overflow(mailbox: Mailbox, envelope: Envelope): BeamClawError {
    if (envelope.size > this.#core.settings.maxBytes) return messageTooLarge(this.#core.id, envelope.size, this.#core.settings.maxBytes)
    const now = this.#core.runtime.ambient.clock.monotonic()
    return mailboxFull(
      this.#core.id,
      mailbox.size,
      mailbox.bytes,
      this.#core.settings,
      this.#core.rare.retryAfterMs(now, this.#handled, mailbox.size),
    )
  }

  #rejectOnAbort(envelope: Envelope, signal: AbortSignal): void {
    const abort = (): void => envelope.reject(callAborted(this.#core.id, signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    envelope.onSettled(() => signal.removeEventListener('abort', abort))
  }

  /** Delivers the exit notice of an actor that this one watches. */
  deliver(notice: ExitNotice): void {
    this.#mailbox ??= new Mailbox()
    this.#mailbox.offerControl(Envelope.cast(notice))
    this.resume()
  }

  /** Takes a turn soon, if there may be something to do. */
  resume(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#core.runtime.scheduler.schedule(this)
  }

  takeTurn(scheduler: Scheduler): void {
    this.#isScheduled = false
    for (let handled = 1; this.#core.state !== 'dead'; handled++) {
      const control = this.#mailbox?.shiftControl()
      if (control !== undefined) {
        this.#handleControl(control)
      } else {
        if (this.#core.state !== 'running' || this.#inHand !== undefined) return
        const work = this.#mailbox?.shift()
        if (work === undefined) return this.#core.fallQuiet(scheduler)
        if (work.isSettled) continue
        if (work.deadline <= scheduler.recentTime) work.reject(callTimeout(this.#core.id))
        else this.#handle(work, scheduler)
      }
      if (handled >= messagesPerTurn || ((handled & 15) === 0 && scheduler.shouldYield())) return this.resume()
    }
  }

  #handle(envelope: Envelope, scheduler: Scheduler): void {
    this.#inHand = envelope
    this.#isInHandler = true
    let answer: unknown
    try {
      answer = this.#core.actor.handle(envelope.message, this.#core.context)
    } catch (error) {
      this.#isInHandler = false
      return this.#core.crash(error)
    }
    this.#isInHandler = false
    if (!isThenable(answer)) return this.#answered(envelope, answer)
    scheduler.afterSlice(this)
    answer.then(
      (value) => {
        this.#answered(envelope, value)
        if (this.#core.state === 'running') this.resume()
      },
      (error) => this.#core.crash(error),
    )
  }

  #answered(envelope: Envelope, answer: unknown): void {
    if (this.#core.state === 'dead') return
    this.#handled++
    this.#inHand = undefined
    envelope.answer(answer)
    this.#core.messageDone(this.#mailbox?.size ?? 0)
  }

  #handleControl(envelope: Envelope): void {
    const { message } = envelope
    let answer: unknown
    try {
      if (message instanceof ExitNotice) answer = this.#core.actor.handleExit?.(message, this.#core.context)
      else answer = this.#core.actor.handleControl?.(message, this.#core.context)
    } catch (error) {
      return this.#core.crash(error)
    }
    if (!isThenable(answer)) return envelope.answer(answer)
    const { controlInHand } = this.#core.rare
    controlInHand.add(envelope)
    this.#core.runtime.scheduler.afterSlice(this)
    answer.then(
      (value) => {
        controlInHand.delete(envelope)
        if (this.#core.state !== 'dead') envelope.answer(value)
      },
      (error) => this.#core.crash(error),
    )
  }

  afterSlice(): void {
    if (this.#core.state === 'dead') return
    const { clock } = this.#core.runtime.ambient
    this.#core.rare.armDeadlines(clock, this.#core.id, (visit) => this.#eachWaiting(visit))
  }

  #eachWaiting(visit: (envelope: Envelope) => void): void {
    if (this.#inHand !== undefined) visit(this.#inHand)
    if (this.#core.hasRare && this.#core.rare.hasControlInHand) this.#core.rare.controlInHand.forEach(visit)
    this.#mailbox?.forEach(visit)
  }

  /** Fails every caller that waits. */
  rejectAll(reason: ExitReason): void {
    if (this.#inHand?.isAwaited !== true && !this.hasWaiting && !this.#core.hasRare) return
    this.#eachWaiting((envelope) => {
      // Errors cost a stack trace each, and most messages have nobody waiting.
      if (envelope.isAwaited) envelope.reject(exitError(this.#core.id, reason))
    })
  }

  /** Lets go of everything; for an actor that has ended. */
  clear(): void {
    this.#mailbox = undefined
    this.#inHand = undefined
  }
}
