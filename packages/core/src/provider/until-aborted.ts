/** Ends a foreign provider's stream as soon as its call is aborted, even when the provider ignores the signal. */
import type { BeamClawError } from '../base/errors.ts'
import type { ProviderPart } from '../ports/provider.ts'
import { abortedError, throwIfAborted } from './provider-error.ts'
import type { PartSource, ProviderStream } from './provider-stream.ts'

/**
 * Returns the parts of a stream until `signal`, which lives as long as the call, is aborted; then throws `provider-aborted` at once. A
 * provider that ignores the signal is not waited for, so that it cannot block the run. The call begins at once; its first part is held back until `gate`
 * resolves, and a rejection of `gate` is that of the read.
 *
 * @example
 * for await (const part of untilAborted(() => provider.doStream(request, { signal }), signal)) show(part)
 */
export function untilAborted(start: () => AsyncIterable<ProviderPart>, signal: AbortSignal, gate?: Promise<void>): ProviderStream {
  let parts: PartSource | undefined
  let shut = gate
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
        const read = parts.next()
        const opened = shut?.then(() => read)
        // The call may fail before the gate does.
        if (opened !== undefined) read.catch(() => {})
        shut = undefined
        const settled = opened ?? read
        settled.then((next) => resolve(next.done === true ? { done: true, value: undefined } : next), reject)
      }),
    takeReady: () => (signal.aborted ? undefined : parts?.takeReady?.()),
    hasEnded: () => parts?.hasEnded?.() === true,
    return: async () => {
      signal.removeEventListener('abort', onAbort)
      const left = parts?.return?.()
      // A stream that was told to return may never settle.
      if (signal.aborted) left?.catch(() => {})
      else await left
      return { done: true, value: undefined }
    },
  }
}
