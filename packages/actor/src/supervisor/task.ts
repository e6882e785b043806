/** One task under a task supervisor. */
import { guardedAbortController } from '../base/abort.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import { type ExitReason, normalExit, shutdownExit } from '../base/exit-reason.ts'
import type { Clock, Logger, TimerHandle } from '../ports/services.ts'

/** Options of one task. */
export interface TaskOptions {
  /** Names the task in events and trees. @default a name made by its supervisor */
  readonly id?: string
  /** Cancels the task. */
  readonly signal?: AbortSignal
  /** Milliseconds, time in the queue included, until the task is cancelled and `run` rejects `task-timeout`. @default no limit */
  readonly timeoutMs?: number
}

/** What the work of a task gets. */
export interface TaskContext {
  /** Aborted when the task should end: it timed out, its caller aborted it, or its supervisor stops. */
  readonly signal: AbortSignal
}

interface TaskServices {
  readonly clock: Clock
  readonly logger: Logger
}

/** The work of a task: a value, or a promise of one. */
export type TaskWork<TResult> = (task: TaskContext) => TResult | Promise<TResult>

/**
 * Phases: `waiting → running → ended`, or `waiting → ended` for a task that is cancelled while it is queued.
 * Owns the controller of its work, its timer and its listener on the caller's signal. The task supervisor owns the task.
 *
 * - I1: `work` is called at most once, and never after the task was cancelled.
 * - I2: the caller's promise settles once; from then on the task holds neither a timer nor a listener on the caller's signal.
 * - I3: `onEnd` is called once, after `work` settled or the task was abandoned, and only for a task that ran.
 */
export class Task {
  readonly id: string
  readonly #work: TaskWork<unknown>
  readonly #callerSignal: AbortSignal | undefined
  readonly #controller: AbortController
  readonly #answer = Promise.withResolvers<unknown>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #onEnd: (reason: ExitReason) => void
  readonly #timer: TimerHandle | undefined
  #phase: 'waiting' | 'running' | 'ended' = 'waiting'

  constructor(
    id: string,
    work: TaskWork<unknown>,
    options: TaskOptions,
    { clock, logger }: TaskServices,
    onEnd: (reason: ExitReason) => void,
  ) {
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options
    this.id = id
    this.#work = work
    this.#callerSignal = signal
    this.#onEnd = onEnd
    this.#controller = guardedAbortController((error) =>
      logger.log('error', 'task.abort-listener-failed', { id, error: describeError(error) }),
    )
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.#timer = clock.setTimer(() => this.cancel(timeUp(id, timeoutMs)), timeoutMs)
    signal?.addEventListener('abort', this.#abortedByCaller, { once: true })
    if (signal?.aborted === true) this.#abortedByCaller()
  }

  /** The promise that the caller gets. */
  get answer(): Promise<unknown> {
    return this.#answer.promise
  }

  /** Resolves once the work has settled or was abandoned. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting'
  }

  /** Begins the work asynchronously, not inside this call. */
  begin(): void {
    this.#phase = 'running'
    const settled = Promise.resolve().then(() => {
      this.#controller.signal.throwIfAborted()
      return this.#work({ signal: this.#controller.signal })
    })
    settled.then(
      (value) => {
        this.#release()
        this.#end(normalExit)
        this.#answer.resolve(value)
      },
      (error) => {
        this.#release()
        this.#end(this.#controller.signal.aborted ? shutdownExit : { type: 'crashed', cause: error })
        this.#answer.reject(error)
      },
    )
  }

  /** Aborts the signal of the work and rejects the caller at once. A task that has not begun never begins. */
  cancel(error: BeamClawError): void {
    this.#release()
    this.tell(error)
    this.#answer.reject(error)
  }

  /** Aborts the signal of the work; once the work has begun, its own outcome settles the caller's promise. */
  tell(error: BeamClawError): void {
    this.#controller.abort(error)
    if (this.#phase === 'running') return
    this.#release()
    this.#answer.reject(error)
    this.#phase = 'ended'
    this.#ended.resolve()
  }

  /** Stops waiting for work that does not end; its later outcome is ignored. */
  abandon(error: BeamClawError): void {
    this.cancel(error)
    this.#end({ type: 'killed' })
  }

  #end(reason: ExitReason): void {
    if (this.#phase === 'ended') return
    this.#phase = 'ended'
    this.#ended.resolve()
    this.#onEnd(reason)
  }

  #release(): void {
    this.#timer?.cancel()
    this.#callerSignal?.removeEventListener('abort', this.#abortedByCaller)
  }

  readonly #abortedByCaller = (): void =>
    this.cancel(new BeamClawError('call-aborted', `Task "${this.id}" was aborted`, { cause: this.#callerSignal?.reason }))
}

function timeUp(id: string, timeoutMs: number): BeamClawError {
  return new BeamClawError('task-timeout', `Task "${id}" did not finish within ${timeoutMs} ms`, { details: { id, timeoutMs } })
}
