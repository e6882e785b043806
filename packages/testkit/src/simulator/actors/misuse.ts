/** Arguments of wrong types: they are rejected with a typed error, and end no actor. */
import { BeamClawError, type ExitReason } from '@beamclaw/core'
import { pickOne } from '../../seeded-random.ts'
import { OddError } from '../content/odd-values.ts'
import type { ActorWorld } from './actor-world.ts'
import type { AnyActor, Life } from './life.ts'
import { SimulatedTaskSupervisor } from './simulated-tasks.ts'
import { SimulatedDynamicSupervisor, SimulatedSupervisor } from './simulated-tree.ts'
import { Idle } from './simulated-worker.ts'

/** Values that are invalid as id, function, spec and options. */
const nothings: readonly (() => unknown)[] = [
  () => null,
  () => 5,
  () => Number.NaN,
  () => true,
  () => Symbol('odd'),
  () => 10n,
  () => [],
  () => ({ odd: true }),
  () => touchy({}, 'id'),
  () =>
    new Proxy(
      {},
      {
        get: throwOdd,
        has: throwOdd,
        ownKeys: throwOdd,
        getPrototypeOf: throwOdd,
      },
    ),
]

const noReasons: readonly (() => unknown)[] = [
  ...nothings,
  () => 'normal',
  () => ({ type: 'none' }),
  () => ({ type: 5 }),
  () => touchy({}, 'type'),
]

/** Does one thing with an argument that is none. */
export function misuse(world: ActorWorld, life: Life): void {
  const { actor } = life
  if (actor === undefined) return
  const [name, use] = pickOne(world.chance, usesOf(world, actor))
  world.note(`misuse ${name} of ${life.id}`)
  const wasAlive = actor.isAlive
  const judge = (error: unknown): void => {
    if (BeamClawError.isInstance(error) || error instanceof OddError) return
    world.trace.fail('A5', `${name} of ${life.id} with a wrong argument fails with ${String(error)}`)
  }
  try {
    const outcome = use()
    if (outcome instanceof Promise) outcome.then(() => world.trace.fail('A5', `${name} of ${life.id} takes a wrong argument`), judge)
    else if (wasAlive) world.trace.fail('A5', `${name} of ${life.id} takes a wrong argument`)
  } catch (error) {
    judge(error)
  }
  if (wasAlive && !actor.isAlive) world.trace.fail('A5', `${name} with a wrong argument has ended ${life.id}`)
}

type Use = readonly [string, () => unknown]

function usesOf(world: ActorWorld, actor: AnyActor): readonly Use[] {
  const nothing = pickOne(world.chance, nothings)() as never
  const reason = pickOne(world.chance, noReasons)() as ExitReason
  const uses: Use[] = [
    ['stop', () => actor.stop(reason)],
    ['stop options', () => actor.stop({ type: 'shutdown' }, nothing)],
    ['call options', () => (actor.isAlive ? actor.call(undefined as never, nothing) : Promise.reject(new OddError()))],
    ['cast options', () => actor.cast(undefined as never, nothing)],
    ['monitor', () => actor.monitor(nothing)],
  ]
  if (actor instanceof SimulatedSupervisor) {
    uses.push(
      ['terminateChild', () => actor.terminateChild(nothing)],
      ['restartChild', () => actor.restartChild(nothing)],
      ['deleteChild', () => actor.deleteChild(nothing)],
      ['startChild', () => actor.startChild(nothing)],
      ['startChild', () => actor.startChild(oddSpec(world) as never)],
    )
  }
  if (actor instanceof SimulatedDynamicSupervisor) {
    uses.push(
      ['terminateChild', () => actor.terminateChild(nothing)],
      ['startChild', () => actor.startChild(nothing)],
      ['startChild', () => actor.startChild(oddSpec(world) as never)],
      ['ensureChild', () => actor.ensureChild(oddSpec(world) as never)],
    )
  }
  if (actor instanceof SimulatedTaskSupervisor) {
    uses.push(
      ['run', () => actor.run(nothing)],
      ['run options', () => actor.run(() => 1, nothing)],
      ['asyncStream', () => actor.asyncStream(Array.isArray(nothing) ? (5 as never) : nothing, () => 1)],
      ['asyncStream work', () => actor.asyncStream([1], nothing)],
      ['asyncStream options', () => actor.asyncStream([1], () => 1, nothing)],
    )
  }
  return uses
}

/** Returns a valid spec with one bad property, or one whose getter throws. */
function oddSpec(world: ActorWorld): object {
  const good = { id: world.nextName('odd'), restart: 'temporary', shutdownMs: 50, start: () => new Idle() }
  const key = pickOne(world.chance, ['id', 'restart', 'shutdownMs', 'start'] as const)
  return world.chance.next() < 0.5
    ? touchy(good, key)
    : { ...good, [key]: key === 'shutdownMs' ? 'never' : pickOne(world.chance, nothings)() }
}

function touchy(value: object, key: string): object {
  return Object.defineProperty({ ...value }, key, { enumerable: true, get: throwOdd })
}

function throwOdd(): never {
  throw new OddError('this argument does not like to be looked at')
}
