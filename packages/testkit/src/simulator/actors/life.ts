/** The external view of one incarnation of a worker or supervisor: the commands it got, its hooks, its end. */
import type { Actor, ExitReason } from '@beamclaw/core'
import type { Trace } from '../trace.ts'
import type { NodePlan } from './node-plan.ts'

export type AnyActor = Actor<never, unknown>

type Phase = 'new' | 'init' | 'up' | 'passivating' | 'asleep' | 'activating' | 'stopping'
export type Hook = 'init' | 'handle' | 'handleControl' | 'handleExit' | 'onStop' | 'onPassivate' | 'onActivate'

/** The phases in which each hook may begin. */
const phasesOf: Readonly<Record<Hook, readonly Phase[]>> = {
  init: ['new'],
  handle: ['up'],
  handleControl: ['up', 'stopping'],
  handleExit: ['up', 'stopping'],
  onStop: ['up', 'asleep'],
  onPassivate: ['up'],
  onActivate: ['asleep'],
}

/** What a life needs of its world. */
export interface LifeWorld {
  readonly now: number
  readonly trace: Trace
  readonly lives: Life[]
  note(line: string): void
}

export class Life {
  readonly id: string
  readonly plan: NodePlan
  readonly parent: Life | undefined
  readonly world: LifeWorld
  readonly weak: WeakRef<AnyActor>
  /** Let go of when what is retained is looked for. */
  actor: AnyActor | undefined
  phase: Phase = 'new'
  startedAt = 0
  /** It was killed on purpose, or something above it was. */
  mayBeKilled = false
  /** After a stop was requested: the earliest time of a kill, and the latest time of the end. */
  killableFrom = Number.POSITIVE_INFINITY
  overAt = Number.POSITIVE_INFINITY
  isStoppedFromOutside = false
  reason: ExitReason | undefined
  endedAt = 0
  exitNotices = 0
  startEvents = 0
  exitEvents = 0
  /** Of a supervisor: names of children that the script terminated or deleted. */
  readonly dismissed = new Set<string>()
  /** Of a supervisor: when it restarted, and when the child had ended that made it. */
  readonly restarts: { readonly at: number; readonly endedAt: number }[] = []
  /** Ids that the message in hand has called and has no answer from. */
  readonly awaited = new Set<string>()
  /** Monitors that its context holds on others. */
  readonly monitors = new Set<string>()
  readonly #inHand = new Set<Hook>()

  constructor(world: LifeWorld, id: string, plan: NodePlan, parent: Life | undefined, actor: AnyActor) {
    this.world = world
    this.id = id
    this.plan = plan
    this.parent = parent
    this.actor = actor
    this.weak = new WeakRef(actor)
    world.lives.push(this)
  }

  /** The life whose runtime this one shares. */
  get root(): Life {
    return this.parent?.root ?? this
  }

  get isSupervisor(): boolean {
    return this.plan.kind === 'supervisor' || this.plan.kind === 'dynamic'
  }

  get isAlive(): boolean {
    return this.actor?.isAlive === true
  }

  get isOver(): boolean {
    return this.reason !== undefined
  }

  /** Hooks that began and have not ended well. */
  get hooksInHand(): number {
    return this.#inHand.size
  }

  isInHand(hook: Hook): boolean {
    return this.#inHand.has(hook)
  }

  /** Called when a hook begins. */
  enter(hook: Hook): void {
    const { world } = this
    if (this.isOver) world.trace.fail('A1', `${hook} of ${this.id} runs after its end`)
    if (!phasesOf[hook].includes(this.phase)) world.trace.fail('A8', `${hook} of ${this.id} runs in the phase ${this.phase}`)
    if (hook === 'handle' || hook === 'onStop') {
      if (this.#inHand.has('handle')) world.trace.fail('A8', `${hook} of ${this.id} runs beside a message in hand`)
    }
    this.#inHand.add(hook)
    if (hook === 'init') this.phase = 'init'
    if (hook === 'onStop') this.phase = 'stopping'
    if (hook === 'onPassivate') this.phase = 'passivating'
    if (hook === 'onActivate') this.phase = 'activating'
    if (hook === 'init') this.startedAt = world.now
  }

  /** Called when a hook has ended well. */
  leave(hook: Hook): void {
    this.#inHand.delete(hook)
    if (hook === 'handle') this.awaited.clear()
    if (hook === 'init' || hook === 'onActivate') this.phase = this.phase === 'stopping' ? 'stopping' : 'up'
    if (hook === 'onPassivate') this.phase = 'asleep'
  }

  /** Called when a hook is about to throw. */
  fail(hook: Hook): void {
    this.#inHand.delete(hook)
    if (hook === 'handle') this.awaited.clear()
    // Where that was its way of stopping, it stops from here.
    if (hook === 'onPassivate' || hook === 'onActivate') this.phase = 'up'
  }

  /** Called when the script requests a stop within so many milliseconds. */
  stopWithin(timeoutMs: number): void {
    if (this.isOver || this.phase === 'new') return
    const { shutdownMs } = this.plan
    // Its supervisor may have been told to stop it too, which is not visible from outside now.
    const own =
      typeof shutdownMs === 'number' && this.parent !== undefined ? shutdownMs : this.parent === undefined ? Number.POSITIVE_INFINITY : 0
    this.isStoppedFromOutside = true
    this.killableFrom = Math.min(this.killableFrom, this.world.now + Math.min(timeoutMs, own))
    const graceMs = this.plan.kind === 'tasks' ? this.plan.graceMs : Number.POSITIVE_INFINITY
    this.overAt = Math.min(this.overAt, this.world.now + Math.min(timeoutMs, graceMs))
  }

  /** Called when its signal was aborted: by the script, or else by its supervisor. */
  signalled(code: string): void {
    if (code !== 'actor-stopped' || this.isStoppedFromOutside || this.isOver) return
    const { shutdownMs } = this.plan
    if (shutdownMs === 'kill') this.mayBeKilled = true
    const graceMs = typeof shutdownMs === 'number' ? shutdownMs : Number.POSITIVE_INFINITY
    this.killableFrom = Math.min(this.killableFrom, this.world.now + graceMs)
    this.overAt = Math.min(this.overAt, this.world.now + graceMs)
  }

  /** Called when the script kills it, and with it everything below. */
  allowKill(): void {
    this.mayBeKilled = true
    for (const life of this.world.lives) if (life.parent === this) life.allowKill()
  }

  /** Holds nothing any more that could keep the actor in memory; the stack of an error can. */
  letGo(): void {
    this.actor = undefined
    if (this.reason?.type === 'crashed') this.reason = { type: 'crashed', cause: undefined }
    if (this.reason?.type === 'shutdown') this.reason = { type: 'shutdown' }
  }

  /** Called with each exit notice. */
  ended(reason: ExitReason): void {
    const { world } = this
    this.exitNotices++
    if (this.exitNotices > 1) world.trace.fail('A1', `${this.id} has ended ${this.exitNotices} times`)
    if (this.isOver) return
    this.reason = reason
    this.endedAt = world.now
    world.note(`  ${this.id} ended: ${reason.type}`)
    if (reason.type === 'killed') this.#checkKill()
    if (this.plan.kind !== 'worker' && reason.type === 'crashed') world.trace.fail('A5', `${this.id} has crashed: ${String(reason.cause)}`)
    if (this.monitors.size > 0) world.trace.fail('A6', `${this.id} has ended and still monitors ${[...this.monitors].join(', ')}`)
  }

  #checkKill(): void {
    const { world } = this
    if (this.mayBeKilled || this.#isParentFailed() || world.now >= this.killableFrom) return
    if (this.phase === 'init' || this.startEvents === 0) {
      // What is still in its init has nothing to tidy up; a supervisor has: those it has started.
      if (!this.isSupervisor || world.now >= this.startedAt + this.plan.startTimeoutMs) return
    }
    if (this.plan.shutdownMs === 'kill') return
    world.trace.fail(
      'A4',
      `${this.id} was killed in the phase ${this.phase}, ${this.killableFrom - world.now} ms before its grace was over`,
    )
  }

  #isParentFailed(): boolean {
    const reason = this.parent?.actor?.exitReason ?? this.parent?.reason
    return reason?.type === 'killed' || reason?.type === 'crashed'
  }

  /** Called after each thing that happens: none of this needs time to come true. */
  check(): void {
    const { actor, world } = this
    if (actor === undefined) return
    if (this.isOver && actor.isAlive) world.trace.fail('A1', `${this.id} is alive again`)
    if (this.isOver && actor.exitReason !== this.reason) world.trace.fail('A1', `the exit reason of ${this.id} has changed`)
    if (actor.isAlive && this.parent?.isOver === true) world.trace.fail('A2', `${this.id} outlives its supervisor ${this.parent.id}`)
  }

  /** Called when nothing has anything left to do but wait for time. */
  checkAtRest(): void {
    const { actor, world } = this
    if (actor?.isAlive === true && world.now > this.overAt) {
      world.trace.fail('A4', `${this.id} is alive ${world.now - this.overAt} ms after its grace (phase ${this.phase})`)
    }
    if (actor?.exitReason !== undefined && this.phase !== 'new' && this.exitNotices !== 1) {
      world.trace.fail('A1', `${this.id} has ended and its monitor heard of it ${this.exitNotices} times`)
    }
    if (this.isOver && this.startEvents !== this.exitEvents) {
      world.trace.fail('A1', `${this.id} has ${this.startEvents} start and ${this.exitEvents} exit events`)
    }
  }
}
