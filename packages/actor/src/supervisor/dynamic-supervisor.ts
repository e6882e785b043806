/**
 * Supervises any number of children that are started and stopped independently.
 *
 * Phases: those of an actor. Its mailbox holds the restarts that are due.
 * Owns its children: each is in `#children`, or in `#leaving` once it is being terminated, until none of its incarnations is alive.
 * I1: Steps that the supervisor sends itself are dropped once it was told to stop, and never throw.
 * I2: A restart that waited checks the turn of its child before it acts, so that a stale timer or exit notice has no effect.
 * I3: Of all children ensured under one id, at most one has an incarnation that is alive.
 */
import { Actor } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { exitError } from '../actor/failures.ts'
import { coreOf, IGNORE, onGone, startLimitMs, stopLimitMs } from '../actor/internals.ts'
import { BeamClawError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import { anObject, checkOptions, describeValue, duration, integer, text } from '../base/options.ts'
import { isThenable } from '../base/thenable.ts'
import { Child } from './child.ts'
import { countOf, infosOf, supervisorNode } from './child-nodes.ts'
import { type ChildSpec, readChildSpec } from './child-spec.ts'
import { shouldRestart } from './restart-policy.ts'
import { checkBackoff, type RestartBackoff, RestartSchedule } from './restart-schedule.ts'
import { ownGrace, type Started, treeChildren } from './supervised.ts'
import { unboundedMailbox } from './supervisor-options.ts'
import type { Step } from './supervisor-task.ts'
import type { ChildCounts, ChildInfo, TreeNode } from './tree-node.ts'

/** As `ChildSpec`, but the id is optional and need not be unique: it only names the child. */
export type DynamicChildSpec<TActor extends Actor<never, unknown> = Actor<never, unknown>> = Omit<
  ChildSpec,
  'id' | 'start' | 'significant'
> & {
  readonly id?: string
  readonly start: () => TActor | Promise<TActor>
}

/** Options of a `DynamicSupervisor`. */
export interface DynamicSupervisorOptions {
  /** 1 to 512 characters. @default a name made by its tree */
  readonly id?: string
  /** Children that may exist at once; one more rejects `max-children`. @default no limit */
  readonly maxChildren?: number
  /** Restarts, of all children together, that are allowed within `withinMs`; at one more the supervisor stops its children and ends. @default 3 */
  readonly maxRestarts?: number
  /** Milliseconds. @default 5000 */
  readonly withinMs?: number
  /** Delays before restarts that follow each other closely; the first one has no delay. @default none */
  readonly backoff?: RestartBackoff
}

/** Defaults for a dynamic supervisor. */
export const dynamicSupervisorDefaults = {
  maxChildren: Number.MAX_SAFE_INTEGER,
  maxRestarts: 3,
  withinMs: 5_000,
} as const satisfies DynamicSupervisorOptions

/**
 * Supervises children that `startChild` adds at any time; they start concurrently, restart one by one, and stop together, each within its own
 * grace. When this supervisor itself is restarted, it has no children. The constructor throws `invalid-option`.
 *
 * @example
 * await using rooms = await new DynamicSupervisor({ maxChildren: 1_000 }).start()
 * const room = await rooms.startChild({ start: () => new Room('kitchen') })
 */
export class DynamicSupervisor extends Actor<Step> {
  readonly #maxChildren: number
  readonly #children = new Set<Child>()
  // Children that `terminateChild` is stopping.
  readonly #leaving = new Set<Child>()
  readonly #ensured = new Map<string, Child>()
  readonly #schedule: RestartSchedule

  constructor(options: DynamicSupervisorOptions = {}) {
    super(unboundedMailbox('DynamicSupervisor', options))
    checkOptions<DynamicSupervisorOptions>('DynamicSupervisor', options, {
      id: text(),
      maxChildren: integer(0),
      maxRestarts: integer(0),
      withinMs: duration(1),
      backoff: anObject,
    })
    checkBackoff('DynamicSupervisor', options.backoff)
    this.#maxChildren = options.maxChildren ?? dynamicSupervisorDefaults.maxChildren
    const { maxRestarts = dynamicSupervisorDefaults.maxRestarts, withinMs = dynamicSupervisorDefaults.withinMs } = options
    this.#schedule = new RestartSchedule({ maxRestarts, withinMs }, options.backoff)
  }

  protected override handle(step: Step, context: ActorContext<Step>): unknown {
    return step(context)
  }

  protected override async onStop(): Promise<void> {
    await Promise.all([...this.#children, ...this.#leaving].map((child) => child.stop()))
    for (const child of this.#children) this.#remove(child)
  }

  /** @internal */
  [onGone](): void {
    for (const child of this.#children) {
      child.kill()
      this.#remove(child)
    }
    for (const child of this.#leaving) child.kill()
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
   * Starts a child and resolves with its actor, or with `IGNORE`. Rejects `max-children`, `child-start-failed`, `actor-not-running`, or the
   * `child-spec-…` code of a wrong field; the child is removed then.
   */
  async startChild<TActor extends Actor<never, unknown>>(spec: DynamicChildSpec<TActor>): Promise<TActor | typeof IGNORE> {
    return this.#start(this.#newChild(readChildSpec('DynamicSupervisor', spec, true))) as Promise<TActor | typeof IGNORE>
  }

  /**
   * Resolves with the child that was ensured under this id before, waiting for it while it is being (re)started; starts it when there is none.
   * Concurrent calls with one id share one child. Rejects as `startChild` does.
   */
  async ensureChild<TActor extends Actor<never, unknown>>(
    given: DynamicChildSpec<TActor> & { readonly id: string },
  ): Promise<TActor | typeof IGNORE> {
    const spec = readChildSpec('DynamicSupervisor', given)
    let known = this.#ensured.get(spec.id)
    // A child that is being terminated keeps its id until it has ended.
    for (; known !== undefined && this.#leaving.has(known); known = this.#ensured.get(spec.id)) await known.stop()
    if (known !== undefined) return known.whenUp() as Promise<TActor | typeof IGNORE>
    const child = this.#newChild(spec)
    this.#ensured.set(spec.id, child)
    // All callers wait for the same promise, so that they resolve in the order of their calls.
    const up = child.whenUp() as Promise<TActor | typeof IGNORE>
    const start = async (): Promise<Started> => this.#start(child)
    start().catch(() => {})
    return up
  }

  #newChild(spec: DynamicChildSpec): Child {
    const { state, isGoingOn } = this[coreOf]
    if (state !== 'running' || !isGoingOn) {
      const what = state === 'running' ? 'stopping' : state
      throw new BeamClawError('actor-not-running', `DynamicSupervisor "${this.id}" takes no children: it is ${what}`)
    }
    if (this.#children.size >= this.#maxChildren) {
      const problem = `DynamicSupervisor "${this.id}" has reached maxChildren (${this.#maxChildren}); terminate a child or raise the limit`
      throw new BeamClawError('max-children', problem, { details: { maxChildren: this.#maxChildren } })
    }
    const child = new Child(this, spec)
    this.#children.add(child)
    return child
  }

  #start(child: Child): Started | Promise<Started> {
    try {
      const starting = child.start(this[coreOf])
      return isThenable(starting) ? this.#finishStart(child, starting) : this.#started(child, starting)
    } catch (error) {
      this.#remove(child, error)
      throw error
    }
  }

  async #finishStart(child: Child, starting: PromiseLike<Started>): Promise<Started> {
    try {
      return this.#started(child, await starting)
    } catch (error) {
      this.#remove(child, error)
      throw error
    }
  }

  #started(child: Child, outcome: Started): Started {
    if (outcome === IGNORE) this.#remove(child)
    return outcome
  }

  /** Removes a child that has ended, and rejects the callers that wait for it. */
  #remove(child: Child, why?: unknown): void {
    this.#forgetName(child)
    if (child.isAwaited) child.giveUp(why ?? exitError(child.id, shutdownExit))
    this.#children.delete(child)
  }

  #forgetName(child: Child): void {
    if (this.#ensured.get(child.id) === child) this.#ensured.delete(child.id)
  }

  /**
   * Stops a child within its grace and removes it. `actor` is the one that `startChild` or `ensureChild` returned, or a later incarnation; one
   * that has ended is accepted until the next incarnation runs. Rejects `child-not-found` for any other actor, and `invalid-option`.
   */
  async terminateChild(actor: Actor<never, unknown>): Promise<void> {
    if (!(actor instanceof Actor)) {
      const problem = `DynamicSupervisor.terminateChild: the child must be its Actor, received ${describeValue(actor)}`
      throw new BeamClawError('invalid-option', problem)
    }
    const child = actor[coreOf].parent
    if (!(child instanceof Child) || !this.#children.has(child) || !child.isKnownAs(actor)) {
      throw new BeamClawError('child-not-found', `Actor "${actor.id}" is not a running child of DynamicSupervisor "${this.id}"`)
    }
    this.#children.delete(child)
    this.#leaving.add(child)
    if (child.isAwaited) child.giveUp(exitError(child.id, shutdownExit))
    try {
      await child.stop()
    } finally {
      this.#leaving.delete(child)
      this.#forgetName(child)
    }
  }

  /** Returns all children, oldest first. */
  whichChildren(): ChildInfo[] {
    return infosOf(this.#children)
  }

  countChildren(): ChildCounts {
    return countOf(this.#children)
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
    return [...this.#children].map((child) => child.toTree())
  }

  /** @internal */
  childEnded(child: Child, reason: ExitReason): void {
    // While the supervisor stops, every child is stopped anyway.
    if (!this[coreOf].isGoingOn) return
    if (!shouldRestart(child.restart, reason)) return this.#remove(child)
    const { actor } = child
    this.#later(() => (child.isStill(actor) ? this.#restart(child, reason) : undefined))
  }

  /** Queues a step behind those that wait. */
  #later(step: Step): void {
    if (this[coreOf].isGoingOn) this.cast(step)
  }

  #restart(child: Child, reason: ExitReason): void {
    const { services } = this[coreOf].runtime
    const delayOrEnd = this.#schedule.next(services, this.id, child.id, reason)
    if (typeof delayOrEnd !== 'number') {
      this.#remove(child)
      return this[coreOf].stopAfterMessage(delayOrEnd)
    }
    const turn = child.awaitRestart()
    if (delayOrEnd === 0) return this.#restartNow(child, reason)
    const restart = (): void => this.#later(() => (child.isIn(turn) ? this.#restartNow(child, reason) : undefined))
    child.restartAfter(delayOrEnd, services.clock, restart)
  }

  #restartNow(child: Child, reason: ExitReason): void {
    const { telemetry } = this[coreOf].runtime.services
    if (telemetry.wants('actor-restart')) {
      telemetry.emit({ type: 'actor-restart', id: child.id, supervisorId: this.id, generation: child.nextGeneration, reason })
    }
    try {
      const started = child.start(this[coreOf])
      if (isThenable(started)) this.#finishRestart(child, started)
      else this.#started(child, started)
    } catch (error) {
      this.#tryAgain(child, error)
    }
  }

  async #finishRestart(child: Child, starting: PromiseLike<Started>): Promise<void> {
    try {
      this.#started(child, await starting)
    } catch (error) {
      this.#tryAgain(child, error)
    }
  }

  #tryAgain(child: Child, error: unknown): void {
    // The child was terminated meanwhile, or killed with its supervisor.
    if (!this.#children.has(child)) return
    const turn = child.awaitRestart()
    this.#later(() => (child.isIn(turn) ? this.#restart(child, { type: 'crashed', cause: error }) : undefined))
  }
}
