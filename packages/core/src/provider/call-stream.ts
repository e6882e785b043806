/** How one call to a model is passed on: ended promptly when its consumer leaves, and watched until it ends one way or another. */
import { BeamClawError } from '../errors.ts'
import type { Usage } from '../messages.ts'
import type { Provider, ProviderPart, ProviderRequest } from '../ports/provider.ts'
import { abortedError, asProviderError, throwIfAborted } from './provider-error.ts'

/** The stream of a call; `return()` ends it even while a part is awaited. */
export type CallStream = AsyncIterableIterator<ProviderPart, void, undefined>

/**
 * Runs `start` when the first part is asked for. Leaving the loop aborts the signal that `start` got, even while a part is awaited: a plain
 * generator would first wait for that part.
 */
export function callStream(start: (signal: AbortSignal) => AsyncIterable<ProviderPart>, callerSignal: AbortSignal): CallStream {
  const leaving = new AbortController()
  const parts = follow(start, callerSignal, leaving)
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => parts.next(),
    return: () => {
      leaving.abort()
      return parts.return()
    },
  }
}

async function* follow(
  start: (signal: AbortSignal) => AsyncIterable<ProviderPart>,
  callerSignal: AbortSignal,
  leaving: AbortController,
): AsyncGenerator<ProviderPart, void, undefined> {
  // By hand: `AbortSignal.any` keeps an entry on a long-lived signal for every call made with it.
  const onAbort = (): void => leaving.abort(callerSignal.reason)
  callerSignal.addEventListener('abort', onAbort, { once: true })
  if (callerSignal.aborted) onAbort()
  try {
    yield* start(leaving.signal)
  } catch (error) {
    throw asProviderError(error, leaving.signal)
  } finally {
    callerSignal.removeEventListener('abort', onAbort)
  }
}

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

/**
 * The parts of a stream until `signal`, which lives as long as the call, is aborted: then it ends at once, and a provider that does not listen is left behind with its work,
 * so that it cannot keep what its call holds.
 */
export function untilAborted(start: () => AsyncIterable<ProviderPart>, signal: AbortSignal): CallStream {
  let parts: AsyncIterator<ProviderPart> | undefined
  let giveUp: ((error: BeamClawError) => void) | undefined
  const onAbort = (): void => giveUp?.(abortedError(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () =>
      new Promise((resolve, reject) => {
        giveUp = reject
        throwIfAborted(signal)
        parts ??= start()[Symbol.asyncIterator]()
        parts.next().then((next) => resolve(next.done === true ? { done: true, value: undefined } : next), reject)
      }),
    return: async () => {
      signal.removeEventListener('abort', onAbort)
      const left = parts?.return?.()
      // One that was told to end may never answer.
      if (signal.aborted) left?.catch(() => {})
      else await left
      return { done: true, value: undefined }
    },
  }
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
