/** One-shot work under a roof: bounded in number, cancelled together, never restarted. */
import { Actor } from '../actor/actor.ts'
import { type ExitReason, normalExit, shutdownExit } from '../actor/exit-reason.ts'
import { exitError } from '../actor/failures.ts'
import { coreOf } from '../actor/inside.ts'
import { BeamClawError } from '../errors.ts'
import { aFunction, aSignal, checkOptions, duration, either, integer, text } from '../options.ts'
import type { TimerHandle } from '../ports/ambient.ts'
import { treeChildren } from './child.ts'
import { unboundedMailbox } from './supervisor-options.ts'
import type { TreeNode } from './tree-node.ts'

export interface TaskSupervisorOptions {
  /** 1 to 512 characters. @default a name made by its tree */
  readonly id?: string
  /** Tasks that may run at once; one more rejects `max-children`. @default no limit */
  readonly maxChildren?: number
}

export interface TaskOptions {
  /** Names the task in events and trees. @default a name made by its supervisor */
  readonly id?: string
  /** Cancels the task. */
  readonly signal?: AbortSignal
  /** Milliseconds until the task is cancelled and `run` rejects `task-timeout`. @default no limit */
  readonly timeoutMs?: number
}

/** What a task is handed. */
export interface TaskContext {
  /** Aborted when the task should end: its time is up, its caller lost interest, or its supervisor stops. */
  readonly signal: AbortSignal
}

interface RunningTask {
  readonly id: string
  readonly controller: AbortController
  readonly settled: Promise<unknown>
  readonly fail: (error: BeamClawError) => void
}

/** Runs functions as tasks. A task that throws rejects its own `run` and harms nobody else. */
export class TaskSupervisor extends Actor<never> {
  readonly #maxChildren: number
  readonly #tasks = new Set<RunningTask>()
  #started = 0

  constructor(options: TaskSupervisorOptions = {}) {
    super(unboundedMailbox('TaskSupervisor', options))
    checkOptions<TaskSupervisorOptions>('TaskSupervisor', options, { id: text(), maxChildren: integer(0) })
    this.#maxChildren = options.maxChildren ?? Number.MAX_SAFE_INTEGER
  }

  protected override handle(): void {}

  protected override async onStop(): Promise<void> {
    const tasks = [...this.#tasks]
    for (const task of tasks) task.controller.abort(exitError(task.id, shutdownExit))
    await Promise.allSettled(tasks.map((task) => task.settled))
  }

  /** @internal */
  onGone(): void {
    for (const task of this.#tasks) task.fail(exitError(task.id, { type: 'killed' }))
  }

  /** Runs `work` and answers with what it returns. Rejects with what it throws, or with `max-children`, `task-timeout`, `call-aborted`, `actor-killed`. */
  async run<TResult>(work: (task: TaskContext) => TResult | Promise<TResult>, options: TaskOptions = {}): Promise<TResult> {
    const infinite = (value: unknown): string | undefined => (value === Number.POSITIVE_INFINITY ? undefined : 'Infinity')
    checkOptions<TaskOptions>('TaskSupervisor.run', options, { id: text(), signal: aSignal, timeoutMs: either(duration(), infinite) })
    const expected = aFunction(work)
    if (expected !== undefined) throw new BeamClawError('invalid-option', `TaskSupervisor.run: the task must be ${expected}`)
    const { state } = this[coreOf]
    if (state !== 'running') throw new BeamClawError('actor-not-running', `TaskSupervisor "${this.id}" takes no tasks: it is ${state}`)
    if (this.#tasks.size >= this.#maxChildren) {
      const problem = `TaskSupervisor "${this.id}" runs ${this.#tasks.size} tasks, which is all it may run`
      throw new BeamClawError('max-children', problem, { details: { maxChildren: this.#maxChildren } })
    }
    return this.#begin(work, options)
  }

  #begin<TResult>(work: (task: TaskContext) => TResult | Promise<TResult>, options: TaskOptions): Promise<TResult> {
    const { telemetry, clock } = this[coreOf].runtime.ambient
    const id = options.id ?? `${this.id}/task-${++this.#started}`
    const controller = new AbortController()
    const { promise, resolve, reject } = Promise.withResolvers<TResult>()
    const cancel = (error: BeamClawError): void => {
      controller.abort(error)
      reject(error)
    }
    const abort = (): void => cancel(new BeamClawError('call-aborted', `Task "${id}" was aborted`, { cause: options.signal?.reason }))
    const timer = this.#timer(options.timeoutMs, clock.setTimer.bind(clock), () => cancel(timeUp(id, options.timeoutMs)))
    options.signal?.addEventListener('abort', abort, { once: true })
    const settled = Promise.resolve().then(() => {
      controller.signal.throwIfAborted()
      return work({ signal: controller.signal })
    })
    const task: RunningTask = { id, controller, settled, fail: cancel }
    const done = (reason: ExitReason): void => {
      timer?.cancel()
      options.signal?.removeEventListener('abort', abort)
      this.#tasks.delete(task)
      if (telemetry.wants('actor-exit')) telemetry.emit({ type: 'actor-exit', id, generation: 1, reason })
    }
    this.#tasks.add(task)
    if (telemetry.wants('actor-start')) telemetry.emit({ type: 'actor-start', id, generation: 1 })
    if (options.signal?.aborted === true) abort()
    settled.then(
      (value) => {
        done(normalExit)
        resolve(value)
      },
      (error) => {
        done(controller.signal.aborted ? shutdownExit : { type: 'crashed', cause: error })
        reject(error)
      },
    )
    return promise
  }

  #timer(
    timeoutMs: number | undefined,
    setTimer: (callback: () => void, delayMs: number) => TimerHandle,
    onTime: () => void,
  ): TimerHandle | undefined {
    return timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimer(onTime, timeoutMs)
  }

  /** Tasks that run now. */
  get size(): number {
    return this.#tasks.size
  }

  /** @internal */
  [treeChildren](): readonly TreeNode[] {
    return [...this.#tasks].map(({ id }) => ({ id, type: 'worker', state: 'running', restarts: 0, mailboxLength: 0 }))
  }
}

function timeUp(id: string, timeoutMs: number | undefined): BeamClawError {
  return new BeamClawError('task-timeout', `Task "${id}" did not finish within ${timeoutMs} ms`, { details: { id, timeoutMs } })
}
