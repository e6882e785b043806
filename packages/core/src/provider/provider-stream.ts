/** The stream of one call to a model: lazy, and leaving the loop ends the call at once. */
import type { ProviderPart } from '../ports/provider.ts'
import { abortedError, asProviderError } from './provider-error.ts'

/** The stream of a call; `return()` ends it even while a part is awaited. */
export interface ProviderStream extends AsyncIterableIterator<ProviderPart, void, undefined> {
  /**
   * Removes and returns the next part if it has arrived; undefined when there is none yet, or none at all: only `next` tells. Saves a reader the promises
   * of parts that arrived together.
   */
  takeReady?(): ProviderPart | undefined
  /** True once all parts were read and no error comes: `next` would resolve with the end at once. */
  hasEnded?(): boolean
}

/** The iterator of anybody's stream. */
export type PartSource = AsyncIterator<ProviderPart> & Pick<ProviderStream, 'takeReady' | 'hasEnded'>

// A string as the reason: the default one is an error, whose stack trace would be captured for every call.
const loopWasLeft = 'the loop was left'

/**
 * Returns the stream of a call, which runs `start` when the first part is read. Leaving the loop aborts the signal that `start` got, even
 * while a part is awaited: a plain generator would first wait for that part. After an abort no part comes any more. Throws only `provider-*` errors.
 *
 * @example
 * doStream: (request, { signal }) => providerStream((callSignal) => generate(request, callSignal), signal)
 */
export function providerStream(start: (signal: AbortSignal) => AsyncIterable<ProviderPart>, callerSignal: AbortSignal): ProviderStream {
  const leaving = new AbortController()
  let parts: PartSource | undefined
  let isFinished = false
  let isOver = false
  const onAbort = (): void => leaving.abort(callerSignal.reason)
  const end = (): void => {
    isOver = true
    callerSignal.removeEventListener('abort', onAbort)
  }
  const begin = (): PartSource => {
    // By hand: `AbortSignal.any` leaks an entry on a long-lived signal for every call.
    callerSignal.addEventListener('abort', onAbort, { once: true })
    if (callerSignal.aborted) onAbort()
    return start(leaving.signal)[Symbol.asyncIterator]()
  }
  // The caller does not wait for it: an abort ends a call at once.
  const drop = (left: PartSource): void => {
    ;(async () => left.return?.())().catch(() => {})
  }
  const passOn = (next: IteratorResult<ProviderPart>): IteratorResult<ProviderPart, void> => {
    if (next.done !== true) {
      isFinished ||= next.value.type === 'finish'
      return next
    }
    end()
    return { done: true, value: undefined }
  }
  const fail = (thrown: unknown): never => {
    end()
    throw asProviderError(thrown, leaving.signal)
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    // Without a generator around the provider's, which would cost several microtasks per part.
    next: () => {
      if (isOver) return Promise.resolve({ done: true, value: undefined })
      try {
        // Parts that arrived before an abort may still be at hand.
        if (parts !== undefined && leaving.signal.aborted && !isFinished) {
          drop(parts)
          throw abortedError(leaving.signal)
        }
        parts ??= begin()
        return parts.next().then(passOn, fail)
      } catch (thrown) {
        return Promise.reject(thrown).catch(fail)
      }
    },
    takeReady: () => {
      if (isOver || leaving.signal.aborted) return undefined
      const part = parts?.takeReady?.()
      isFinished ||= part?.type === 'finish'
      return part
    },
    hasEnded: () => isOver || parts?.hasEnded?.() === true,
    return: async () => {
      const isLeft = !isOver && parts?.hasEnded?.() !== true
      end()
      if (isLeft) leaving.abort(loopWasLeft)
      try {
        await parts?.return?.()
      } catch (thrown) {
        return fail(thrown)
      }
      return { done: true, value: undefined }
    },
  }
}
