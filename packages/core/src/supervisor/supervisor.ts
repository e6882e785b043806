/**
 * Starts its children in order, restarts those that end by a strategy, and stops them in reverse.
 *
 * Phases: those of an actor. Its mailbox holds steps, each of which may take a while: starts, restarts, terminations.
 * Owns its children: each stays in the map until it has no incarnation that is alive, so that a kill misses none.
 * I1: Steps run one after the other. What the supervisor tells itself is dropped once it was told to stop; it never throws.
 * I2: A step that waited looks at the turn of its child before it acts, so that a stale timer or exit notice does nothing.
 * I3: Each restart, and each try of one that failed, is counted once.
 */
import { Actor } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { coreOf, IGNORE, onGone, startLimitMs, stopLimitMs } from '../actor/internals.ts'
import { NamedRef, type RefOf } from '../actor/named-ref.ts'
import { BeamClawError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import { inOrder } from '../base/for-each-in-order.ts'
import { describeValue } from '../base/options.ts'
import { isThenable } from '../base/thenable.ts'
import { Child, countOf, ownGrace, type Started, supervisorNode, treeChildren } from './child.ts'
import type { ChildActor, ChildId, ChildSpec } from './child-spec.ts'
import { shouldRestart } from './restart-policy.ts'
import { RestartSchedule } from './restart-schedule.ts'
import {
  readSupervisedSpec,
  type SupervisorOptions,
  type SupervisorSettings,
  supervisorSettings,
  unboundedMailbox,
} from './supervisor-options.ts'
import { refusing, type Step } from './supervisor-task.ts'
import type { ChildCounts, ChildInfo, TreeNode } from './tree-node.ts'

type AnyActor = Actor<never, unknown>

declare const childSpecs: unique symbol

/**
 * A supervisor that knows its children by type. `child` and `ref` read the type from here, and not from the class: so a supervisor of certain
 * children stays a `Supervisor`.
 */
interface Knows<TChildren extends readonly ChildSpec[]> {
  readonly [childSpecs]?: TChildren
}

/**
 * A fixed list of children, restarted by a strategy. `start()` resolves when all are up; a child that fails to start stops those before it
 * and rejects with `ChildStartError`. More than `maxRestarts` within `withinMs` ends the supervisor with `shutdown`. `TChildren` is inferred, so
 * that `child` and `ref` know the actor of each id.
 *
 * @example
 * await using supervisor = await new Supervisor({ children: [{ id: 'counter', start: () => new Counter() }] }).start()
 * const count = await supervisor.ref('counter').call('increment')
 */
export class Supervisor<const TChildren extends readonly ChildSpec[] = readonly ChildSpec[]> extends Actor<Step> {
  /** Only a type. */
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
   * stopped child has this id) or `child-start-failed`, and then keeps nothing of it.
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

  /** Stops a child within its grace. A temporary child is forgotten. Does nothing for one that is stopped. Rejects `child-not-found`. */
  async terminateChild(id: string): Promise<void> {
    await this.#ask(() => {
      return this.#stopChild(this.#find(id))
    })
  }

  /** Starts a stopped child. Rejects `child-not-found`, `child-running`, `child-restarting` or `child-start-failed`. */
  restartChild(id: string): Promise<Actor<never, unknown> | typeof IGNORE> {
    return this.#ask(() => {
      const child = this.#findStopped(id)
      return this.#startNew(child)
    }) as Promise<Actor<never, unknown> | typeof IGNORE>
  }

  /** Forgets a stopped child. Rejects `child-not-found`, `child-running` or `child-restarting`. */
  async deleteChild(id: string): Promise<void> {
    await this.#ask(() => {
      this.#findStopped(id)
      this.#children.delete(id)
    })
  }

  /** Every child, in start order. */
  whichChildren(): ChildInfo[] {
    return [...this.#children.values()].map((child) => child.toInfo())
  }

  countChildren(): ChildCounts {
    return countOf(this.#children.values())
  }

  /**
   * Returns the present incarnation of a child; undefined while it does not run. A restart makes another one: `ref` follows it.
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
   * Returns a reference to a child by its id, which stays good over restarts: each call, cast and monitor goes to the incarnation that runs then.
   * While none does, `call` rejects and `cast` throws `actor-not-running` at once. Throws `child-not-found` for an id without a child; a child
   * that `startChild` added takes its type as an argument.
   *
   * @example
   * const counter = supervisor.ref('counter')
   * const added = supervisor.ref<Counter>('added-later')
   */
  ref<TKnown extends readonly ChildSpec[], TId extends ChildId<TKnown>>(this: Knows<TKnown>, id: TId): RefOf<ChildActor<TKnown, TId>>
  ref<TActor extends AnyActor>(id: string): RefOf<TActor>
  ref(id: string): unknown {
    this.#find(id)
    return new NamedRef(id, () => this.child<AnyActor>(id))
  }

  /** This supervisor and everything below it. */
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

  /** A step of its own, behind those that wait. While the supervisor stops, every child goes anyway. */
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
    const delayMs = this.#schedule.next(services, this.id, child.id)
    if (delayMs === undefined) {
      this.#children.delete(child.id)
      return this[coreOf].stopAfterMessage(shutdownExit)
    }
    const turn = child.awaitRestart()
    if (delayMs === 0) return this.#restartNow(child, reason)
    const restart = (): void => this.#later(() => (child.isIn(turn) ? this.#restartNow(child, reason) : undefined))
    child.restartAfter(delayMs, services.clock, restart)
  }

  #restartNow(child: Child, reason: ExitReason): void | Promise<void> {
    const { telemetry } = this[coreOf].runtime.services
    telemetry.emit({ type: 'actor-restart', id: child.id, supervisorId: this.id, generation: child.nextGeneration, reason })
    const stopped = inOrder(this.#affectedBy(child).reverse(), (affected) => this.#stopChild(affected))
    return isThenable(stopped) ? stopped.then(() => this.#startAgain(child)) : this.#startAgain(child)
  }

  /** Stops a child; a temporary one is forgotten once it has ended. */
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
      // Through the mailbox, so that the supervisor answers, and can be stopped, before the next try.
      const turn = current.awaitRestart()
      this.#later(() => (current.isIn(turn) ? this.#restart(current, { type: 'crashed', cause: error }) : undefined))
    }
    try {
      const started = inOrder(this.#affectedBy(child), (affected) => {
        current = affected
        return affected.start(this[coreOf])
      })
      if (isThenable(started)) return started.then(undefined, failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Those who are restarted with a child, in start order. */
  #affectedBy(child: Child): Child[] {
    if (this.#settings.strategy === 'oneForOne') return [child]
    const all = [...this.#children.values()]
    return this.#settings.strategy === 'oneForAll' ? all : all.slice(all.indexOf(child))
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

  #find(id: string): Child {
    const child = this.#children.get(id)
    if (child === undefined) throw childError('child-not-found', id, 'is not a child of this supervisor')
    return child
  }

  #findStopped(id: string): Child {
    const child = this.#find(id)
    if (child.state === 'running') throw childError('child-running', id, 'is running; terminate it first')
    if (child.state === 'restarting') throw childError('child-restarting', id, 'is being restarted; terminate it first')
    return child
  }

  #ask(step: Step): Promise<unknown> {
    return this.call(refusing(step), { timeoutMs: Number.POSITIVE_INFINITY })
  }
}

function childError(
  code: 'child-already-started' | 'child-already-present' | 'child-not-found' | 'child-running' | 'child-restarting',
  id: unknown,
  problem: string,
): BeamClawError {
  const name = typeof id === 'string' ? `"${id.slice(0, 64)}"` : describeValue(id)
  return new BeamClawError(code, `Child ${name} ${problem}`, { details: { id: typeof id === 'string' ? id : describeValue(id) } })
}
