/** Ends one call at the first of: the caller's abort, its total deadline, the deadline of its current stage. */
import { BeamClawError, type Clock, type TimerHandle } from '@beamclaw/core'
import { abortedError } from '@beamclaw/core/adapter'

/** The stages of a call that have a deadline of their own. */
export type Stage = 'connect' | 'first-byte' | 'idle'

/** Milliseconds for each deadline. */
export interface DeadlineLimits {
  readonly connectTimeoutMs: number
  readonly firstByteTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly totalTimeoutMs: number
}

const stageTexts = {
  connect: 'no connection',
  'first-byte': 'no first byte',
  idle: 'no further data',
  total: 'no complete answer',
} as const satisfies Record<Stage | 'total', string>

/**
 * The deadlines of one call. Call `end` when the call is over.
 *
 * Phases: `open → failed | ended`. Owns the timer and the listener on the caller's signal.
 * I1: The first failure is kept, and later ones are ignored.
 * I2: After a failure or `end` neither the timer nor the listener is left.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #limits: DeadlineLimits
  readonly #name: string
  readonly #callerSignal: AbortSignal
  #stage: Stage = 'connect'
  // When the deadlines pass, by the monotonic clock.
  #stageDueAt = Number.POSITIVE_INFINITY
  #totalDueAt: number
  #totalLimitMs: number
  // One timer for both: it may fire early and is then set again, because stages change with every chunk of an answer.
  #timer: TimerHandle | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #isToArm = false
  #isOver = false
  #failure: BeamClawError | undefined
  #free: (() => void) | undefined
  #interrupt: ((error: BeamClawError) => void) | undefined
  readonly #onAbort = () => this.fail(abortedError(this.#callerSignal))

  constructor(name: string, clock: Clock, limits: DeadlineLimits, callerSignal: AbortSignal) {
    this.#name = name
    this.#clock = clock
    this.#limits = limits
    this.#callerSignal = callerSignal
    this.#totalLimitMs = limits.totalTimeoutMs
    this.#totalDueAt = clock.monotonic() + limits.totalTimeoutMs
    callerSignal.addEventListener('abort', this.#onAbort, { once: true })
    if (callerSignal.aborted) this.#onAbort()
  }

  /** True once the call has ended, for any reason. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Registers a callback for the end of the call. */
  whenOver(free: () => void): void {
    this.#free = free
    if (this.#isOver) free()
  }

  /** The error that ended the call; undefined without one. */
  get failure(): BeamClawError | undefined {
    return this.#failure
  }

  /** Starts the deadline of a stage; the previous stage's deadline is off. */
  enter(stage: Stage): void {
    if (this.#isOver) return
    this.#stage = stage
    this.#stageDueAt = this.#clock.monotonic() + this.#limitOf(stage)
    this.#arm()
  }

  /** Replaces the total deadline by an earlier one, because the rest of the answer is optional. */
  endWithin(limitMs: number): void {
    const dueAt = this.#clock.monotonic() + limitMs
    if (dueAt >= this.#totalDueAt || this.#isOver) return
    this.#totalLimitMs = limitMs
    this.#totalDueAt = dueAt
    if (this.#isToArm) return
    this.#isToArm = true
    // The rest of most answers is in the chunk that is being read: they end without a timer.
    queueMicrotask(() => {
      this.#isToArm = false
      this.#arm()
    })
  }

  /** Disables the stage's deadline: the service is not responsible for the present delay. */
  pause(): void {
    this.#stageDueAt = Number.POSITIVE_INFINITY
  }

  /** Settles like `promise`, or rejects as soon as the call is ended. One at a time. */
  race<T>(promise: Promise<T>): Promise<T> {
    const failure = this.#failure
    if (failure !== undefined) {
      promise.catch(() => undefined)
      return Promise.reject(failure)
    }
    return new Promise<T>((resolve, reject) => {
      this.#interrupt = reject
      promise.then(resolve, reject)
    })
  }

  /** Calls `interrupt` with the error that ends the call, at once when it has ended. Replaces the one before. */
  interrupts(interrupt: (error: BeamClawError) => void): void {
    this.#interrupt = interrupt
    if (this.#failure !== undefined) interrupt(this.#failure)
  }

  /** Ends the call with `error`. */
  fail(error: BeamClawError): void {
    if (this.#isOver) return
    this.#failure = error
    this.end()
    this.#interrupt?.(error)
  }

  /** Releases timers, listener and connection. Idempotent. */
  end(): void {
    this.complete()
    if (this.#isOver) return
    this.#isOver = true
    this.#free?.()
  }

  /** Releases timers and listener. For a call whose answer was read to its end, which has released the connection. */
  complete(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.NEGATIVE_INFINITY
    this.#callerSignal.removeEventListener('abort', this.#onAbort)
  }

  #limitOf(stage: Stage): number {
    const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs } = this.#limits
    return stage === 'connect' ? connectTimeoutMs : stage === 'first-byte' ? firstByteTimeoutMs : idleTimeoutMs
  }

  #arm(): void {
    const dueAt = Math.min(this.#stageDueAt, this.#totalDueAt)
    if (this.#timerAt <= dueAt) return
    this.#timer?.cancel()
    this.#timerAt = dueAt
    const waitMs = Math.max(0, Math.ceil(dueAt - this.#clock.monotonic()))
    this.#timer = this.#clock.setTimer(() => this.#check(), waitMs, true)
  }

  #check(): void {
    const now = this.#clock.monotonic()
    if (now >= this.#totalDueAt) return this.#expire('total', this.#totalLimitMs)
    if (now >= this.#stageDueAt) return this.#expire(this.#stage, this.#limitOf(this.#stage))
    this.#timerAt = Number.POSITIVE_INFINITY
    this.#arm()
  }

  #expire(deadline: Stage | 'total', limitMs: number): void {
    this.fail(
      new BeamClawError('provider-timeout', `${this.#name}: ${stageTexts[deadline]} within ${limitMs} ms`, {
        details: { deadline, limitMs },
      }),
    )
  }
}
