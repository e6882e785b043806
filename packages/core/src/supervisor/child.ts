/** One child of a supervisor: its spec, its present incarnation, and how to start and stop that. */
import { Actor } from '../actor/actor.ts'
import type { ActorCore } from '../actor/actor-core.ts'
import { type ExitReason, shutdownExit } from '../actor/exit-reason.ts'
import { coreOf, IGNORE, type Parent } from '../actor/inside.ts'
import type { ActorRuntime } from '../actor/runtime.ts'
import { BeamClawError, ChildStartError } from '../errors.ts'
import { isThenable } from '../thenable.ts'
import { type ChildSpec, type ChildType, childDefaults } from './child-spec.ts'
import type { RestartType } from './restart-policy.ts'
import type { ChildCounts, ChildInfo, ChildState, TreeNode } from './tree-node.ts'

/** The supervisor, as its children see it. */
export interface ChildOwner {
  childEnded(child: Child, reason: ExitReason): void
}

/** What came of a start: the actor, which may have ended since, or nothing to run. */
export type Started = AnyActor | typeof IGNORE

/** Implemented by supervisors: what they supervise, as nodes. */
export const treeChildren: unique symbol = Symbol('beamclaw.treeChildren')

/** Implemented by supervisors whose children have their own grace, so that they need no limit of their own. */
export const ownGrace: unique symbol = Symbol('beamclaw.ownGrace')

type AnyActor = Actor<never, unknown>
type DynamicSpec = Omit<ChildSpec, 'id'> & { readonly id?: string }

export class Child implements Parent {
  readonly #owner: ChildOwner
  #spec: DynamicSpec
  actor: AnyActor | undefined
  state: ChildState = 'stopped'
  /** An incarnation that was told to stop and has not ended yet. */
  #stopping: AnyActor | undefined
  #generation = 0
  #attempt = 0
  #whenUp: PromiseWithResolvers<Started> | undefined

  constructor(owner: ChildOwner, spec: DynamicSpec) {
    this.#owner = owner
    this.#spec = spec
  }

  get isSignificant(): boolean {
    return this.#spec.significant === true
  }

  get id(): string {
    return this.#spec.id ?? this.actor?.id ?? 'child'
  }

  get restart(): RestartType {
    return this.#spec.restart ?? childDefaults.restart
  }

  get type(): ChildType {
    return this.#spec.type ?? (this.actor !== undefined && treeChildren in this.actor ? 'supervisor' : 'worker')
  }

  /** The generation that a start would make. */
  get nextGeneration(): number {
    return this.#generation + 1
  }

  /**
   * Starts an incarnation: at once where nothing is asynchronous. Throws, or rejects with, `ChildStartError`, or with its cause when
   * the supervisor is told to stop first; what is left of such a start is killed. Answers with the actor, or with IGNORE.
   */
  start(supervisor: ActorCore): Started | Promise<Started> {
    const { runtime } = supervisor
    this.state = 'starting'
    const attempt = ++this.#attempt
    let outcome: Started | PromiseLike<Started>
    try {
      const made = this.#spec.start()
      outcome = isThenable(made)
        ? made.then((actor) => this.#startActor(actor, runtime, attempt))
        : this.#startActor(made, runtime, attempt)
    } catch (error) {
      throw this.#failed(error)
    }
    return isThenable(outcome) ? this.#finishStart(outcome, runtime, supervisor.stopSignal) : outcome
  }

  #startActor(actor: unknown, runtime: ActorRuntime, attempt: number): Started | PromiseLike<Started> {
    // Given up while its `start` was still making it.
    if (this.state !== 'starting' || attempt !== this.#attempt) return IGNORE
    if (!(actor instanceof Actor) || actor[coreOf].state !== 'new') {
      throw new BeamClawError('child-not-supervisable', `"start" of child "${this.id}" must return an Actor that was not started`)
    }
    this.actor = actor
    const outcome = (actor[coreOf] as ActorCore).start(runtime, this, ++this.#generation, this.#spec.id)
    return isThenable(outcome) ? outcome.then((value) => this.#started(value, actor)) : this.#started(outcome, actor)
  }

  #started(outcome: unknown, actor: AnyActor): Started {
    const started = outcome === IGNORE ? IGNORE : actor
    this.#whenUp?.resolve(started)
    this.#whenUp = undefined
    // It has ended since, and that is what counts.
    if (this.actor !== actor) return started
    if (outcome === IGNORE) this.actor = undefined
    this.state = outcome === IGNORE ? 'stopped' : 'running'
    // A temporary child is never started again, so what it was made from need not be kept.
    if (this.restart === 'temporary') this.#spec = { ...this.#spec, start: startedOnce }
    return started
  }

  async #finishStart(outcome: PromiseLike<Started>, runtime: ActorRuntime, stopped: AbortSignal): Promise<Started> {
    const timeoutMs = this.#spec.startTimeoutMs ?? childDefaults.startTimeoutMs
    const giveUp = Promise.withResolvers<never>()
    const timer = runtime.ambient.clock.setTimer(() => giveUp.reject(startTimeout(this.id, timeoutMs)), timeoutMs)
    const abort = (): void => giveUp.reject(stopped.reason)
    stopped.addEventListener('abort', abort, { once: true })
    if (stopped.aborted) abort()
    try {
      return await Promise.race([outcome, giveUp.promise])
    } catch (error) {
      throw this.#failed(error)
    } finally {
      timer.cancel()
      stopped.removeEventListener('abort', abort)
    }
  }

  #failed(error: unknown): unknown {
    const actor = this.actor
    this.actor = undefined
    this.state = 'stopped'
    if (actor !== undefined) {
      actor[coreOf].disown()
      actor.kill()
    }
    return new ChildStartError(this.id, error)
  }

  /** Resolves with the incarnation that is up now, or with the next one that is. Rejects once there will be none. */
  whenUp(): Promise<Started> {
    if (this.state === 'running' && this.actor?.isAlive === true) return Promise.resolve(this.actor)
    this.#whenUp ??= Promise.withResolvers()
    return this.#whenUp.promise
  }

  /** True while somebody waits for an incarnation to be up. */
  get isAwaited(): boolean {
    return this.#whenUp !== undefined
  }

  /** Tells those who wait that no further incarnation will come. */
  giveUp(error: unknown): void {
    this.#whenUp?.promise.catch(() => {})
    this.#whenUp?.reject(error)
    this.#whenUp = undefined
  }

  /** Ends the incarnation, if there is one, within its grace; the supervisor hears nothing of it. */
  stop(): void | Promise<void> {
    // What is still in its `init` has nothing to tidy up yet.
    if (this.state === 'starting') return this.kill()
    const actor = this.actor
    this.actor = undefined
    this.state = 'stopped'
    if (actor === undefined || !actor.isAlive) return
    const core = actor[coreOf]
    const shutdown = this.#spec.shutdownMs ?? (ownGrace in actor ? 'infinity' : childDefaults.shutdownMs)
    core.disown()
    if (shutdown === 'kill') return actor.kill()
    const ended = core.stop(shutdownExit, shutdown === 'infinity' ? Number.POSITIVE_INFINITY : shutdown)
    if (!core.isAlive) return
    this.#stopping = actor
    return ended.then(() => {
      this.#stopping = undefined
    })
  }

  /** Lets go of an incarnation that has ended. */
  forget(): void {
    this.actor = undefined
    this.state = 'stopped'
  }

  /** Ends the incarnation now, also one that is being stopped; the supervisor hears nothing of it. */
  kill(): void {
    this.#stopping?.kill()
    const actor = this.actor
    this.actor = undefined
    this.state = 'stopped'
    actor?.[coreOf].disown()
    actor?.kill()
  }

  childExited(core: ActorCore, reason: ExitReason): void {
    if (this.actor?.[coreOf] === core) this.#owner.childEnded(this, reason)
  }

  /** True when `actor` is still the incarnation that ended, so that nothing happened to the child since. */
  isStill(actor: AnyActor | undefined): boolean {
    return this.actor === actor && actor !== undefined && !actor.isAlive
  }

  toInfo(): ChildInfo {
    return {
      id: this.id,
      actor: this.actor?.isAlive === true ? this.actor : undefined,
      state: this.state,
      type: this.type,
      restart: this.restart,
    }
  }

  toTree(): TreeNode {
    const { actor } = this
    const node: TreeNode = {
      id: this.id,
      type: this.type,
      state: this.state,
      restarts: Math.max(0, this.#generation - 1),
      mailboxLength: actor?.inspect().mailboxLength ?? 0,
    }
    const supervised = actor as { [treeChildren]?(): readonly TreeNode[] } | undefined
    return supervised?.[treeChildren] === undefined ? node : { ...node, children: supervised[treeChildren]() }
  }
}

function startTimeout(id: string, timeoutMs: number): BeamClawError {
  return new BeamClawError('child-start-timeout', `Child "${id}" did not finish starting within ${timeoutMs} ms`, {
    details: { id, timeoutMs },
  })
}

/** Counts children by state and type. */
export function countOf(children: Iterable<Child>): ChildCounts {
  const counts = { specs: 0, active: 0, supervisors: 0, workers: 0 }
  for (const child of children) {
    counts.specs++
    if (child.state === 'running' && child.actor?.isAlive === true) counts.active++
    if (child.type === 'supervisor') counts.supervisors++
    else counts.workers++
  }
  return counts
}

/** The node of a supervisor that nobody has to supervise. */
export function supervisorNode(supervisor: AnyActor, children: readonly TreeNode[]): TreeNode {
  return {
    id: supervisor.id,
    type: 'supervisor',
    state: supervisor.isAlive ? 'running' : 'stopped',
    restarts: supervisor.generation - 1,
    mailboxLength: supervisor.inspect().mailboxLength,
    children,
  }
}

function startedOnce(): never {
  throw new BeamClawError('internal', 'A temporary child is not started again')
}
