/** An actor whose every hook is watched and may do anything. */
import { Actor, type ActorContext, type ExitNotice, IGNORE } from '@beamclaw/core'
import { integerBetween } from '../../seeded-random.ts'
import type { ActorWorld } from './actor-world.ts'
import { type Outcome, perform, pickOutcome } from './behaviour.ts'
import { type Hook, Life } from './life.ts'
import type { NodePlan } from './node-plan.ts'
import { checkCycle, codeOf } from './pending.ts'

export interface WorkerMessage {
  readonly do: Outcome | 'ask' | 'background' | 'watch' | 'keep-awake' | 'wait-until' | 'finish'
  /** On the monotonic clock: it must not be handled later. */
  readonly deadline?: number
  /** Not the actor itself: a message that waits for ever must not keep it in memory. */
  readonly target?: Life
}

/** The deadline of a call that one actor makes of another, in milliseconds. */
const innerCallMs = 300

export class SimulatedWorker extends Actor<WorkerMessage, unknown> {
  readonly life: Life
  readonly #world: ActorWorld
  #signal: AbortSignal | undefined

  constructor(world: ActorWorld, plan: NodePlan, parent: Life | undefined) {
    const id = world.nextName(`${plan.name}.`)
    super({ id, passivateAfterMs: plan.passivateAfterMs, maxSize: plan.maxSize })
    this.#world = world
    this.life = new Life(world, id, plan, parent, this)
  }

  protected override init(context: ActorContext): Promise<void | typeof IGNORE> {
    this.monitor(({ reason }) => this.life.ended(reason))
    const world = this.#world
    const isIgnored = world.mayGoWrong(3)
    if (world.mayGoWrong(5)) this.#inBackground(context)
    return this.#run('init', context, isIgnored ? IGNORE : undefined) as Promise<void | typeof IGNORE>
  }

  protected override handle(message: WorkerMessage, context: ActorContext): unknown {
    const world = this.#world
    if (message.deadline !== undefined && message.deadline <= world.now) {
      world.trace.fail('A3', `${this.id} handles a message ${world.now - message.deadline} ms after its deadline`)
    }
    world.checkFairness(this.life)
    return this.#obey('handle', message, context)
  }

  protected override handleControl(message: WorkerMessage, context: ActorContext): unknown {
    return this.#obey('handleControl', message, context)
  }

  protected override handleExit(_notice: ExitNotice, context: ActorContext): Promise<void> {
    return this.#run('handleExit', context) as Promise<void>
  }

  protected override onStop(_reason: unknown, context: ActorContext): Promise<void> {
    return this.#run('onStop', context) as Promise<void>
  }

  protected override onPassivate(context: ActorContext): Promise<void> {
    return this.#run('onPassivate', context) as Promise<void>
  }

  protected override onActivate(context: ActorContext): Promise<void> {
    return this.#run('onActivate', context) as Promise<void>
  }

  #run(hook: Hook, context: ActorContext, result?: unknown): unknown {
    this.life.enter(hook)
    this.#watchSignal(context)
    return perform(this.#world, { life: this.life, hook, outcome: pickOutcome(this.#world, hook) }, context, result)
  }

  #obey(hook: 'handle' | 'handleControl', message: WorkerMessage, context: ActorContext): unknown {
    const { life } = this
    life.enter(hook)
    this.#watchSignal(context)
    switch (message.do) {
      case 'ask':
        return this.#ask(hook, message.target, context)
      case 'background':
        this.#inBackground(context)
        break
      case 'watch':
        this.#watch(message.target, context)
        break
      case 'keep-awake':
        context.keepAwake(this.#world.wait(50))
        break
      case 'wait-until':
        context.waitUntil(this.#world.wait(50))
        break
      case 'finish':
        context.stop()
        break
      default:
        return perform(this.#world, { life, hook, outcome: message.do }, context, 'ok')
    }
    life.leave(hook)
    return 'ok'
  }

  /** Records the owners of its monitors, to check that a monitor ends with its owner. */
  override monitor(onExit: (notice: ExitNotice) => void): () => void {
    const { watcher } = this.#world
    const { id } = this
    if (watcher === undefined) return super.monitor(onExit)
    const cancel = super.monitor((notice) => {
      watcher.monitors.delete(id)
      onExit(notice)
    })
    watcher.monitors.add(id)
    return () => {
      watcher.monitors.delete(id)
      cancel()
    }
  }

  #watch(target: Life | undefined, context: ActorContext): void {
    const world = this.#world
    const { monitors } = this.life
    if (target?.actor === undefined || monitors.has(target.id)) return
    world.watcher = this.life
    try {
      context.monitor(target.actor)
    } finally {
      world.watcher = undefined
    }
  }

  /** A call that the message in hand waits for. */
  async #ask(hook: 'handle' | 'handleControl', to: Life | undefined, context: ActorContext): Promise<unknown> {
    const { life } = this
    const target = to?.actor as SimulatedWorker | undefined
    if (target === undefined || hook !== 'handle') {
      life.leave(hook)
      return 'nobody'
    }
    life.awaited.add(target.id)
    try {
      const deadline = this.#world.now + innerCallMs
      return await context.call(target, { do: 'resolve', deadline }, { timeoutMs: innerCallMs })
    } catch (error) {
      checkCycle(this.#world, error)
      return codeOf(error)
    } finally {
      life.leave(hook)
    }
  }

  /** Calls another actor later, possibly outside of any handler. */
  #inBackground(context: ActorContext): void {
    const world = this.#world
    const call = async (): Promise<void> => {
      await world.wait(integerBetween(world.mood, 0, 20))
      const others = world.lives.filter((life) => life.plan.kind === 'worker' && life.isAlive && life !== this.life)
      const target = others[integerBetween(world.mood, 0, Math.max(0, others.length - 1))]?.actor as SimulatedWorker | undefined
      if (target === undefined || this.life.isInHand('init')) return
      try {
        await context.call(target, { do: 'slow', deadline: world.now + innerCallMs }, { timeoutMs: innerCallMs })
      } catch (error) {
        if (codeOf(error) === 'call-cycle') world.trace.fail('A10', `${this.id} calls ${target.id} in the background: ${String(error)}`)
      }
    }
    void call()
  }

  #watchSignal({ signal }: ActorContext): void {
    if (signal === this.#signal) return
    this.#signal = signal
    if (this.#world.mayGoWrong(10)) {
      signal.addEventListener('abort', () => {
        throw new Error('an abort listener fails')
      })
    }
    signal.addEventListener('abort', () => this.life.signalled(codeOf(signal.reason)), { once: true })
    if (signal.aborted) this.life.signalled(codeOf(signal.reason))
  }
}

/** An actor that does nothing. */
export class Idle extends Actor<never> {
  protected override handle(): void {}
}
