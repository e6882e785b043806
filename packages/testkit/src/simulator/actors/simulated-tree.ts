/** Supervisors that are watched, and child specs made from plans. */
import { type Actor, type ChildSpec, DynamicSupervisor, Supervisor } from '@beamclaw/core'
import type { ActorWorld } from './actor-world.ts'
import { type AnyActor, Life } from './life.ts'
import type { NodePlan } from './node-plan.ts'
import { SimulatedTaskSupervisor } from './simulated-tasks.ts'
import { SimulatedWorker } from './simulated-worker.ts'

export class SimulatedSupervisor extends Supervisor {
  readonly life: Life

  constructor(world: ActorWorld, plan: NodePlan, parent: Life | undefined) {
    const id = world.nextName(`${plan.name}.`)
    const { strategy, maxRestarts, withinMs, backoff } = plan
    const children = plan.children.map((child) => toSpec(world, child, () => this.life))
    super({ id, strategy, maxRestarts, withinMs, children, ...(backoff === undefined ? {} : { backoff }) })
    this.life = new Life(world, id, plan, parent, this as unknown as AnyActor)
  }

  protected override init(): void | Promise<void> {
    this.monitor(({ reason }) => this.life.ended(reason))
    this.life.enter('init')
    const started = super.init()
    if (started === undefined) this.life.leave('init')
    else started.then(() => this.life.leave('init')).catch(() => {})
    return started
  }
}

export class SimulatedDynamicSupervisor extends DynamicSupervisor {
  readonly life: Life

  constructor(world: ActorWorld, plan: NodePlan, parent: Life | undefined) {
    const id = world.nextName(`${plan.name}.`)
    const { maxRestarts, withinMs, backoff } = plan
    super({ id, maxRestarts, withinMs, ...(backoff === undefined ? {} : { backoff }) })
    this.life = new Life(world, id, plan, parent, this as unknown as AnyActor)
  }

  protected override init(): void {
    this.monitor(({ reason }) => this.life.ended(reason))
    this.life.enter('init')
    this.life.leave('init')
  }
}

/** A new incarnation of what is planned. */
export function makeNode(world: ActorWorld, plan: NodePlan, parent: Life | undefined): AnyActor {
  switch (plan.kind) {
    case 'worker':
      return new SimulatedWorker(world, plan, parent) as unknown as AnyActor
    case 'supervisor':
      return new SimulatedSupervisor(world, plan, parent) as unknown as AnyActor
    case 'dynamic':
      return new SimulatedDynamicSupervisor(world, plan, parent) as unknown as AnyActor
    case 'tasks':
      return new SimulatedTaskSupervisor(world, plan, parent) as unknown as AnyActor
  }
}

/** The spec of what is planned, for a supervisor that may not be made yet. */
export function toSpec(world: ActorWorld, plan: NodePlan, parent: () => Life): ChildSpec {
  const make = (): Actor<never, unknown> => makeNode(world, plan, parent())
  return {
    id: plan.name,
    restart: plan.restart,
    start: () => {
      if (world.mayGoWrong(2)) throw new Error(`${plan.name} cannot be made`)
      return plan.isMadeSlowly ? world.wait(15).then(make) : make()
    },
    ...(plan.kind === 'worker' ? { shutdownMs: plan.shutdownMs, startTimeoutMs: plan.startTimeoutMs } : {}),
  }
}
