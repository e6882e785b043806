/** The port of guards that stand before model calls. */
import type { BeamClawError, Provider, ProviderPart, ProviderRequest, Usage } from '@beamclaw/core'

/**
 * How a call ended: `finished` with an answer, `failed` with a `provider-*` error of the provider or of a guard behind this one, or `abandoned`
 * because its consumer left or aborted it.
 */
export type CallEnding =
  | { readonly type: 'finished'; readonly usage: Usage }
  | { readonly type: 'failed'; readonly error: BeamClawError }
  | { readonly type: 'abandoned' }

/**
 * Watches one call that a guard admitted. Its methods must not throw: the call would fail with `provider-protocol`.
 *
 * @example
 * const watcher: CallWatcher = { onEnd: ({ type }) => console.log(type) }
 */
export interface CallWatcher {
  /** Called with each part, before the consumer has it. */
  onPart?(part: ProviderPart): void
  /** Called exactly once, as soon as the ending is known, before the consumer has the last part or the error. */
  onEnd(ending: CallEnding): void
}

/** What a guard is given with a call. */
export interface GuardedCall {
  /** Aborts when the caller gives up. */
  readonly signal: AbortSignal
  /** Returns what the provider behind the guards knows of a model. Absent when it knows nothing of any. */
  readonly modelFacts?: NonNullable<Provider['modelFacts']>
}

/**
 * Admits calls to a model one by one. A stateful guard serves any number of calls at once; `guarded` puts guards before a provider.
 *
 * @example
 * const logged: ModelGuard = {
 *   enter: ({ model }) => ({ onEnd: ({ type }) => console.log(model, type) }),
 * }
 */
export interface ModelGuard {
  /**
   * Returns the watcher of a call once the call may begin. Rejects with a `provider-*` error to refuse it; `details.refusedBy` should then
   * name the guard, so that the refusal does not count against the service. `call.signal` aborts when the caller gives up: a waiting guard should
   * then free its place. A watcher that is returned later than that is told `abandoned` at once.
   */
  enter(request: ProviderRequest, call: GuardedCall): CallWatcher | Promise<CallWatcher>
}
