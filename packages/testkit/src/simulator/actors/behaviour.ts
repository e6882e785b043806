/** The behaviour of a hook: it succeeds, fails or hangs, at once or later. */
import type { ActorContext } from '@beamclaw/core'
import { integerBetween, pickOne } from '../../seeded-random.ts'
import { type ActorWorld, longestBlockMs } from './actor-world.ts'
import type { Hook, Life } from './life.ts'

export const outcomes = [
  'return',
  'resolve',
  'slow',
  'block',
  'throw',
  'reject',
  'hang',
  'abort',
  'late-abort',
  'throwing-then',
  'throwing-getter',
  'twice',
  'stop-itself',
  'kill-itself',
] as const

export type Outcome = (typeof outcomes)[number]

/** The behaviour of a hook without instructions during the phase of faults. */
export function pickOutcome(world: ActorWorld, hook: Hook): Outcome {
  if (!world.mayGoWrong(hook === 'init' ? 30 : 40))
    return world.isCalm ? 'return' : pickOne(world.mood, ['return', 'return', 'resolve', 'slow'])
  return pickOne(world.mood, outcomes)
}

/** What a hook of a life is to do. */
interface Performance {
  readonly life: Life
  readonly hook: Hook
  readonly outcome: Outcome
}

/** Does it; `result` is what the hook has to say where it ends well. */
export function perform(world: ActorWorld, { life, hook, outcome }: Performance, context: ActorContext, result: unknown): unknown {
  const well = (): unknown => {
    life.leave(hook)
    return result
  }
  const badly = (): never => {
    life.fail(hook)
    throw new Error(`${hook} of ${life.id} fails`)
  }
  const rethrow = (reason: unknown): never => {
    life.fail(hook)
    throw reason
  }
  switch (outcome) {
    case 'return':
      return well()
    case 'block':
      world.block(integerBetween(world.mood, 1, longestBlockMs), hook === 'handle' || hook === 'handleControl' ? life : undefined)
      return well()
    case 'throw':
      return badly()
    case 'resolve':
      return world.microtasks(integerBetween(world.mood, 1, 5)).then(well)
    case 'slow':
      return world.wait(pickOne(world.mood, [1, 10, 60, 700])).then(well)
    case 'reject':
      return world.microtasks(2).then(badly)
    case 'hang':
      return new Promise(() => {})
    case 'abort':
      return untilAborted(context).then(rethrow)
    case 'late-abort':
      return untilAborted(context).then(async (reason) => {
        await world.wait(pickOne(world.mood, [1, 60, 5_500]))
        rethrow(reason)
      })
    case 'throwing-then':
      return {
        // biome-ignore lint/suspicious/noThenProperty: the runtime must live with it
        then(): never {
          return badly()
        },
      }
    case 'throwing-getter':
      return {
        // biome-ignore lint/suspicious/noThenProperty: the runtime must live with it
        get then(): never {
          return badly()
        },
      }
    case 'twice':
      life.leave(hook)
      return {
        // biome-ignore lint/suspicious/noThenProperty: the runtime must live with it
        then(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
          resolve(result)
          reject(new Error('a second time'))
          resolve('a third time')
        },
      }
    case 'stop-itself':
      life.stopWithin(5_000)
      return (life.actor as { stop(): Promise<unknown> } | undefined)?.stop().then(well, well)
    case 'kill-itself':
      life.allowKill()
      life.actor?.kill()
      return well()
  }
}

function untilAborted({ signal }: ActorContext): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason)
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true })
  })
}
