/** Supervises one-shot tasks: bounded in number, cancelled together, never restarted. */
import { Actor } from '../actor/actor.ts'
import { exitError } from '../actor/failures.ts'
import { coreOf, onGone, stopLimitMs } from '../actor/internals.ts'
import { BeamClawError } from '../base/errors.ts'
import { type ExitReason, killedExit, shutdownExit } from '../base/exit-reason.ts'
import {
  aBoolean,
  aFunction,
  aSignal,
  checkOptions,
  describeValue,
  duration,
  either,
  integer,
  type OptionRule,
  oneOf,
  text,
} from '../base/options.ts'
import type { TimerHandle } from '../ports/services.ts'
import { ownGrace, treeChildren } from './supervised.ts'
import { unboundedMailbox } from './supervisor-options.ts'
import { Task, type TaskContext, type TaskOptions, type TaskWork } from './task.ts'
import { type StreamEnding, streamTasks, type TaskStreamOptions, taskStreamDefaults } from './task-stream.ts'
import type { TreeNode } from './tree-node.ts'

/** Options of a `TaskSupervisor`. */
export interface TaskSupervisorOptions {
  /** 1 to 512 characters. @default a name made by its tree */
  readonly id?: string
  /** Tasks that may run at once. @default no limit */
  readonly maxChildren?: number
  /** Tasks that may queue, first in, first out; one more rejects `max-children`. @default 0 */
  readonly maxWaiting?: number
  /** Milliseconds that tasks have to end after a stop; those that are left are abandoned. `'infinity'` waits. @default 5000 */
  readonly shutdownMs?: number | 'infinity'
}

/** Defaults for `TaskSupervisorOptions`. */
const taskSupervisorDefaults = {
  maxChildren: Number.MAX_SAFE_INTEGER,
  maxWaiting: 0,
  shutdownMs: 5_000,
} as const satisfies TaskSupervisorOptions

const infinite: OptionRule = (value) => (value === Number.POSITIVE_INFINITY ? undefined : 'Infinity')

const taskRules = { id: text(), signal: aSignal, timeoutMs: either(duration(), infinite) }

/**
 * Runs functions as tasks. A task that throws rejects its own `run` and affects no other task. The constructor throws `invalid-option`.
 *
 * Phases: those of an actor. Owns the tasks and the streams until they end.
 * - I1: a task is in `#running` from the call of its work until that settles or is abandoned; then the next waiting one begins.
 * - I2: a task waits only while `#running` is full.
 * - I3: after the end of this supervisor the sets are empty, every promise of `run` has settled, and every stream has rejected.
 *
 * @example
 * await using tasks = await new TaskSupervisor({ maxChildren: 8 }).start()
 * const page = await tasks.run(({ signal }) => fetch(url, { signal }))
 */
export class TaskSupervisor extends Actor<never> {
  readonly #options: Required<Omit<TaskSupervisorOptions, 'id'>>
  readonly #running = new Set<Task>()
  readonly #waiting = new Set<Task>()
  readonly #streams = new Set<AbortController>()
  #started = 0

  constructor(options: TaskSupervisorOptions = {}) {
    super(unboundedMailbox('TaskSupervisor', options))
    checkOptions<TaskSupervisorOptions>('TaskSupervisor', options, {
      id: text(),
      maxChildren: integer(0),
      maxWaiting: integer(0),
      shutdownMs: either(duration(), oneOf('infinity')),
    })
    this.#options = {
      maxChildren: options.maxChildren ?? taskSupervisorDefaults.maxChildren,
      maxWaiting: options.maxWaiting ?? taskSupervisorDefaults.maxWaiting,
      shutdownMs: options.shutdownMs ?? taskSupervisorDefaults.shutdownMs,
    }
  }

  protected override handle(): void {}

  protected override async onStop(): Promise<void> {
    this.#endStreams(shutdownExit)
    for (const task of this.#waiting) task.tell(exitError(task.id, shutdownExit))
    this.#waiting.clear()
    for (const task of this.#running) task.tell(exitError(task.id, shutdownExit))
    const { shutdownMs } = this.#options
    const graceOver = Promise.withResolvers<void>()
    let timer: TimerHandle | undefined
    if (shutdownMs !== 'infinity') timer = this[coreOf].runtime.services.clock.setTimer(graceOver.resolve, shutdownMs)
    await Promise.race([Promise.all([...this.#running].map((task) => task.ended)), graceOver.promise])
    timer?.cancel()
    this[onGone]()
  }

  /** @internal */
  [onGone](): void {
    this.#endStreams(killedExit)
    for (const task of [...this.#waiting, ...this.#running]) task.abandon(exitError(task.id, killedExit))
    this.#waiting.clear()
    this.#running.clear()
  }

  #endStreams(reason: ExitReason): void {
    for (const ending of this.#streams) ending.abort(exitError(this.id, reason))
    this.#streams.clear()
  }

  /** @internal `shutdownMs` limits a stop, task by task. */
  override get [stopLimitMs](): number {
    return Number.POSITIVE_INFINITY
  }

  /**
   * Runs `work` and resolves with what it returns. Rejects with what it throws, or with `max-children`, `task-timeout`, `call-aborted`,
   * `actor-stopped`, `actor-killed`, `actor-not-running` or `invalid-option`.
   *
   * @example
   * const page = await tasks.run(({ signal }) => fetch(url, { signal }), { timeoutMs: 10_000 })
   */
  async run<TResult>(work: TaskWork<TResult>, options: TaskOptions = {}): Promise<TResult> {
    checkOptions<TaskOptions>('TaskSupervisor.run', options, taskRules)
    checkWork('run', work)
    return this.#take(work, options, this.#options.maxWaiting)
  }

  /**
   * Runs `work` for each item, at most `maxConcurrency` at a time, and yields what it returns, in the order of the items. The first task that
   * fails ends the stream with its error. However the stream ends, the remaining tasks are cancelled. Tasks queue for a place among
   * `maxChildren` without counting towards `maxWaiting`. Throws `invalid-option`.
   *
   * @example
   * for await (const size of tasks.asyncStream(urls, (url, { signal }) => download(url, signal), { maxConcurrency: 4 })) total += size
   */
  asyncStream<TItem, TResult>(
    items: Iterable<TItem> | AsyncIterable<TItem>,
    work: (item: TItem, task: TaskContext) => TResult | Promise<TResult>,
    options: TaskStreamOptions = {},
  ): AsyncGenerator<Awaited<TResult>, void, undefined> {
    checkOptions<TaskStreamOptions>('TaskSupervisor.asyncStream', options, {
      maxConcurrency: integer(1),
      ordered: aBoolean,
      timeoutMs: either(duration(), infinite),
      signal: aSignal,
    })
    checkWork('asyncStream', work)
    checkItems(items)
    const { timeoutMs, signal: callerSignal } = options
    const { maxConcurrency = taskStreamDefaults.maxConcurrency, ordered = taskStreamDefaults.ordered } = options
    const run = (oneWork: TaskWork<TResult>, signal: AbortSignal): Promise<TResult> =>
      this.#take(oneWork, timeoutMs === undefined ? { signal } : { signal, timeoutMs }, Number.POSITIVE_INFINITY)
    const open = (): StreamEnding => this.#openStream(callerSignal)
    return streamTasks(items, (item, signal) => work(item, { signal }), run, { maxConcurrency, ordered, open })
  }

  #openStream(callerSignal: AbortSignal | undefined): StreamEnding {
    const ending = new AbortController()
    const { state } = this[coreOf]
    if (state !== 'running') ending.abort(notTaking(this.id, state))
    const abort = (): void =>
      ending.abort(new BeamClawError('call-aborted', `A stream of "${this.id}" was aborted`, { cause: callerSignal?.reason }))
    callerSignal?.addEventListener('abort', abort, { once: true })
    if (callerSignal?.aborted === true) abort()
    this.#streams.add(ending)
    const close = (): void => {
      callerSignal?.removeEventListener('abort', abort)
      this.#streams.delete(ending)
    }
    return { signal: ending.signal, close }
  }

  async #take<TResult>(work: TaskWork<TResult>, options: TaskOptions, maxWaiting: number): Promise<TResult> {
    const { state, runtime } = this[coreOf]
    if (state !== 'running') throw notTaking(this.id, state)
    const isFull = this.#running.size >= this.#options.maxChildren
    if (isFull && this.#waiting.size >= maxWaiting) throw this.#refusal()
    const id = options.id ?? `${this.id}/task-${++this.#started}`
    const task: Task = new Task(id, work, options, runtime.services, (reason) => this.#ended(task, reason))
    if (isFull) this.#wait(task)
    else if (task.isWaiting) this.#begin(task)
    return task.answer as Promise<TResult>
  }

  #refusal(): BeamClawError {
    const { maxChildren, maxWaiting } = this.#options
    const waiting = maxWaiting === 0 ? '' : ` and ${this.#waiting.size} wait`
    const problem = `TaskSupervisor "${this.id}" is full: ${this.#running.size} tasks run${waiting}; try again when one is done, or raise the limits`
    return new BeamClawError('max-children', problem, { details: { maxChildren, maxWaiting } })
  }

  #wait(task: Task): void {
    if (!task.isWaiting) return
    this.#waiting.add(task)
    // A task that is cancelled while it waits leaves the queue.
    const leave = (): void => void this.#waiting.delete(task)
    task.ended.then(leave, leave)
  }

  #begin(task: Task): void {
    this.#running.add(task)
    task.begin()
    const { telemetry } = this[coreOf].runtime.services
    if (telemetry.wants('actor-start')) telemetry.emit({ type: 'actor-start', id: task.id, generation: 1 })
  }

  #ended(task: Task, reason: ExitReason): void {
    this.#running.delete(task)
    if (this[coreOf].state === 'running') this.#beginWaiting()
    const { telemetry } = this[coreOf].runtime.services
    if (telemetry.wants('actor-exit')) telemetry.emit({ type: 'actor-exit', id: task.id, generation: 1, reason })
  }

  #beginWaiting(): void {
    for (const task of this.#waiting) {
      if (this.#running.size >= this.#options.maxChildren) return
      this.#waiting.delete(task)
      if (task.isWaiting) this.#begin(task)
    }
  }

  /** The number of tasks that run. */
  get size(): number {
    return this.#running.size
  }

  /** The number of tasks in the queue. */
  get waitingCount(): number {
    return this.#waiting.size
  }

  /** @internal */
  get [ownGrace](): true {
    return true
  }

  /** @internal */
  [treeChildren](): readonly TreeNode[] {
    return [...this.#running].map(({ id }) => ({ id, type: 'worker', state: 'running', restarts: 0, mailboxLength: 0 }))
  }
}

function notTaking(id: string, state: string): BeamClawError {
  return new BeamClawError('actor-not-running', `TaskSupervisor "${id}" takes no tasks: it is ${state}`)
}

function checkWork(method: string, work: unknown): void {
  const expected = aFunction(work)
  if (expected === undefined) return
  throw new BeamClawError('invalid-option', `TaskSupervisor.${method}: the task must be ${expected}, received ${describeValue(work)}`)
}

function checkItems(items: unknown): void {
  const isIterable =
    typeof items === 'string' ||
    (typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items))
  if (isIterable) return
  const problem = `TaskSupervisor.asyncStream: the items must be iterable, received ${describeValue(items)}`
  throw new BeamClawError('invalid-option', problem)
}
