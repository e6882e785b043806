/** Any number of children that come and go, each on its own. */
import { Actor, type StopOptions } from '../actor/actor.ts'
import type { ActorContext } from '../actor/actor-ref.ts'
import { type ExitReason, shutdownExit } from '../actor/exit-reason.ts'
import { exitError } from '../actor/failures.ts'
import { coreOf, IGNORE } from '../actor/inside.ts'
import { BeamClawError } from '../errors.ts'
import { anObject, checkOptions, duration, integer, text } from '../options.ts'
import { isThenable } from '../thenable.ts'
import { Child, countOf, ownGrace, type Started, supervisorNode, treeChildren } from './child.ts'
import { type ChildSpec, checkChildSpec } from './child-spec.ts'
import { shouldRestart } from './restart-policy.ts'
import { checkBackoff, type RestartBackoff, RestartSchedule } from './restart-schedule.ts'
import type { Step } from './step.ts'
import { unboundedMailbox } from './supervisor-options.ts'
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

/** What a dynamic supervisor gets that says nothing else. */
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
    this.#schedule.cancel()
    await Promise.all([...this.#children].map((child) => child.stop()))
    for (const child of this.#children) this.#remove(child)
  }

  /** @internal */
  onGone(): void {
    this.#schedule.cancel()
    for (const child of this.#children) {
      child.kill()
      this.#remove(child)
    }
    for (const child of this.#leaving) child.kill()
  }

  /** As `Actor.stop`, but waits for the children's own grace. */
  override stop(reason: ExitReason = shutdownExit, options: StopOptions = {}): Promise<ExitReason> {
    return super.stop(reason, { timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY })
  }

  /**
   * Starts a child and resolves with its actor, or with `IGNORE`. Rejects `max-children`, `child-start-failed`, or the code of the field
   * of the spec that is wrong; nothing is left of it then.
   */
  async startChild<TActor extends Actor<never, unknown>>(spec: DynamicChildSpec<TActor>): Promise<TActor | typeof IGNORE> {
    return this.#start(this.#newChild(spec)) as Promise<TActor | typeof IGNORE>
  }

  /**
   * Answers with the child that was ensured under this id before and still exists, waiting for it where it is being (re)started; starts it
   * where there is none. So there is never more than one, however many ask at once.
   */
  async ensureChild<TActor extends Actor<never, unknown>>(
    spec: DynamicChildSpec<TActor> & { readonly id: string },
  ): Promise<TActor | typeof IGNORE> {
    checkChildSpec('DynamicSupervisor', spec)
    const known = this.#ensured.get(spec.id)
    if (known !== undefined) return known.whenUp() as Promise<TActor | typeof IGNORE>
    const child = this.#newChild(spec)
    this.#ensured.set(spec.id, child)
    // All who ask wait for the same promise, so that they are answered in the order they asked.
    const up = child.whenUp() as Promise<TActor | typeof IGNORE>
    this.#start(child).catch(() => {})
    return up
  }

  #newChild(spec: DynamicChildSpec): Child {
    checkChildSpec('DynamicSupervisor', spec, true)
    const { state } = this[coreOf]
    if (state !== 'running') {
      throw new BeamClawError('actor-not-running', `DynamicSupervisor "${this.id}" takes no children: it is ${state}`)
    }
    if (this.#children.size >= this.#maxChildren) {
      const problem = `DynamicSupervisor "${this.id}" has ${this.#children.size} children, which is all it may have`
      throw new BeamClawError('max-children', problem, { details: { maxChildren: this.#maxChildren } })
    }
    const child = new Child(this, spec)
    this.#children.add(child)
    return child
  }

  async #start(child: Child): Promise<Started> {
    try {
      const starting = child.start(this[coreOf])
      const started = isThenable(starting) ? await starting : starting
      if (started === IGNORE) this.#remove(child)
      return started
    } catch (error) {
      this.#remove(child, error)
      throw error
    }
  }

  /** Forgets a child; answers whether there was one. Those who wait for it hear that it will not come. */
  #remove(child: Child, why?: unknown): boolean {
    if (this.#ensured.get(child.id) === child) this.#ensured.delete(child.id)
    if (child.isAwaited) child.giveUp(why ?? exitError(child.id, shutdownExit))
    return this.#children.delete(child)
  }

  /** Stops a child within its grace and forgets it. Rejects `child-not-found` for an actor that is not running here. */
  async terminateChild(actor: Actor<never, unknown>): Promise<void> {
    const child = actor[coreOf].parent
    if (!(child instanceof Child) || child.actor !== actor || !this.#remove(child)) {
      throw new BeamClawError('child-not-found', `Actor "${actor.id}" is not a running child of DynamicSupervisor "${this.id}"`)
    }
    this.#leaving.add(child)
    try {
      await child.stop()
    } finally {
      this.#leaving.delete(child)
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
    if (this[coreOf].state === 'stopping') return
    if (!shouldRestart(child.restart, reason)) return void this.#remove(child)
    this.cast(() => this.#restart(child, reason))
  }

  #restart(child: Child, reason: ExitReason): void {
    if (!this.#children.has(child)) return
    const { ambient } = this[coreOf].runtime
    const delayMs = this.#schedule.next(ambient, this.id, child.id)
    if (delayMs === undefined) {
      this.#remove(child)
      return this[coreOf].stopAfterMessage(shutdownExit)
    }
    child.forget()
    if (delayMs === 0) return this.#restartNow(child, reason)
    child.state = 'restarting'
    this.#schedule.after(delayMs, ambient, () => this.cast(() => this.#restartNow(child, reason)))
  }

  #restartNow(child: Child, reason: ExitReason): void {
    if (!this.#children.has(child)) return
    const { telemetry } = this[coreOf].runtime.ambient
    if (telemetry.wants('actor-restart')) {
      telemetry.emit({ type: 'actor-restart', id: child.id, supervisorId: this.id, generation: child.nextGeneration, reason })
    }
    try {
      const started = child.start(this[coreOf])
      if (isThenable(started)) {
        started.then(
          (outcome) => this.#dropIfNothing(child, outcome),
          (error) => this.#tryAgain(child, error),
        )
      } else this.#dropIfNothing(child, started)
    } catch (error) {
      this.#tryAgain(child, error)
    }
  }

  #dropIfNothing(child: Child, started: Started): void {
    if (started === IGNORE) this.#remove(child)
  }

  #tryAgain(child: Child, error: unknown): void {
    if (!this.#children.has(child)) return
    child.state = 'restarting'
    this.cast(() => this.#restart(child, { type: 'crashed', cause: error }))
  }
}
