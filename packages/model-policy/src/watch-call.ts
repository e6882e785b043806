/** Watches one call to a model until it ends one way or another. */
import {
  asProviderError,
  BeamClawError,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type Usage,
  untilAborted,
} from '@beamclaw/core'

/** How a call ended: with an answer, with an error of the provider, or because its consumer left or aborted it. */
export type CallEnding =
  | { readonly type: 'finished'; readonly usage: Usage }
  | { readonly type: 'failed'; readonly error: BeamClawError }
  | { readonly type: 'abandoned' }

/** Who watches a call. Must not throw. */
export interface CallWatcher {
  /** Each part, before the consumer has it. */
  onPart?(part: ProviderPart): void
  /** Called exactly once, as soon as the ending is known: before the consumer has the last part or the error. */
  onEnd(ending: CallEnding): void
}

/** Passes a provider's answer on. Throws `provider-*` only; an answer without `finish` is `provider-protocol`. */
export async function* watchCall(
  provider: Provider,
  request: ProviderRequest,
  signal: AbortSignal,
  watcher: CallWatcher,
): AsyncGenerator<ProviderPart, void, undefined> {
  let hasEnded = false
  let isComplete = false
  const end = (how: CallEnding): void => {
    if (hasEnded) return
    hasEnded = true
    watcher.onEnd(how)
  }
  try {
    for await (const part of untilAborted(() => provider.doStream(request, { signal }), signal)) {
      watcher.onPart?.(part)
      // A consumer may take `finish` and never come back.
      if (part.type === 'finish') end({ type: 'finished', usage: part.usage })
      isComplete = part.type === 'finish'
      yield part
      if (isComplete) return
    }
    throw new BeamClawError('provider-protocol', 'The answer ended without saying why')
  } catch (thrown) {
    // The answer is complete: what breaks afterwards does it no harm.
    if (isComplete) return
    const error = asProviderError(thrown, signal)
    end(signal.aborted || error.code === 'provider-aborted' ? { type: 'abandoned' } : { type: 'failed', error })
    throw error
  } finally {
    end({ type: 'abandoned' })
  }
}
