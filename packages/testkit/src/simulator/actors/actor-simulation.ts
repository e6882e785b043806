/** One simulation of actor trees: a storm of operations at every boundary, then calm, then everything must be as promised. */
import { pickOne } from '../../seeded-random.ts'
import { ActorWorld } from './actor-world.ts'
import { checkChildren } from './check-children.ts'
import { checkRetention } from './check-retention.ts'
import { planKind } from './node-plan.ts'
import { operate } from './operations.ts'
import { checkPending, track } from './pending.ts'
import { watchEvents } from './restart-watch.ts'
import { SimulatedTaskSupervisor } from './simulated-tasks.ts'
import { makeNode, SimulatedDynamicSupervisor, SimulatedSupervisor } from './simulated-tree.ts'
import { Idle, SimulatedWorker } from './simulated-worker.ts'

/** Virtual milliseconds after which everything that has a limit is over. */
const calmMs = 120_000

export interface ActorSimulationReport {
  readonly seed: number
  /** The events, one a line; the same for the same seed. */
  readonly trace: readonly string[]
  /** Actors and supervisors that were made. */
  readonly lives: number
  readonly restarts: number
}

export class ActorSimulation {
  readonly #world: ActorWorld
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
    this.#world = new ActorWorld(seed)
  }

  /** Runs it to its end. `checksRetention` looks for what is retained, which takes a run of the garbage collector. */
  async run(steps: number, checksRetention: boolean): Promise<ActorSimulationReport> {
    const world = this.#world
    const onError = (error: unknown): void => world.trace.fail('A5', `unhandled: ${error instanceof Error ? error.stack : String(error)}`)
    process.on('unhandledRejection', onError)
    process.on('uncaughtException', onError)
    try {
      watchEvents(world)
      await this.#storm(steps)
      await this.#calm()
      await this.#checkLiving()
      checkChildren(world)
      this.#check()
      if (checksRetention) await checkRetention(world)
      await this.#end()
      this.#check()
    } finally {
      process.off('unhandledRejection', onError)
      process.off('uncaughtException', onError)
    }
    const restarts = world.lives.reduce((sum, life) => sum + life.restarts.length, 0)
    return { seed: this.#seed, trace: world.trace.lines, lives: world.lives.length, restarts }
  }

  #startTree(): void {
    const world = this.#world
    const kind = pickOne(world.chance, ['supervisor', 'supervisor', 'dynamic'] as const)
    const plan = planKind(world.chance, (prefix) => world.nextName(prefix), kind, 2)
    const root = makeNode(world, plan, undefined)
    const life = world.lives.at(-1)
    world.note(`start the tree ${root.id}`)
    track(world, `start of ${root.id}`, world.start(root), Number.POSITIVE_INFINITY, life)
  }

  async #storm(steps: number): Promise<void> {
    const world = this.#world
    for (let step = 0; step < steps; step++) {
      if (!world.lives.some((life) => life.isSupervisor && life.isAlive)) this.#startTree()
      else world.guard('an operation', () => operate(world))
      this.#check()
      await this.#pass()
    }
  }

  /** Advances by a random amount before the next operation. */
  async #pass(): Promise<void> {
    const world = this.#world
    const dice = world.chance.next()
    if (dice < 0.2) return
    if (dice < 0.5) await world.microtasks()
    else if (dice < 0.65) await world.breathe()
    else if (dice < 0.8) await this.#advance(Math.min(1_000, world.time.nextTimerInMs ?? 0))
    else if (dice < 0.95) await this.#advance(pickOne(world.chance, [1, 10, 60]))
    else await this.#advance(pickOne(world.chance, [700, 6_000]))
    this.#check()
  }

  /** Moves on, timer by timer, looking after each. */
  async #advance(ms: number): Promise<void> {
    const world = this.#world
    const target = world.now + ms
    await this.#rest()
    for (let next = world.time.nextTimerInMs; next !== undefined && world.now + next <= target; next = world.time.nextTimerInMs) {
      await world.time.advance(next)
      await this.#rest()
    }
    await world.time.advance(Math.max(0, target - world.now))
  }

  /** Waits until nothing has anything left to do but wait for time, and looks. */
  async #rest(): Promise<void> {
    const world = this.#world
    do {
      await world.time.advance(0)
      await world.breathe()
    } while (world.time.nextTimerInMs === 0 || world.isYielding)
    this.#checkAtRest()
  }

  async #calm(): Promise<void> {
    const world = this.#world
    world.isCalm = true
    world.note('calm')
    await this.#advance(calmMs)
  }

  /** Every live actor without an endless handler replies. */
  async #checkLiving(): Promise<void> {
    const world = this.#world
    for (const life of [...world.lives]) {
      const { actor } = life
      if (actor?.isAlive !== true) continue
      if (actor instanceof SimulatedWorker) {
        if (life.isInHand('handle') || life.isInHand('onActivate') || life.isInHand('onPassivate')) continue
        track(world, `last call of ${life.id}`, actor.call({ do: 'return' }, { timeoutMs: 1_000 }), world.now, life)
      } else if (actor instanceof SimulatedTaskSupervisor) {
        if (actor.size === life.plan.maxChildren) continue
        track(
          world,
          `last task of ${life.id}`,
          actor.run(() => 'ok'),
          world.now,
          life,
        )
      } else if (actor instanceof SimulatedSupervisor) {
        track(world, `last question to ${life.id}`, actor.terminateChild('nobody'), world.now, life)
      } else if (actor instanceof SimulatedDynamicSupervisor) {
        track(
          world,
          `last question to ${life.id}`,
          actor.ensureChild({ id: 'last', restart: 'temporary', start: () => new Idle() }),
          world.now,
          life,
        )
      }
    }
    await world.time.advance(1)
    await this.#rest()
  }

  async #end(): Promise<void> {
    const world = this.#world
    world.note('end')
    for (const life of world.lives) {
      if (life.parent !== undefined || !life.isAlive) continue
      life.stopWithin(life.plan.kind === 'worker' ? 5_000 : Number.POSITIVE_INFINITY)
      const stopped = life.actor?.stop()
      if (stopped !== undefined) track(world, `last stop of ${life.id}`, stopped, world.now + calmMs, life)
    }
    await this.#advance(calmMs)
    for (const life of world.lives) if (life.isAlive) world.trace.fail('A3', `${life.id} lives on after everything was stopped`)
    const timers = world.time.pendingTimers('actors')
    if (timers > 0) world.trace.fail('A6', `${timers} timers are left`)
    if (world.pending.size > 0) world.trace.fail('A3', `these never settled: ${[...world.pending].map(({ what }) => what).join(', ')}`)
  }

  #checkAtRest(): void {
    for (const life of this.#world.lives) life.checkAtRest()
    checkPending(this.#world)
    this.#world.tasks.checkAtRest()
    this.#check()
  }

  #check(): void {
    for (const life of this.#world.lives) life.check()
    this.#world.trace.check()
  }
}
