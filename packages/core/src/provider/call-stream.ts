/** How one call to a model is passed on: it ends promptly when its consumer leaves or aborts it. */
import type { BeamClawError } from '../base/errors.ts'
import type { ProviderPart } from '../ports/provider.ts'
import { abortedError, asProviderError, throwIfAborted } from './provider-error.ts'

/** The stream of a call; `return()` ends it even while a part is awaited. */
export type CallStream = AsyncIterableIterator<ProviderPart, void, undefined>

/**
 * Returns the stream of a call that runs `start` when the first part is asked for. Leaving the loop aborts the signal that `start` got, even
 * while a part is awaited: a plain generator would first wait for that part. Throws `provider-*` only.
 *
 * @example
 * doStream: (request, { signal }) => callStream((callSignal) => generate(request, callSignal), signal)
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

/**
 * Returns the parts of a stream until `signal`, which lives as long as the call, is aborted. It then throws `provider-aborted` at once: a
 * provider that does not listen is left behind with its work and cannot keep what its call holds.
 *
 * @example
 * for await (const part of untilAborted(() => provider.doStream(request, { signal }), signal)) show(part)
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
