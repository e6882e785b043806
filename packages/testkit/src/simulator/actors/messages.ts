/** Messages to workers: calls, casts and what they make a worker do to others. */
import { integerBetween, pickOne } from '../../seeded-random.ts'
import type { ActorWorld } from './actor-world.ts'
import { outcomes } from './behaviour.ts'
import type { Life } from './life.ts'
import { track } from './pending.ts'
import type { SimulatedWorker, WorkerMessage } from './simulated-worker.ts'

type Sending = 'call' | 'cast' | 'crash' | 'background' | 'ask' | 'burst' | 'watch'

/** Deadlines of calls, in milliseconds. */
const timeouts = [undefined, undefined, 0, 5, 80, 1_000, 20_000]

export function send(world: ActorWorld, sending: Sending, actor: SimulatedWorker, other: SimulatedWorker): void {
  const { chance } = world
  switch (sending) {
    case 'call':
      return call(world, actor, other)
    case 'crash':
      return cast(world, actor, { do: 'throw' })
    case 'burst': {
      const count = integerBetween(chance, 2, 25)
      for (let index = 0; index < count; index++) cast(world, chance.next() < 0.5 ? actor : other, { do: 'block' })
      return
    }
    case 'cast':
      return cast(world, actor, pickMessage(world, other.life))
    case 'watch': {
      if (chance.next() < 0.5) return cast(world, actor, { do: 'watch', target: other.life })
      let notices = 0
      actor.monitor(() => {
        if (++notices > 1) world.trace.fail('A1', `a monitor of ${actor.id} was told ${notices} times`)
        if (world.mayGoWrong(30)) throw new Error('a monitor fails')
      })
      return
    }
    default:
      return cast(world, actor, { do: sending, target: other.life })
  }
}

function pickMessage({ chance }: ActorWorld, target: Life): WorkerMessage {
  const dice = chance.next()
  if (dice < 0.4) return { do: pickOne(chance, ['return', 'resolve', 'slow']) }
  if (dice < 0.5) return { do: pickOne(chance, ['keep-awake', 'wait-until', 'finish']), target }
  if (dice < 0.6) return { do: 'ask', target }
  return { do: pickOne(chance, outcomes) }
}

function cast(world: ActorWorld, actor: SimulatedWorker, message: WorkerMessage): void {
  const lane = world.chance.next() < 0.15 ? 'control' : 'work'
  world.note(
    `cast ${message.do} to ${actor.id}${lane === 'control' ? ' (control)' : ''}${message.target === undefined ? '' : ` about ${message.target.id}`}`,
  )
  try {
    actor.cast(message, { lane })
  } catch (error) {
    world.note(`  refused: ${(error as { readonly code?: string }).code ?? String(error)}`)
  }
}

function call(world: ActorWorld, actor: SimulatedWorker, other: SimulatedWorker): void {
  const { chance } = world
  const timeoutMs = pickOne(chance, timeouts)
  const lane = chance.next() < 0.2 ? 'control' : 'work'
  const deadline = world.now + (timeoutMs ?? 5_000)
  const message = { ...pickMessage(world, other.life), ...(lane === 'work' ? { deadline } : {}) }
  world.note(`call ${message.do} of ${actor.id} within ${timeoutMs ?? 5_000}${lane === 'control' ? ' (control)' : ''}`)
  const abort = new AbortController()
  if (chance.next() < 0.1) void world.wait(integerBetween(chance, 0, 50)).then(() => abort.abort(new Error('no interest')))
  const signal = chance.next() < 0.3 ? { signal: abort.signal } : {}
  const answer = actor.call(message, { lane, ...signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  track(world, `call ${message.do} of ${actor.id}`, answer, deadline, actor.life)
}
