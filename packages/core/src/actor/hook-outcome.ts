/** User code is called here, and whatever it does comes back as a value. */
import { isThenable } from '../thenable.ts'

/** What came of calling a hook: a value, a promise of one, or what it threw. */
export type HookOutcome =
  | { readonly type: 'now'; readonly value: unknown }
  | { readonly type: 'later'; readonly promise: PromiseLike<unknown> }
  | { readonly type: 'failed'; readonly error: unknown }

/** Calls a hook of an actor, and notes that it runs. Never throws. */
export function callHook(actor: { isInHook: boolean }, hook: () => unknown): HookOutcome {
  const before = actor.isInHook
  actor.isInHook = true
  try {
    const value = hook()
    return isThenable(value) ? { type: 'later', promise: value } : { type: 'now', value }
  } catch (error) {
    return { type: 'failed', error }
  } finally {
    actor.isInHook = before
  }
}
