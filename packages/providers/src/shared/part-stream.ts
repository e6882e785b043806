import { BeamClawError, type ProviderPart } from '@beamclaw/core'

// A reason of our own: the default one is an error, and costs a stack trace.
const isLeft = 'the loop was left'

/**
 * Runs `start` when the first part is asked for. Leaving the loop aborts the signal that `start` got, even while a part is awaited:
 * a plain generator would first wait for that part.
 */
export function partStream(
  start: (signal: AbortSignal) => AsyncGenerator<ProviderPart, void, undefined>,
  callerSignal: AbortSignal,
): AsyncIterableIterator<ProviderPart, void, undefined> {
  const leaving = new AbortController()
  let parts: AsyncGenerator<ProviderPart, void, undefined> | undefined
  // Followed by hand: `AbortSignal.any` keeps an entry on a long-lived signal for every call made with it.
  const follow = (): void => leaving.abort(callerSignal.reason)
  const begin = (): AsyncGenerator<ProviderPart, void, undefined> => {
    callerSignal.addEventListener('abort', follow, { once: true })
    if (callerSignal.aborted) follow()
    return start(leaving.signal)
  }
  const ended = <T extends IteratorResult<ProviderPart, void>>(result: T): T => {
    if (result.done === true) callerSignal.removeEventListener('abort', follow)
    return result
  }
  const failed = (error: unknown): Promise<never> => {
    callerSignal.removeEventListener('abort', follow)
    // Only a request that breaks its own types is none of ours; the port promises `provider-*` all the same.
    const badRequest = (): BeamClawError => new BeamClawError('provider-bad-request', 'The request cannot be written', { cause: error })
    return Promise.reject(BeamClawError.isInstance(error) ? error : badRequest())
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => {
      try {
        parts ??= begin()
        return parts.next().then(ended, failed)
      } catch (error) {
        return failed(error)
      }
    },
    return: async () => {
      leaving.abort(isLeft)
      const result = await parts?.return()
      return ended(result ?? { done: true, value: undefined })
    },
  }
}
