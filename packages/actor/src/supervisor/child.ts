/**
 * One child of a supervisor: starts, stops and kills its incarnations.
 *
 * Phases: `stopped → starting → running → stopped`, and `restarting` between two incarnations.
 * Owns the incarnation, one that is being stopped, and the timer of a delayed restart. The supervisor owns the child, and removes it
 * only when no incarnation is alive.
 * I1: Only `#enter` changes the phase. It cancels the timer and begins a new turn: a continuation of an earlier turn does nothing.
 * I2: `actor` is defined exactly while `starting`, once it was made, and while `running`.
 * I3: Nothing starts for a supervisor that has ended or was told to stop.
 */
import { Actor } from '../actor/actor.ts'
import type { ActorHost, Parent } from '../actor/actor-host.ts'
import { coreOf, IGNORE } from '../actor/internals.ts'
import { BeamClawError, ChildStartError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import { isThenable } from '../base/thenable.ts'
import type { Clock, TimerHandle } from '../ports/services.ts'
import { goneError, startTimeout, temporaryStartedAgain } from './child-failures.ts'
import { type ChildSpec, type ChildType, childDefaults, givenSpec } from './child-spec.ts'
import type { RestartType } from './restart-policy.ts'
import { type AnyActor, ownGrace, type Started, treeChildren } from './supervised.ts'
import type { ChildState, TreeNode } from './tree-node.ts'

/** The supervisor, as a child uses it. */
export interface ChildOwner {
  childEnded(child: Child, reason: ExitReason): void
}

type DynamicSpec = Omit<ChildSpec, 'id'> & { readonly id?: string; readonly [givenSpec]?: object }

/** State that few children need, and most of those only briefly: allocated on first use, so that a child stays small. */
interface LazyChildState {
  restartTimer: TimerHandle | undefined
  /** The incarnation that was told to stop and has not ended yet. */
  stopping: { readonly actor: AnyActor; readonly ended: Promise<void> } | undefined
  whenUp: PromiseWithResolvers<Started> | undefined
}

export class Child implements Parent {
  readonly #owner: ChildOwner
  #spec: DynamicSpec
  #state: ChildState = 'stopped'
  #actor: AnyActor | undefined
  #isSupervisor = false
  /** Counts the phases, so that a continuation can tell whether its phase has passed. */
  #turn = 0
  #generation = 0
  /** The last generation that was up before the restart that is due. */
  #upGeneration = 0
  #lazy: LazyChildState | undefined

  constructor(owner: ChildOwner, spec: DynamicSpec) {
    this.#owner = owner
    this.#spec = spec
  }

  get state(): ChildState {
    return this.#state
  }

  get actor(): AnyActor | undefined {
    return this.#actor
  }

  get isSignificant(): boolean {
    return this.#spec.significant === true
  }

  get id(): string {
    return this.#spec.id ?? this.#actor?.id ?? 'child'
  }

  get restart(): RestartType {
    return this.#spec.restart ?? childDefaults.restart
  }

  get type(): ChildType {
    return this.#spec.type ?? (this.#isSupervisor ? 'supervisor' : 'worker')
  }

  /** The generation that a start would make. */
  get nextGeneration(): number {
    return this.#generation + 1
  }

  #enter(state: ChildState, actor?: AnyActor): number {
    this.#state = state
    this.#actor = actor
    if (this.#lazy?.restartTimer !== undefined) {
      this.#lazy.restartTimer.cancel()
      this.#lazy.restartTimer = undefined
    }
    return ++this.#turn
  }

  #ensureLazy(): LazyChildState {
    this.#lazy ??= { restartTimer: undefined, stopping: undefined, whenUp: undefined }
    return this.#lazy
  }

  /** Enters `restarting`. Returns the turn in which the child waits for the restart. */
  awaitRestart(): number {
    if (this.#state === 'running') this.#upGeneration = this.#generation
    return this.#enter('restarting')
  }

  /** Returns true while the child is still in that turn. */
  isIn(turn: number): boolean {
    return turn === this.#turn
  }

  /** Calls `restart` after `delayMs` milliseconds, unless the child is started, stopped or killed first. */
  restartAfter(delayMs: number, clock: Clock, restart: () => void): void {
    const lazy = this.#ensureLazy()
    lazy.restartTimer = clock.setTimer(() => {
      lazy.restartTimer = undefined
      restart()
    }, delayMs)
  }

  /**
   * Starts an incarnation, and returns synchronously when the start does. Throws, or rejects with, `ChildStartError`, also when the supervisor
   * is told to stop first: a nested supervisor then stops its children within their grace, any other actor is killed.
   */
  start(supervisor: ActorHost): Started | Promise<Started> {
    if (!supervisor.isGoingOn) throw new ChildStartError(this.id, goneError(supervisor))
    const turn = this.#enter('starting')
    try {
      const made: unknown = this.#spec.start.call(this.#spec[givenSpec])
      if (!isThenable(made)) {
        const outcome = this.#startActor(made, supervisor, turn)
        return isThenable(outcome) ? this.#finishStart(outcome, supervisor, turn) : outcome
      }
      const later = Promise.resolve(made).then((actor) => this.#startActor(actor, supervisor, turn))
      return this.#finishStart(later, supervisor, turn)
    } catch (error) {
      throw this.#failed(error, turn)
    }
  }

  #startActor(actor: unknown, supervisor: ActorHost, turn: number): Started | PromiseLike<Started> {
    // The child was stopped or killed while `start` was making the actor.
    if (turn !== this.#turn || !supervisor.isGoingOn) throw goneError(supervisor)
    if (!(actor instanceof Actor) || actor[coreOf].state !== 'new') {
      throw new BeamClawError('child-not-supervisable', `"start" of child "${this.id}" must return an Actor that was not started`)
    }
    this.#actor = actor
    this.#isSupervisor = treeChildren in actor
    const outcome = actor[coreOf].start(supervisor.runtime, this, ++this.#generation, this.#spec.id)
    return isThenable(outcome) ? outcome.then((value) => this.#started(value, actor, turn)) : this.#started(outcome, actor, turn)
  }

  #started(outcome: unknown, actor: AnyActor, turn: number): Started {
    const started = outcome === IGNORE ? IGNORE : actor
    if (this.#lazy?.whenUp !== undefined) {
      this.#lazy.whenUp.resolve(started)
      this.#lazy.whenUp = undefined
      if (this.#lazy.stopping === undefined && this.#lazy.restartTimer === undefined) this.#lazy = undefined
    }
    // The child was stopped or killed meanwhile, and stays so.
    if (turn !== this.#turn) return started
    if (outcome === IGNORE) this.#enter('stopped')
    else this.#enter('running', actor)
    // A temporary child is never started again, so its `start` and what that closes over can be collected.
    if (this.restart === 'temporary') this.#spec = { ...this.#spec, start: temporaryStartedAgain, [givenSpec]: {} }
    return started
  }

  async #finishStart(outcome: PromiseLike<Started>, supervisor: ActorHost, turn: number): Promise<Started> {
    const { clock } = supervisor.runtime.services
    const stopped = supervisor.stopSignal
    const giveUp = Promise.withResolvers<never>()
    const abort = (): void => giveUp.reject(stopped.reason)
    stopped.addEventListener('abort', abort, { once: true })
    if (stopped.aborted) abort()
    const timeoutMs = this.#spec.startTimeoutMs ?? childDefaults.startTimeoutMs
    const onTime = (): void => {
      // The children of a nested supervisor have limits of their own.
      if (this.#spec.startTimeoutMs === undefined && this.#hasOwnGrace()) return
      giveUp.reject(startTimeout(this.id, timeoutMs))
    }
    const timer = clock.setTimer(onTime, timeoutMs)
    try {
      return await Promise.race([outcome, giveUp.promise])
    } catch (error) {
      // The actor started at the same moment: the supervisor stops it like any other child.
      if (this.#isUp()) return await outcome
      if (turn === this.#turn && stopped.aborted && this.#hasOwnGrace()) await this.stop()
      // The caller may rely on it that no incarnation is left when the start rejects.
      else if (this.#lazy?.stopping !== undefined) await this.#lazy.stopping.ended
      throw this.#failed(error, turn)
    } finally {
      timer.cancel()
      stopped.removeEventListener('abort', abort)
    }
  }

  #isUp(): boolean {
    const core = this.#actor?.[coreOf]
    return core?.isAlive === true && core.state !== 'starting'
  }

  #hasOwnGrace(): boolean {
    return this.#actor !== undefined && ownGrace in this.#actor
  }

  #failed(error: unknown, turn: number): ChildStartError {
    if (turn === this.#turn) this.kill()
    return new ChildStartError(this.id, error)
  }

  /** Resolves with the running incarnation, or with the next one. Rejects when there will be none. */
  whenUp(): Promise<Started> {
    if (this.#state === 'running' && this.#actor?.isAlive === true) return Promise.resolve(this.#actor)
    const lazy = this.#ensureLazy()
    lazy.whenUp ??= Promise.withResolvers()
    return lazy.whenUp.promise
  }

  /** True while a caller waits for an incarnation. */
  get isAwaited(): boolean {
    return this.#lazy?.whenUp !== undefined
  }

  /** Rejects the callers that wait for an incarnation: there will be none. */
  giveUp(error: unknown): void {
    const whenUp = this.#lazy?.whenUp
    if (this.#lazy === undefined || whenUp === undefined) return
    this.#lazy.whenUp = undefined
    whenUp.promise.catch(() => {})
    whenUp.reject(error)
  }

  /** Stops the incarnation within its grace; resolves when none is left. The end is not reported to the supervisor. */
  stop(): void | Promise<void> {
    const actor = this.#actor
    this.#enter('stopped')
    if (actor === undefined || !actor.isAlive) return this.#lazy?.stopping?.ended
    const core = actor[coreOf]
    core.disown()
    const shutdown = this.#spec.shutdownMs ?? (ownGrace in actor ? 'infinity' : childDefaults.shutdownMs)
    // An actor that is still in `init` has nothing to clean up, unless it is a supervisor with children.
    if (shutdown === 'kill' || (core.state === 'starting' && !(ownGrace in actor))) return actor.kill()
    const stopped = core.stop(shutdownExit, shutdown === 'infinity' ? Number.POSITIVE_INFINITY : shutdown)
    if (!core.isAlive) return
    const lazy = this.#ensureLazy()
    const ended = stopped.then(() => {
      if (lazy.stopping?.actor === actor) lazy.stopping = undefined
    })
    lazy.stopping = { actor, ended }
    return ended
  }

  /** Releases an incarnation that has ended. */
  forget(): void {
    this.#enter('stopped')
  }

  /** Kills the incarnation, also one that is being stopped. The end is not reported to the supervisor. */
  kill(): void {
    const actor = this.#actor
    this.#enter('stopped')
    this.#lazy?.stopping?.actor.kill()
    actor?.[coreOf].disown()
    actor?.kill()
  }

  childExited(core: ActorHost, reason: ExitReason): void {
    if (this.#actor?.[coreOf] === core) this.#owner.childEnded(this, reason)
  }

  /** Returns true when `actor` has ended and is still the child's incarnation: the end was not handled yet. */
  isStill(actor: AnyActor | undefined): boolean {
    return this.#actor === actor && actor !== undefined && !actor.isAlive
  }

  /** Returns true for the present incarnation, and for the last one until the next is running. */
  isKnownAs(actor: AnyActor): boolean {
    return this.#actor === actor || (this.#state !== 'running' && actor.generation === this.#upGeneration)
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
