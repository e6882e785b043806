/** A wait with an end. */
import type { Clock } from '@beamclaw/actor'

/** Resolves with true once the promise has resolved, with false when that takes longer. Rejects as the promise does. With `isBackground` the wait keeps no process alive. */
export async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
  { clock, isBackground = false }: { readonly clock: Pick<Clock, 'setTimer'>; readonly isBackground?: boolean },
): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = clock.setTimer(() => late.resolve(false), ms, isBackground)
  try {
    return await Promise.race([promise.then(() => true), late.promise])
  } finally {
    timer.cancel()
  }
}
