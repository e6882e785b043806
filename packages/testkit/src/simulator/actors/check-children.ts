/** In the calm each supervisor must have the children that its restart types ask for. */
import type { ActorWorld } from './actor-world.ts'
import type { Life } from './life.ts'
import { SimulatedDynamicSupervisor, SimulatedSupervisor } from './simulated-tree.ts'

export function checkChildren(world: ActorWorld): void {
  for (const life of world.lives) {
    if (!life.isAlive) continue
    const { actor } = life
    if (actor instanceof SimulatedSupervisor) checkListed(world, life, actor)
    if (actor instanceof SimulatedDynamicSupervisor) checkDynamic(world, life, actor)
  }
}

function checkListed(world: ActorWorld, life: Life, supervisor: SimulatedSupervisor): void {
  // As in OTP: when the child whose restart failed is terminated before the next try, those stopped with it stay stopped.
  if (life.plan.strategy !== 'oneForOne' && life.dismissed.size > 0) return
  for (const { id, state, restart } of supervisor.whichChildren()) {
    const last = world.lives.findLast((one) => one.parent === life && one.plan.name === id)
    if (state === 'running' && last?.isAlive === true) continue
    if (state === 'stopped' && (last === undefined || life.dismissed.has(id) || !needsRestart(restart, last))) continue
    world.trace.fail('A7', `${id} of ${life.id} is ${restart}, ended ${last?.reason?.type}, and is ${state}`)
  }
}

function checkDynamic(world: ActorWorld, life: Life, supervisor: SimulatedDynamicSupervisor): void {
  const names = new Set(world.lives.filter((one) => one.parent === life).map((one) => one.plan.name))
  for (const { id, state, actor } of supervisor.whichChildren()) {
    if (state !== 'running' || actor === undefined) world.trace.fail('A7', `${id} of ${life.id} is ${state}`)
  }
  for (const name of names) {
    const last = world.lives.findLast((one) => one.parent === life && one.plan.name === name)
    if (last === undefined || last.isAlive || life.dismissed.has(name) || last.startEvents === 0) continue
    if (needsRestart(last.plan.restart, last))
      world.trace.fail('A7', `${last.id} is ${last.plan.restart}, ended ${last.reason?.type}, and was not restarted`)
  }
}

function needsRestart(restart: string, { reason, actor }: Life): boolean {
  if (actor?.generation === 1 && reason === undefined) return false
  const isIgnored = reason?.type === 'normal' && actor?.exitReason?.type === 'normal'
  if (restart === 'permanent') return !isIgnored
  return restart === 'transient' && (reason?.type === 'crashed' || reason?.type === 'killed')
}
