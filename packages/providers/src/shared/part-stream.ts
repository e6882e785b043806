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
  const parts = (async function* () {
    // Followed by hand: `AbortSignal.any` keeps an entry on a long-lived signal for every call made with it.
    const follow = () => leaving.abort(callerSignal.reason)
    callerSignal.addEventListener('abort', follow, { once: true })
    if (callerSignal.aborted) follow()
    try {
      yield* start(leaving.signal)
    } catch (error) {
      if (BeamClawError.isInstance(error)) throw error
      // Only a request that breaks its own types gets here; the port promises `provider-*` all the same.
      throw new BeamClawError('provider-bad-request', 'The request cannot be written', { cause: error })
    } finally {
      callerSignal.removeEventListener('abort', follow)
    }
  })()
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: () => parts.next(),
    return: () => {
      leaving.abort(isLeft)
      return parts.return()
    },
  }
}
