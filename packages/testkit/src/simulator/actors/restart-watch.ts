/** A listener that checks every start, exit and restart against the guarantees, and sometimes misbehaves itself. */
import type { ActorWorld } from './actor-world.ts'
import type { Life } from './life.ts'

export function watchEvents(world: ActorWorld): void {
  const { telemetry, trace } = world
  telemetry.on('actor-start', ({ id }) => {
    const life = find(world, id)
    if (life === undefined) return heardOfTask(world, 'actor-start', id)
    life.startEvents++
    world.note(`  ${id} is up`)
    doHarm(world, life)
  })
  telemetry.on('actor-exit', ({ id }) => {
    const life = find(world, id)
    if (life === undefined) return heardOfTask(world, 'actor-exit', id)
    life.exitEvents++
    if (life.exitEvents > 1) trace.fail('A1', `${id} has ${life.exitEvents} exit events`)
    doHarm(world, life)
  })
  telemetry.on('actor-restart', ({ id, supervisorId, generation }) => {
    const supervisor = find(world, supervisorId)
    if (supervisor === undefined) return
    world.note(`  ${supervisorId} restarts ${id}, generation ${generation}`)
    checkRestart(world, supervisor, id)
    doHarm(world, supervisor)
  })
  telemetry.on('restart-limit', ({ supervisorId, maxRestarts, withinMs, childId }) => {
    const supervisor = find(world, supervisorId)
    world.note(`  ${supervisorId} gives up because of ${childId}`)
    if (supervisor === undefined || supervisor.plan.backoff !== undefined) return
    const counted = countSince(supervisor, world.now - withinMs)
    if (counted !== maxRestarts) trace.fail('A7', `${supervisorId} gives up after ${counted} of ${maxRestarts} restarts`)
  })
}

/** The longest between the end of a child and its supervisor's turn, in milliseconds. */
const decidedWithinMs = 60

function checkRestart(world: ActorWorld, supervisor: Life, name: string): void {
  const { plan } = supervisor
  const last = world.lives.findLast((life) => life.parent === supervisor && life.plan.name === name)
  if (supervisor.isOver) world.trace.fail('A1', `${supervisor.id} restarts ${name} after its end`)
  const endedAt = last?.isOver === true ? last.endedAt : world.now
  // A restart counts from when it is decided, which is a little later than the end.
  const others = supervisor.restarts.filter((one) => one.endedAt >= endedAt - plan.withinMs + decidedWithinMs)
  if (plan.backoff !== undefined && last?.isOver === true && others.length > 0) {
    const waited = world.now - last.endedAt
    const least = plan.backoff.minMs / 2
    if (waited < least) world.trace.fail('A7', `${supervisor.id} waits ${waited} ms before it restarts ${name}, and ${least} were due`)
  }
  supervisor.restarts.push({ at: world.now, endedAt })
  const counted = countSince(supervisor, world.now - plan.withinMs)
  if (counted > plan.maxRestarts) world.trace.fail('A7', `${supervisor.id} has restarted ${counted} times, ${plan.maxRestarts} are allowed`)
}

function countSince({ restarts, plan }: Life, time: number): number {
  // With a backoff they come closer together than they were decided.
  return restarts.filter(({ at, endedAt }) => (plan.backoff === undefined ? at : endedAt) >= time).length
}

function find(world: ActorWorld, id: string): Life | undefined {
  return world.lives.find((life) => life.id === id)
}

function heardOfTask(world: ActorWorld, type: 'actor-start' | 'actor-exit', id: string): void {
  const owner = world.tasks.event(type, id)
  if (owner !== undefined) doHarm(world, owner)
}

/** A listener may throw, and it may end whom it hears of. */
function doHarm(world: ActorWorld, life: Life): void {
  const victim = world.mayGoWrong(25) ? (life.parent ?? life) : life
  const dice = world.isCalm ? 1 : world.mood.next()
  if (dice < 0.02) {
    world.note(`  a listener kills ${victim.id}`)
    victim.allowKill()
    victim.actor?.kill()
  } else if (dice < 0.04 && !victim.isOver) {
    world.note(`  a listener stops ${victim.id}`)
    victim.stopWithin(5_000)
    victim.actor?.stop({ type: 'shutdown' }, { timeoutMs: 5_000 }).catch(() => {})
  }
  if (world.mayGoWrong(5)) throw new Error('a listener fails')
}
