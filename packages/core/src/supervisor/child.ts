/**
 * One child of a supervisor: its spec, its present incarnation, and how to start and stop that.
 *
 * Phases: `stopped → starting → running → stopped`, and `restarting` between two incarnations.
 * Owns the incarnation, one that is being stopped, and the timer of a restart that waits. The supervisor owns the child, and lets go of it
 * only when no incarnation is alive.
 * I1: Only `#enter` changes the phase. It cancels the timer and begins a new turn, so that nothing begun in an earlier turn acts in this one.
 * I2: `actor` is defined while `starting` or `running`, from the moment it is made, and only then.
 * I3: Nothing starts for a supervisor that has ended or was told to stop.
 */
import { Actor } from '../actor/actor.ts'
import type { ActorCore } from '../actor/actor-core.ts'
import { exitError, notRunning } from '../actor/failures.ts'
import { coreOf, IGNORE, type Parent } from '../actor/internals.ts'
import { BeamClawError, ChildStartError } from '../base/errors.ts'
import { type ExitReason, shutdownExit } from '../base/exit-reason.ts'
import { isThenable } from '../base/thenable.ts'
import type { Clock, TimerHandle } from '../ports/services.ts'
import { type ChildSpec, type ChildType, childDefaults, givenSpec } from './child-spec.ts'
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
type DynamicSpec = Omit<ChildSpec, 'id'> & { readonly id?: string; readonly [givenSpec]?: object }

/** What few children need, and most of those only for a moment: kept apart so that a child stays small. */
interface RareState {
  restartTimer: TimerHandle | undefined
  /** An incarnation that was told to stop and has not ended yet. */
  stopping: { readonly actor: AnyActor; readonly ended: Promise<void> } | undefined
  whenUp: PromiseWithResolvers<Started> | undefined
}

export class Child implements Parent {
  readonly #owner: ChildOwner
  #spec: DynamicSpec
  #state: ChildState = 'stopped'
  #actor: AnyActor | undefined
  #isSupervisor = false
  /** Counts the phases, so that what was begun in one knows whether it is still that one. */
  #turn = 0
  #generation = 0
  /** The last generation that was up before the restart that is due. */
  #upGeneration = 0
  #rare: RareState | undefined

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
    if (this.#rare?.restartTimer !== undefined) {
      this.#rare.restartTimer.cancel()
      this.#rare.restartTimer = undefined
    }
    return ++this.#turn
  }

  #lazyRare(): RareState {
    this.#rare ??= { restartTimer: undefined, stopping: undefined, whenUp: undefined }
    return this.#rare
  }

  /** Between two incarnations. Returns the turn in which it waits for that restart. */
  awaitRestart(): number {
    if (this.#state === 'running') this.#upGeneration = this.#generation
    return this.#enter('restarting')
  }

  /** True while nothing has happened to the child since that turn began. */
  isIn(turn: number): boolean {
    return turn === this.#turn
  }

  /** Calls back after a while, unless the child is started, stopped or killed first. */
  restartAfter(delayMs: number, clock: Clock, restart: () => void): void {
    const rare = this.#lazyRare()
    rare.restartTimer = clock.setTimer(() => {
      rare.restartTimer = undefined
      restart()
    }, delayMs)
  }

  /**
   * Starts an incarnation: at once where nothing is asynchronous. Throws, or rejects with, `ChildStartError`, also when the supervisor is told
   * to stop first: what is up below a nested supervisor then stops within its grace, anything else of such a start is killed.
   */
  start(supervisor: ActorCore): Started | Promise<Started> {
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

  #startActor(actor: unknown, supervisor: ActorCore, turn: number): Started | PromiseLike<Started> {
    // Stopped or killed while its `start` was still making it.
    if (turn !== this.#turn || !supervisor.isGoingOn) throw goneError(supervisor)
    if (!(actor instanceof Actor) || actor[coreOf].state !== 'new') {
      throw new BeamClawError('child-not-supervisable', `"start" of child "${this.id}" must return an Actor that was not started`)
    }
    this.#actor = actor
    this.#isSupervisor = treeChildren in actor
    const outcome = (actor[coreOf] as ActorCore).start(supervisor.runtime, this, ++this.#generation, this.#spec.id)
    return isThenable(outcome) ? outcome.then((value) => this.#started(value, actor, turn)) : this.#started(outcome, actor, turn)
  }

  #started(outcome: unknown, actor: AnyActor, turn: number): Started {
    const started = outcome === IGNORE ? IGNORE : actor
    if (this.#rare?.whenUp !== undefined) {
      this.#rare.whenUp.resolve(started)
      this.#rare.whenUp = undefined
      if (this.#rare.stopping === undefined && this.#rare.restartTimer === undefined) this.#rare = undefined
    }
    // It was stopped or killed since, and that is what counts.
    if (turn !== this.#turn) return started
    if (outcome === IGNORE) this.#enter('stopped')
    else this.#enter('running', actor)
    // A temporary child is never started again, so what it was made from need not be kept.
    if (this.restart === 'temporary') this.#spec = { ...this.#spec, start: startedOnce, [givenSpec]: {} }
    return started
  }

  async #finishStart(outcome: PromiseLike<Started>, supervisor: ActorCore, turn: number): Promise<Started> {
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
      // It came up in the same moment: it is stopped like any other then.
      if (this.#isUp()) return await outcome
      if (turn === this.#turn && stopped.aborted && this.#hasOwnGrace()) await this.stop()
      // Whoever hears of the failure may take it that nothing is left.
      else if (this.#rare?.stopping !== undefined) await this.#rare.stopping.ended
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

  /** Resolves with the incarnation that is up now, or with the next one that is. Rejects once there will be none. */
  whenUp(): Promise<Started> {
    if (this.#state === 'running' && this.#actor?.isAlive === true) return Promise.resolve(this.#actor)
    const rare = this.#lazyRare()
    rare.whenUp ??= Promise.withResolvers()
    return rare.whenUp.promise
  }

  /** True while somebody waits for an incarnation to be up. */
  get isAwaited(): boolean {
    return this.#rare?.whenUp !== undefined
  }

  /** Tells those who wait that no further incarnation will come. */
  giveUp(error: unknown): void {
    const whenUp = this.#rare?.whenUp
    if (this.#rare === undefined || whenUp === undefined) return
    this.#rare.whenUp = undefined
    whenUp.promise.catch(() => {})
    whenUp.reject(error)
  }

  /** Ends the incarnation, if there is one, within its grace; resolves when none is left. The supervisor hears nothing of it. */
  stop(): void | Promise<void> {
    const actor = this.#actor
    this.#enter('stopped')
    if (actor === undefined || !actor.isAlive) return this.#rare?.stopping?.ended
    const core = actor[coreOf]
    core.disown()
    const shutdown = this.#spec.shutdownMs ?? (ownGrace in actor ? 'infinity' : childDefaults.shutdownMs)
    // What is still in its `init` has nothing to tidy up yet, unless it has started others.
    if (shutdown === 'kill' || (core.state === 'starting' && !(ownGrace in actor))) return actor.kill()
    const stopped = core.stop(shutdownExit, shutdown === 'infinity' ? Number.POSITIVE_INFINITY : shutdown)
    if (!core.isAlive) return
    const rare = this.#lazyRare()
    const ended = stopped.then(() => {
      if (rare.stopping?.actor === actor) rare.stopping = undefined
    })
    rare.stopping = { actor, ended }
    return ended
  }

  /** Lets go of an incarnation that has ended. */
  forget(): void {
    this.#enter('stopped')
  }

  /** Ends the incarnation now, also one that is being stopped; the supervisor hears nothing of it. */
  kill(): void {
    const actor = this.#actor
    this.#enter('stopped')
    this.#rare?.stopping?.actor.kill()
    actor?.[coreOf].disown()
    actor?.kill()
  }

  childExited(core: ActorCore, reason: ExitReason): void {
    if (this.#actor?.[coreOf] === core) this.#owner.childEnded(this, reason)
  }

  /** True when `actor` is still the incarnation that ended, so that nothing happened to the child since. */
  isStill(actor: AnyActor | undefined): boolean {
    return this.#actor === actor && actor !== undefined && !actor.isAlive
  }

  /** True for the present incarnation, and for the last one as long as the next is not up. */
  isKnownAs(actor: AnyActor): boolean {
    return this.#actor === actor || (this.#state !== 'running' && actor.generation === this.#upGeneration)
  }

  toInfo(): ChildInfo {
    return {
      id: this.id,
      actor: this.#actor?.isAlive === true ? this.#actor : undefined,
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

/** Why a supervisor starts nobody any more. */
function goneError(supervisor: ActorCore): BeamClawError {
  return supervisor.exitReason === undefined ? notRunning(supervisor.id) : exitError(supervisor.id, supervisor.exitReason)
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
