/** The operations on the trees from outside, one at a time. */
import { pickOne } from '../../seeded-random.ts'
import type { ActorWorld } from './actor-world.ts'
import type { Life } from './life.ts'
import { send } from './messages.ts'
import { misuse } from './misuse.ts'
import { planKind } from './node-plan.ts'
import { codeOf, track } from './pending.ts'
import { SimulatedTaskSupervisor } from './simulated-tasks.ts'
import { makeNode, SimulatedDynamicSupervisor, SimulatedSupervisor, toSpec } from './simulated-tree.ts'
import { SimulatedWorker } from './simulated-worker.ts'

/** The relative frequency of each operation. */
const weights = {
  call: 16,
  cast: 12,
  crash: 8,
  kill: 5,
  stop: 7,
  background: 4,
  ask: 6,
  burst: 3,
  watch: 3,
  startChild: 8,
  terminateChild: 8,
  restartChild: 4,
  deleteChild: 2,
  ensureChild: 4,
  alone: 3,
  run: 10,
  stream: 4,
  cancel: 4,
  misuse: 4,
} as const

export type Operation = keyof typeof weights

/** Does one thing, chosen by chance. */
export function operate(world: ActorWorld): void {
  const operation = pickOperation(world)
  switch (operation) {
    case 'kill':
      return kill(
        world,
        pickLife(world, () => true),
      )
    case 'stop':
      return stop(
        world,
        pickLife(world, () => true),
      )
    case 'startChild':
    case 'ensureChild':
      return startChild(world, operation)
    case 'terminateChild':
    case 'restartChild':
    case 'deleteChild':
      return changeChild(world, operation)
    case 'alone':
      return startAlone(world)
    case 'run':
    case 'stream': {
      const tasks = pickLife(world, ({ actor }) => actor instanceof SimulatedTaskSupervisor)?.actor
      if (tasks instanceof SimulatedTaskSupervisor) world.tasks[operation](tasks)
      return
    }
    case 'cancel':
      return world.tasks.cancelOne()
    case 'misuse': {
      const life = pickLife(world, () => true)
      if (life !== undefined) misuse(world, life)
      return
    }
    default: {
      const actor = pickLife(world, (life) => life.actor instanceof SimulatedWorker)?.actor as unknown as SimulatedWorker | undefined
      const other = pickLife(world, (life) => life.actor instanceof SimulatedWorker)?.actor as unknown as SimulatedWorker | undefined
      if (actor !== undefined && other !== undefined) send(world, operation, actor, other)
    }
  }
}

function pickOperation({ chance }: ActorWorld): Operation {
  const names = Object.keys(weights) as Operation[]
  let dice = chance.next() * names.reduce((sum, name) => sum + weights[name], 0)
  for (const name of names) {
    dice -= weights[name]
    if (dice < 0) return name
  }
  return 'cast'
}

/** One that is alive, mostly, among those that `fits` lets through. */
function pickLife(world: ActorWorld, fits: (life: Life) => boolean): Life | undefined {
  const all = world.lives.filter((life) => life.actor !== undefined && fits(life))
  const alive = all.filter((life) => life.isAlive)
  const from = alive.length > 0 && world.chance.next() < 0.93 ? alive : all.slice(-5)
  return from.length === 0 ? undefined : pickOne(world.chance, from)
}

function kill(world: ActorWorld, life: Life | undefined): void {
  if (life === undefined) return
  world.note(`kill ${life.id}`)
  life.allowKill()
  life.actor?.kill()
}

function stop(world: ActorWorld, life: Life | undefined): void {
  if (life === undefined) return
  const timeoutMs = pickOne(world.chance, [undefined, undefined, 0, 5, 100, 10_000])
  const limitMs = timeoutMs ?? (life.plan.kind === 'worker' ? 5_000 : Number.POSITIVE_INFINITY)
  world.note(`stop ${life.id} within ${limitMs}`)
  life.stopWithin(limitMs)
  const stopped = life.actor?.stop({ type: 'shutdown' }, timeoutMs === undefined ? {} : { timeoutMs })
  if (stopped !== undefined) track(world, `stop of ${life.id}`, stopped, world.now + limitMs, life)
}

/** Starts an actor without a supervisor; it may be ended in the middle of its start. */
function startAlone(world: ActorWorld): void {
  const plan = planKind(world.chance, (prefix) => world.nextName(prefix), world.chance.next() < 0.3 ? 'tasks' : 'worker', 0)
  const actor = makeNode(world, { ...plan, shutdownMs: 'infinity' }, undefined)
  const life = world.lives.at(-1)
  world.note(`start ${actor.id} alone`)
  track(world, `start of ${actor.id}`, world.start(actor), world.now + 30_000, life)
  const dice = world.chance.next()
  if (dice < 0.2) kill(world, life)
  else if (dice < 0.4) stop(world, life)
}

function startChild(world: ActorWorld, operation: 'startChild' | 'ensureChild'): void {
  const life = pickLife(world, (one) => one.isSupervisor)
  if (life === undefined) return
  const { actor } = life
  const kind = pickOne(world.chance, ['worker', 'worker', 'worker', 'tasks', 'supervisor', 'dynamic'] as const)
  const planned = planKind(world.chance, (prefix) => world.nextName(prefix), kind, 1)
  const plan = operation === 'ensureChild' ? { ...planned, name: `${life.id}-${pickOne(world.chance, ['a', 'b'])}` } : planned
  const spec = toSpec(world, plan, () => life)
  world.note(`${operation} ${plan.name} (${plan.kind}, ${plan.restart}) of ${life.id}`)
  if (actor instanceof SimulatedDynamicSupervisor) {
    const started = operation === 'ensureChild' ? actor.ensureChild(spec) : actor.startChild(spec)
    track(world, `${operation} ${plan.name}`, started, world.now + startLimitMs, life)
  } else if (actor instanceof SimulatedSupervisor) {
    track(world, `startChild ${plan.name}`, actor.startChild(spec), Number.POSITIVE_INFINITY, life)
  }
}

/** A start of a nested supervisor may take as long as its children may. */
const startLimitMs = 10 * 30_000

function changeChild(world: ActorWorld, operation: 'terminateChild' | 'restartChild' | 'deleteChild'): void {
  const life = pickLife(world, (one) => one.isSupervisor)
  const child = pickLife(world, (one) => one.parent === life && life !== undefined)
  if (life === undefined || child?.actor === undefined) return
  const { actor } = life
  world.note(`${operation} ${actor instanceof SimulatedSupervisor ? child.plan.name : child.id} of ${life.id}`)
  if (actor instanceof SimulatedDynamicSupervisor) {
    life.dismissed.add(child.plan.name)
    track(world, `terminateChild ${child.id}`, actor.terminateChild(child.actor), Number.POSITIVE_INFINITY, life)
  } else if (actor instanceof SimulatedSupervisor) {
    if (operation !== 'restartChild') life.dismissed.add(child.plan.name)
    const done = actor[operation](child.plan.name)
    track(world, `${operation} ${child.plan.name}`, done, Number.POSITIVE_INFINITY, life)
    // As in OTP: a stopped child whose restart fails stays stopped.
    done.catch((error: unknown) => void (codeOf(error) === 'child-start-failed' && life.dismissed.add(child.plan.name)))
  }
}
