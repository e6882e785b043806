/** Task supervisors that are watched, and tasks and streams whose every part may fail, hang or end late. */
import { getEventListeners } from 'node:events'
import { type Random, type TaskContext, TaskSupervisor } from '@beamclaw/core'
import { integerBetween, pickOne } from '../../seeded-random.ts'
import { type AnyActor, Life } from './life.ts'
import type { NodePlan } from './node-plan.ts'
import { codeOf, type Pending, type PendingWorld, track } from './pending.ts'

const workOutcomes = ['return', 'resolve', 'slow', 'late', 'throw', 'reject', 'hang', 'obey', 'kill', 'stop'] as const
const sourceKinds = ['list', 'throws', 'slow', 'rejects', 'hangs'] as const

/** Longer than a simulation takes: a timer that is left is found at its end. */
const veryLongMs = 10_000_000

/** One task, as its caller knows it. */
interface KnownTask {
  readonly id: string
  readonly owner: Life
  /** No work of it may begin any more. */
  isCancelled: boolean
  /** Its work has settled. */
  isDone: boolean
  starts: number
  exits: number
}

/** What tasks need of the world. */
export interface TaskWorld extends PendingWorld {
  readonly chance: Random
  readonly mood: Random
  readonly tasks: TaskBook
  nextName(prefix: string): string
  mayGoWrong(percent: number): boolean
  wait(ms: number): Promise<void>
  microtasks(count?: number): Promise<void>
}

export class SimulatedTaskSupervisor extends TaskSupervisor {
  readonly life: Life
  readonly #world: TaskWorld

  constructor(world: TaskWorld, plan: NodePlan, parent: Life | undefined) {
    const id = world.nextName(`${plan.name}.`)
    const { maxChildren, maxWaiting, graceMs } = plan
    super({ id, maxChildren, maxWaiting, shutdownMs: graceMs })
    this.#world = world
    this.life = new Life(world, id, plan, parent, this as unknown as AnyActor)
  }

  protected override init(): void {
    this.monitor(({ reason }) => this.life.ended(reason))
    this.life.enter('init')
    this.life.leave('init')
  }

  protected override onStop(): Promise<void> {
    this.life.enter('onStop')
    this.#world.tasks.cancelAllOf(this.life)
    return super.onStop().then(() => this.life.leave('onStop'))
  }
}

/** All tasks of a simulation. */
export class TaskBook {
  readonly #world: TaskWorld
  readonly #tasks = new Map<string, KnownTask>()
  /** Functions that cancel a run or a stream under way; each must settle at once then. */
  readonly #cancels = new Set<() => void>()

  constructor(world: TaskWorld) {
    this.#world = world
  }

  /** Runs a task and watches it. */
  run(actor: SimulatedTaskSupervisor): void {
    const world = this.#world
    const { chance } = world
    const { life } = actor
    const id = world.nextName('t')
    const task: KnownTask = { id, owner: life, isCancelled: false, isDone: false, starts: 0, exits: 0 }
    this.#tasks.set(id, task)
    const outcome = pickOne(chance, workOutcomes)
    const timeoutMs = pickOne(chance, [undefined, undefined, 5, 80, veryLongMs])
    const abort = new AbortController()
    const work = (context: TaskContext): unknown => {
      if (task.isCancelled || life.isOver) world.trace.fail('A11', `${id} begins after it was cancelled`)
      return this.#work(task, outcome, context)
    }
    world.note(`run ${id} (${outcome}) under ${life.id} within ${timeoutMs}`)
    const { signal } = abort
    if (chance.next() < 0.1) abort.abort(new Error('too late'))
    task.isCancelled = signal.aborted
    const limits = timeoutMs === undefined ? {} : { timeoutMs }
    const promise = actor.run(work, { id, signal, ...limits })
    const pending = track(world, `run ${id}`, promise, timeoutMs === undefined ? Number.POSITIVE_INFINITY : world.now + timeoutMs, life)
    this.#whenCancelled(abort, pending, promise, () => {
      task.isCancelled = true
    })
    promise.catch((error: unknown) => {
      if (codeOf(error) !== 'invalid-option') task.isCancelled = true
    })
    if (actor.size > life.plan.maxChildren) world.trace.fail('A11', `${life.id} runs ${actor.size} tasks of ${life.plan.maxChildren}`)
    if (actor.waitingCount > life.plan.maxWaiting + this.#streamed(life)) world.trace.fail('A11', `${life.id} has too many waiting`)
  }

  /** Begins a stream and reads it, slowly and perhaps not to its end. */
  stream(actor: SimulatedTaskSupervisor): void {
    const world = this.#world
    const { chance } = world
    const { life } = actor
    const name = world.nextName('stream')
    const kind = pickOne(chance, sourceKinds)
    const abort = new AbortController()
    const timeoutMs = pickOne(chance, [undefined, undefined, 80, veryLongMs])
    const options = {
      maxConcurrency: integerBetween(chance, 1, 4),
      ordered: chance.next() < 0.5,
      signal: abort.signal,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    }
    world.note(`${name} of ${life.id} from a source that ${kind}`)
    let isOver = false
    const work = (_item: number, context: TaskContext): unknown => {
      if (isOver || life.isOver) world.trace.fail('A11', `a task of ${name} begins after its stream has ended`)
      return this.#work(undefined, pickOne(world.mood, workOutcomes), context, life)
    }
    const stream = actor.asyncStream(this.#source(kind), work, options)
    this.#streams.set(life, (this.#streams.get(life) ?? 0) + 1)
    const most = pickOne(chance, [1, 3, 100])
    const read = async (): Promise<void> => {
      try {
        for (let count = 0; count < most; count++) {
          const promise = stream.next()
          const pending = track(world, `item ${count} of ${name}`, promise, Number.POSITIVE_INFINITY, life)
          this.#whenCancelled(abort, pending, promise)
          if ((await promise).done === true) return
          if (world.mood.next() < 0.3) await world.wait(pickOne(world.mood, [1, 60]))
        }
        const returned = stream.return()
        // A source that is asked to return may take its time.
        track(world, `return of ${name}`, returned, world.now + 1_000)
        await returned
      } finally {
        isOver = true
        const left = getEventListeners(abort.signal, 'abort').length
        if (left > 0) world.trace.fail('A6', `${name} has ended and left ${left} listeners`)
      }
    }
    read().catch(() => {})
  }

  readonly #streams = new Map<Life, number>()

  /** Tasks of streams wait without counting. */
  #streamed(life: Life): number {
    return (this.#streams.get(life) ?? 0) * 4
  }

  /** A caller loses interest. */
  cancelOne(): void {
    const cancels = [...this.#cancels]
    if (cancels.length === 0) return
    this.#world.note('a caller aborts')
    pickOne(this.#world.chance, cancels)()
  }

  /** Called when a supervisor begins to stop: what has not begun never will. */
  cancelAllOf(life: Life): void {
    for (const task of this.#tasks.values()) if (task.owner === life) task.isCancelled = true
  }

  /** Counts an event; returns the life that a task belongs to, or undefined for what is no task of these. */
  event(type: 'actor-start' | 'actor-exit', id: string): Life | undefined {
    const task = this.#tasks.get(id) ?? this.#streamTask(id)
    if (task === undefined) return undefined
    if (type === 'actor-start') task.starts++
    else task.exits++
    if (task.starts > 1 || task.exits > 1) this.#world.trace.fail('A1', `the task ${id} has ${task.starts} starts, ${task.exits} exits`)
    return task.owner
  }

  /** Called when nothing has anything left to do but wait for time. */
  checkAtRest(): void {
    for (const { id, owner, isDone, starts, exits } of this.#tasks.values()) {
      if ((isDone || owner.isOver) && starts !== exits) this.#world.trace.fail('A1', `the task ${id} has ${starts} starts, ${exits} exits`)
    }
  }

  #streamTask(id: string): KnownTask | undefined {
    const [ownerId, rest] = id.split('/task-')
    const owner = this.#world.lives.find((life) => life.id === ownerId)
    if (rest === undefined || owner === undefined) return undefined
    const task: KnownTask = { id, owner, isCancelled: false, isDone: false, starts: 0, exits: 0 }
    this.#tasks.set(id, task)
    return task
  }

  /** From the abort on the promise is due; before and after, nothing of it stays with the signal. */
  #whenCancelled(abort: AbortController, pending: Pending, promise: Promise<unknown>, onCancel = (): void => {}): void {
    const world = this.#world
    const cancel = (): void => {
      onCancel()
      pending.deadline = Math.min(pending.deadline, world.now - 1)
      abort.abort(new Error('no interest'))
    }
    this.#cancels.add(cancel)
    const done = (): void => {
      this.#cancels.delete(cancel)
      const isStream = pending.what.startsWith('item')
      const left = getEventListeners(abort.signal, 'abort').length
      if (!isStream && left > 0) world.trace.fail('A6', `${pending.what} is done and has left ${left} listeners`)
    }
    promise.then(done, done)
  }

  #work(task: KnownTask | undefined, outcome: (typeof workOutcomes)[number], { signal }: TaskContext, life = task?.owner): unknown {
    const world = this.#world
    if (world.mayGoWrong(20)) {
      signal.addEventListener('abort', () => {
        throw new Error('an abort listener fails')
      })
    }
    const well = (): string => {
      if (task !== undefined) task.isDone = true
      return 'ok'
    }
    const badly = (): never => {
      well()
      throw new Error('the work fails')
    }
    switch (outcome) {
      case 'return':
        return well()
      case 'throw':
        return badly()
      case 'resolve':
        return world.microtasks(integerBetween(world.mood, 1, 5)).then(well)
      case 'slow':
        return world.wait(pickOne(world.mood, [1, 10, 60, 700])).then(well)
      case 'late':
        return world.wait(6_000).then(well)
      case 'reject':
        return world.microtasks(2).then(badly)
      case 'hang':
        return new Promise(() => {})
      case 'obey':
        return new Promise((_, reject) => {
          const leave = (): void => {
            well()
            reject(signal.reason as Error)
          }
          if (signal.aborted) leave()
          else signal.addEventListener('abort', leave, { once: true })
        })
      case 'kill':
        life?.allowKill()
        life?.actor?.kill()
        return well()
      case 'stop':
        life?.stopWithin(Number.POSITIVE_INFINITY)
        life?.actor?.stop().catch(() => {})
        return world.microtasks(2).then(well)
    }
  }

  #source(kind: (typeof sourceKinds)[number]): Iterable<number> | AsyncIterable<number> {
    const world = this.#world
    if (kind === 'list') return [1, 2, 3, 4, 5]
    if (kind === 'throws') {
      return (function* () {
        yield 1
        yield 2
        throw new Error('the source fails')
      })()
    }
    return (async function* () {
      try {
        for (let item = 1; item <= 4; item++) {
          if (kind === 'slow') await world.wait(pickOne(world.mood, [1, 60]))
          if (kind === 'rejects' && item === 3) throw new Error('the source fails')
          if (kind === 'hangs' && item === 3) await new Promise(() => {})
          yield item
        }
      } finally {
        await world.microtasks(2)
      }
    })()
  }
}
