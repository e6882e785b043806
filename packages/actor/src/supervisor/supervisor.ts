/**
 * Supervises a fixed list of children: starts them in order, restarts them by a strategy, and stops them in reverse order.
 *
 * Phases: those of an actor. Its mailbox holds steps, each of which may be asynchronous: starts, restarts, terminations.
 * Owns its children: each stays in the map until none of its incarnations is alive, so that a kill reaches them all.
 * I1: Steps run one after the other. Steps that the supervisor sends itself are dropped once it was told to stop, and never throw.
 * I2: A step that waited checks the turn of its child before it acts, so that a stale timer or exit notice has no effect.
 * I3: Each restart, and each retry of a failed restart, counts once towards `maxRestarts`.
 */
import { Actor } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { coreOf, IGNORE, onGone, startLimitMs, stopLimitMs } from '../actor/internals.ts'
import { NamedRef, type RefOf } from '../actor/named-ref.ts'
import { BeamClawError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import { inOrder } from '../base/for-each-in-order.ts'
import { isThenable } from '../base/thenable.ts'
import { Child } from './child.ts'
import { childError } from './child-failures.ts'
import { countOf, infosOf, supervisorNode } from './child-nodes.ts'
import type { ChildActor, ChildId, ChildSpec } from './child-spec.ts'
import { findChild, findStoppedChild } from './find-child.ts'
import { shouldRestart } from './restart-policy.ts'
import { RestartSchedule } from './restart-schedule.ts'
import { affectedBy } from './restart-strategy.ts'
import { type AnyActor, ownGrace, type Started, treeChildren } from './supervised.ts'
import {
  readSupervisedSpec,
  type SupervisorOptions,
  type SupervisorSettings,
  supervisorSettings,
  unboundedMailbox,
} from './supervisor-options.ts'
import { refusing, type Step } from './supervisor-task.ts'
import type { ChildCounts, ChildInfo, TreeNode } from './tree-node.ts'

declare const childSpecs: unique symbol

/**
 * The types of a supervisor's children. `child` and `ref` infer from this interface and not from the class, so that a supervisor of particular
 * children is assignable to `Supervisor`.
 */
interface Knows<TChildren extends readonly ChildSpec[]> {
  readonly [childSpecs]?: TChildren
}

/**
 * Supervises a fixed list of children, restarted by a strategy. `start()` resolves when all are running; when a child fails to start, it stops
 * the children before it and rejects with `ChildStartError`. More than `maxRestarts` within `withinMs` ends the supervisor with `shutdown`.
 * `TChildren` is inferred, so that `child` and `ref` return the actor type of each id. The constructor throws `invalid-option`,
 * `duplicate-child-id` or the `child-spec-…` code of a wrong field.
 *
 * @example
 * await using supervisor = await new Supervisor({ children: [{ id: 'counter', start: () => new Counter() }] }).start()
 * const count = await supervisor.ref('counter').call('increment')
 */
export class Supervisor<const TChildren extends readonly ChildSpec[] = readonly ChildSpec[]> extends Actor<Step> {
  /** Exists only as a type. */
  declare readonly [childSpecs]?: TChildren
  readonly #settings: Omit<SupervisorSettings, 'children'>
  readonly #children = new Map<string, Child>()
  readonly #schedule: RestartSchedule

  constructor(options: SupervisorOptions<TChildren> = {}) {
    super(unboundedMailbox('Supervisor', options))
    const { children, ...settings } = supervisorSettings(options)
    this.#settings = settings
    for (const spec of children) {
      if (this.#children.has(spec.id)) {
        throw new BeamClawError('duplicate-child-id', `Supervisor: two children are called "${spec.id}"`, { details: { id: spec.id } })
      }
      this.#children.set(spec.id, new Child(this, spec))
    }
    this.#schedule = new RestartSchedule(settings, settings.backoff)
  }

  protected override init(): void | Promise<void> {
    const unwind = (error: unknown): never | Promise<never> => {
      const stopped = this.#stopAll()
      if (isThenable(stopped)) return stopped.then(() => Promise.reject(error))
      throw error
    }
    try {
      const started = inOrder(this.#children.values(), (child) => this.#startNew(child))
      if (isThenable(started)) return started.then(undefined, unwind)
    } catch (error) {
      return unwind(error)
    }
  }

  protected override handle(step: Step, context: ActorContext<Step>): unknown {
    return step(context)
  }

  protected override onStop(): void | Promise<void> {
    return this.#stopAll()
  }

  /** @internal */
  [onGone](): void {
    for (const child of [...this.#children.values()].reverse()) child.kill()
  }

  /** @internal */
  override get [startLimitMs](): number {
    return Number.POSITIVE_INFINITY
  }

  /** @internal The children have their own grace. */
  override get [stopLimitMs](): number {
    return Number.POSITIVE_INFINITY
  }

  /**
   * Adds a child and starts it; resolves with its actor, or with `IGNORE`. Rejects `child-already-started`, `child-already-present` (a
   * stopped child has this id), `child-start-failed` or a `child-spec-…` code; the child is not added then.
   */
  async startChild<TActor extends AnyActor>(given: ChildSpec<TActor>): Promise<TActor | typeof IGNORE> {
    const spec: ChildSpec = readSupervisedSpec(given, this.#settings)
    return (await this.#ask(() => {
      const present = this.#children.get(spec.id)
      if (present?.state === 'running') throw childError('child-already-started', spec.id, 'runs already')
      if (present !== undefined) throw childError('child-already-present', spec.id, 'is present but not running; restart or delete it')
      const child = new Child(this, spec)
      this.#children.set(spec.id, child)
      const remove = (error: unknown): never => {
        this.#children.delete(spec.id)
        throw error
      }
      try {
        const started = this.#startNew(child)
        return isThenable(started) ? started.then(undefined, remove) : started
      } catch (error) {
        return remove(error)
      }
    })) as TActor | typeof IGNORE
  }

  /** Stops a child within its grace, and removes a temporary one. Does nothing for a stopped child. Rejects `child-not-found`. */
  async terminateChild(id: string): Promise<void> {
    await this.#ask(() => this.#stopChild(findChild(this.#children, id)))
  }

  /** Starts a stopped child. Rejects `child-not-found`, `child-running`, `child-restarting` or `child-start-failed`. */
  restartChild(id: string): Promise<Actor<never, unknown> | typeof IGNORE> {
    return this.#ask(() => this.#startNew(findStoppedChild(this.#children, id))) as Promise<Actor<never, unknown> | typeof IGNORE>
  }

  /** Removes a stopped child. Rejects `child-not-found`, `child-running` or `child-restarting`. */
  async deleteChild(id: string): Promise<void> {
    await this.#ask(() => {
      findStoppedChild(this.#children, id)
      this.#children.delete(id)
    })
  }

  /** Returns all children, in start order. */
  whichChildren(): ChildInfo[] {
    return infosOf(this.#children.values())
  }

  countChildren(): ChildCounts {
    return countOf(this.#children.values())
  }

  /**
   * Returns the present incarnation of a child; undefined while it does not run. A restart makes a new one: use `ref` to follow restarts.
   *
   * @example
   * supervisor.child('counter')?.generation
   */
  child<TKnown extends readonly ChildSpec[], TId extends ChildId<TKnown>>(this: Knows<TKnown>, id: TId): ChildActor<TKnown, TId> | undefined
  child<TActor extends AnyActor>(id: string): TActor | undefined
  child(id: string): AnyActor | undefined {
    const actor = this.#children.get(id)?.actor
    return actor?.isAlive === true ? actor : undefined
  }

  /**
   * Returns a reference to a child by its id, which stays valid over restarts: each call, cast and monitor goes to the incarnation of that time.
   * While none runs, `call` rejects and `cast` throws `actor-not-running` at once. Throws `child-not-found` for an unknown id. For a child that
   * `startChild` added, pass its type as the type argument.
   *
   * @example
   * const counter = supervisor.ref('counter')
   * const added = supervisor.ref<Counter>('added-later')
   */
  ref<TKnown extends readonly ChildSpec[], TId extends ChildId<TKnown>>(this: Knows<TKnown>, id: TId): RefOf<ChildActor<TKnown, TId>>
  ref<TActor extends AnyActor>(id: string): RefOf<TActor>
  ref(id: string): unknown {
    findChild(this.#children, id)
    return new NamedRef(id, () => this.child<AnyActor>(id))
  }

  /** Returns this supervisor and everything below it. */
  tree(): TreeNode {
    return supervisorNode(this, this[treeChildren]())
  }

  /** @internal */
  get [ownGrace](): true {
    return true
  }

  /** @internal */
  [treeChildren](): readonly TreeNode[] {
    return [...this.#children.values()].map((child) => child.toTree())
  }

  /** @internal */
  childEnded(child: Child, reason: ExitReason): void {
    const { actor } = child
    this.#later(() => (child.isStill(actor) ? this.#ended(child, reason) : undefined))
  }

  /** Queues a step behind those that wait. While the supervisor stops, the step is dropped: every child is stopped anyway. */
  #later(step: Step): void {
    if (this[coreOf].isGoingOn) this.cast(step)
  }

  #ended(child: Child, reason: ExitReason): void | Promise<void> {
    if (shouldRestart(child.restart, reason)) return this.#restart(child, reason)
    child.forget()
    if (child.restart === 'temporary') this.#children.delete(child.id)
    this.#endWithSignificant(child)
  }

  #endWithSignificant(ended: Child): void {
    const { autoShutdown } = this.#settings
    if (!ended.isSignificant || autoShutdown === 'never') return
    const others = [...this.#children.values()].some((child) => child.isSignificant && child.state !== 'stopped')
    if (autoShutdown === 'allSignificant' && others) return
    this[coreOf].stopAfterMessage(shutdownExit)
  }

  #restart(child: Child, reason: ExitReason): void | Promise<void> {
    const { services } = this[coreOf].runtime
    const delayOrEnd = this.#schedule.next(services, this.id, child.id, reason)
    if (typeof delayOrEnd !== 'number') {
      this.#children.delete(child.id)
      return this[coreOf].stopAfterMessage(delayOrEnd)
    }
    const turn = child.awaitRestart()
    if (delayOrEnd === 0) return this.#restartNow(child, reason)
    const restart = (): void => this.#later(() => (child.isIn(turn) ? this.#restartNow(child, reason) : undefined))
    child.restartAfter(delayOrEnd, services.clock, restart)
  }

  #restartNow(child: Child, reason: ExitReason): void | Promise<void> {
    const { telemetry } = this[coreOf].runtime.services
    telemetry.emit({ type: 'actor-restart', id: child.id, supervisorId: this.id, generation: child.nextGeneration, reason })
    const stopped = inOrder(affectedBy(child, this.#children, this.#settings.strategy).reverse(), (affected) => this.#stopChild(affected))
    return isThenable(stopped) ? stopped.then(() => this.#startAgain(child)) : this.#startAgain(child)
  }

  /** Stops a child; a temporary one is removed once it has ended. */
  #stopChild(child: Child): void | Promise<void> {
    const stopped = child.stop()
    const forget = (): void => {
      if (child.restart === 'temporary') this.#children.delete(child.id)
    }
    return isThenable(stopped) ? stopped.then(forget) : forget()
  }

  #startAgain(child: Child): void | Promise<void> {
    let current = child
    const failed = (error: unknown): void => {
      // Through the mailbox, so that the supervisor handles calls, and can be stopped, before the next try.
      const turn = current.awaitRestart()
      this.#later(() => (current.isIn(turn) ? this.#restart(current, { type: 'crashed', cause: error }) : undefined))
    }
    try {
      const started = inOrder(affectedBy(child, this.#children, this.#settings.strategy), (affected) => {
        current = affected
        return affected.start(this[coreOf])
      })
      if (isThenable(started)) return started.then(undefined, failed)
    } catch (error) {
      failed(error)
    }
  }

  #startNew(child: Child): Started | PromiseLike<Started> {
    const dropIfNothing = (started: Started): Started => {
      if (started === IGNORE && child.restart === 'temporary') this.#children.delete(child.id)
      return started
    }
    const started = child.start(this[coreOf])
    return isThenable(started) ? started.then(dropIfNothing) : dropIfNothing(started)
  }

  #stopAll(): void | Promise<void> {
    return inOrder([...this.#children.values()].reverse(), (child) => child.stop())
  }

  #ask(step: Step): Promise<unknown> {
    return this.call(refusing(step), { timeoutMs: Number.POSITIVE_INFINITY })
  }
}
