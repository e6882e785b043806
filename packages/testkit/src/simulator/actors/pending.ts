/** A promise of the runtime that has not settled, with what bounds it. */
import type { Life, LifeWorld } from './life.ts'

export interface Pending {
  readonly what: string
  /** It must have settled by then. */
  deadline: number
  /** It must settle as soon as this one has ended. */
  readonly target: Life | undefined
}

/** What waiting for promises needs of the world. */
export interface PendingWorld extends LifeWorld {
  readonly pending: Set<Pending>
}

/** Notes how a promise ends, and demands that it does by its deadline or with its target. */
export function track(world: PendingWorld, what: string, promise: Promise<unknown>, deadline: number, target?: Life): Pending {
  const pending: Pending = { what, deadline, target }
  world.pending.add(pending)
  const done = (outcome: string): void => {
    world.pending.delete(pending)
    world.note(`  ${what}: ${outcome}`)
  }
  promise.then(
    () => done('done'),
    (error: unknown) => {
      done(codeOf(error))
      checkCycle(world, error)
    },
  )
  return pending
}

/** The stable code of a failure, or what it is. */
export function codeOf(error: unknown): string {
  if (error instanceof Error) return (error as { readonly code?: string }).code ?? error.message
  return String(error)
}

/** A cycle that is reported must be one: each on its path but the first waits, with the message in hand, for the next. */
export function checkCycle(world: PendingWorld, error: unknown): void {
  const { code, details } = error as { readonly code?: string; readonly details?: { readonly path?: readonly string[] } }
  if (code !== 'call-cycle') return
  const path = details?.path ?? []
  for (let index = 1; index < path.length - 1; index++) {
    const life = world.lives.find((one) => one.id === path[index])
    if (life?.awaited.has(path[index + 1] ?? '') !== true) {
      world.trace.fail('A10', `${path.join(' → ')}, but ${path[index]} has no message in hand that waits for ${path[index + 1]}`)
    }
  }
}

/** Called when nothing has anything left to do but wait for time. */
export function checkPending(world: PendingWorld): void {
  for (const { what, deadline, target } of world.pending) {
    if (deadline < world.now) world.trace.fail('A3', `${what} is due since ${deadline} and has not settled`)
    if (target?.isOver === true) world.trace.fail('A3', `${what} has not settled although ${target.id} has ended`)
  }
}
