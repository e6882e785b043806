/**
 * Any number of children that come and go, each on its own.
 *
 * Phases: those of an actor. Its mailbox holds the restarts that are due.
 * Owns its children: each is in `#children`, or in `#leaving` once it is being terminated, until it has no incarnation that is alive.
 * I1: What the supervisor tells itself is dropped once it was told to stop; it never throws.
 * I2: A restart that waited looks at the turn of its child before it acts, so that a stale timer or exit notice does nothing.
 * I3: Of all children ensured under one id at most one has an incarnation that is alive.
 */
import { Actor } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { exitError } from '../actor/failures.ts'
import { coreOf, IGNORE, onGone, startLimitMs, stopLimitMs } from '../actor/internals.ts'
import { BeamClawError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import { anObject, checkOptions, describeValue, duration, integer, text } from '../base/options.ts'
import { isThenable } from '../base/thenable.ts'
import { Child, countOf, ownGrace, type Started, supervisorNode, treeChildren } from './child.ts'
import { type ChildSpec, readChildSpec } from './child-spec.ts'
import { shouldRestart } from './restart-policy.ts'
import { checkBackoff, type RestartBackoff, RestartSchedule } from './restart-schedule.ts'
import { unboundedMailbox } from './supervisor-options.ts'
import type { Step } from './supervisor-task.ts'
import type { ChildCounts, ChildInfo, TreeNode } from './tree-node.ts'

/** As `ChildSpec`, but nobody looks children up by id here: it only names them, and need not be unique. */
export type DynamicChildSpec<TActor extends Actor<never, unknown> = Actor<never, unknown>> = Omit<
  ChildSpec,
  'id' | 'start' | 'significant'
> & {
  readonly id?: string
  readonly start: () => TActor | Promise<TActor>
}

export interface DynamicSupervisorOptions {
  /** 1 to 512 characters. @default a name made by its tree */
  readonly id?: string
  /** Children that may exist at once; one more rejects `max-children`. @default no limit */
  readonly maxChildren?: number
  /** Restarts of any children allowed within `withinMs`; one more, and the supervisor stops everything and ends. @default 3 */
  readonly maxRestarts?: number
  /** Milliseconds. @default 5000 */
  readonly withinMs?: number
  /** Waits between restarts that follow each other closely; the first of them never waits. @default none */
  readonly backoff?: RestartBackoff
}

/** Defaults for a dynamic supervisor. */
export const dynamicSupervisorDefaults = {
  maxChildren: Number.MAX_SAFE_INTEGER,
  maxRestarts: 3,
  withinMs: 5_000,
} as const satisfies DynamicSupervisorOptions

/**
 * Children are started by `startChild`, also several at a time, restarted one by one, and stopped all at once, each within its own grace.
 * They do not come back when this supervisor itself is restarted.
 */
export class DynamicSupervisor extends Actor<Step> {
  readonly #maxChildren: number
  readonly #children = new Set<Child>()
  // Told to stop one by one, and not ended yet.
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
   * Starts a child and resolves with its actor, or with `IGNORE`. Rejects `max-children`, `child-start-failed`, or the code of the field
   * of the spec that is wrong; nothing is left of it then.
   */
  async startChild<TActor extends Actor<never, unknown>>(spec: DynamicChildSpec<TActor>): Promise<TActor | typeof IGNORE> {
    return this.#start(this.#newChild(readChildSpec('DynamicSupervisor', spec, true))) as Promise<TActor | typeof IGNORE>
  }

  /**
   * Answers with the child that was ensured under this id before and still exists, waiting for it where it is being (re)started; starts it
   * where there is none. So there is never more than one, however many ask at once.
   */
  async ensureChild<TActor extends Actor<never, unknown>>(
    given: DynamicChildSpec<TActor> & { readonly id: string },
  ): Promise<TActor | typeof IGNORE> {
    const spec = readChildSpec('DynamicSupervisor', given)
    let known = this.#ensured.get(spec.id)
    // One that is being terminated has the name until it has ended.
    for (; known !== undefined && this.#leaving.has(known); known = this.#ensured.get(spec.id)) await known.stop()
    if (known !== undefined) return known.whenUp() as Promise<TActor | typeof IGNORE>
    const child = this.#newChild(spec)
    this.#ensured.set(spec.id, child)
    // All who ask wait for the same promise, so that they are answered in the order they asked.
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
      const problem = `DynamicSupervisor "${this.id}" has ${this.#children.size} children, which is all it may have`
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

  /** Forgets a child that has ended. Those who wait for it hear that it will not come. */
  #remove(child: Child, why?: unknown): void {
    this.#forgetName(child)
    if (child.isAwaited) child.giveUp(why ?? exitError(child.id, shutdownExit))
    this.#children.delete(child)
  }

  #forgetName(child: Child): void {
    if (this.#ensured.get(child.id) === child) this.#ensured.delete(child.id)
  }

  /**
   * Stops a child within its grace and forgets it. The actor is the one that `startChild` or `ensureChild` gave, or a later incarnation; one
   * that has ended stands for its child until the next is up. Rejects `child-not-found` for any other, `invalid-option` for no actor.
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

  /** Every child, oldest first. */
  whichChildren(): ChildInfo[] {
    return [...this.#children].map((child) => child.toInfo())
  }

  countChildren(): ChildCounts {
    return countOf(this.#children)
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
    return [...this.#children].map((child) => child.toTree())
  }

  /** @internal */
  childEnded(child: Child, reason: ExitReason): void {
    // While it stops, every child goes anyway.
    if (!this[coreOf].isGoingOn) return
    if (!shouldRestart(child.restart, reason)) return this.#remove(child)
    const { actor } = child
    this.#later(() => (child.isStill(actor) ? this.#restart(child, reason) : undefined))
  }

  /** A step of its own, behind those that wait. */
  #later(step: Step): void {
    if (this[coreOf].isGoingOn) this.cast(step)
  }

  #restart(child: Child, reason: ExitReason): void {
    const { services } = this[coreOf].runtime
    const delayMs = this.#schedule.next(services, this.id, child.id)
    if (delayMs === undefined) {
      this.#remove(child)
      return this[coreOf].stopAfterMessage(shutdownExit)
    }
    const turn = child.awaitRestart()
    if (delayMs === 0) return this.#restartNow(child, reason)
    const restart = (): void => this.#later(() => (child.isIn(turn) ? this.#restartNow(child, reason) : undefined))
    child.restartAfter(delayMs, services.clock, restart)
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
    // Terminated meanwhile, or killed with its supervisor.
    if (!this.#children.has(child)) return
    const turn = child.awaitRestart()
    this.#later(() => (child.isIn(turn) ? this.#restart(child, { type: 'crashed', cause: error }) : undefined))
  }
}
