/** Calls user code and returns its outcome as a value. */
import { isThenable } from '../base/thenable.ts'

/** Outcome of calling a hook: a value, a promise of one, or the error that it threw. */
export type HookOutcome =
  | { readonly type: 'now'; readonly value: unknown }
  | { readonly type: 'later'; readonly promise: PromiseLike<unknown> }
  | { readonly type: 'failed'; readonly error: unknown }

/** Calls a hook of the core's actor, and notes that it runs. Never throws. */
export function callHook<TContext>(
  core: { readonly actor: object; isInHook: boolean },
  hook: (context: TContext) => unknown,
  context: TContext,
): HookOutcome {
  const before = core.isInHook
  core.isInHook = true
  try {
    const value: unknown = hook.call(core.actor, context)
    return isThenable(value) ? { type: 'later', promise: value } : { type: 'now', value }
  } catch (error) {
    return { type: 'failed', error }
  } finally {
    core.isInHook = before
  }
}
