/** A provider that fails as a plan decides, for tests of code that uses providers. */
import { BeamClawError, type Provider, type ProviderPart, type ProviderRequest } from '@beamclaw/core'
import { boundCalls } from '@beamclaw/core/adapter'

/** A call that is about to be made; `index` counts from 0. */
export interface ProviderCall {
  readonly index: number
  readonly request: ProviderRequest
}

/**
 * The fault of a call after `afterParts` parts (default 0). `fail`: it throws `error`. `cut`: it ends without a `finish`.
 * `hang`: no part follows until it is aborted or abandoned. `delay`: the rest follows once `until` resolves.
 */
export type ProviderFault =
  | { readonly type: 'fail'; readonly error: BeamClawError; readonly afterParts?: number }
  | { readonly type: 'cut' | 'hang'; readonly afterParts?: number }
  | { readonly type: 'delay'; readonly until: Promise<void>; readonly afterParts?: number }

/** Called with each call, in the order they begin; returns its fault, or `undefined` to let it pass. */
export type ProviderFaultPlan = (call: ProviderCall) => ProviderFault | undefined

/**
 * Returns a provider whose calls fail as `plan` decides. It keeps the contract of the port.
 *
 * @example
 * const flaky = faultyProvider(provider, ({ index }) => (index === 0 ? { type: 'cut', afterParts: 2 } : undefined))
 */
export function faultyProvider(provider: Provider, plan: ProviderFaultPlan): Provider {
  let calls = 0
  return {
    doStream(request, { signal }) {
      const leaving = new AbortController()
      const parts = play(AbortSignal.any([signal, leaving.signal]), (callSignal) => {
        const fault = plan({ index: calls++, request })
        return { fault, parts: provider.doStream(request, { signal: callSignal }) }
      })
      return {
        [Symbol.asyncIterator]() {
          return this
        },
        next: () => parts.next(),
        return: () => {
          leaving.abort()
          return parts.return()
        },
      } satisfies AsyncIterableIterator<ProviderPart, void, undefined>
    },
    ...boundCalls(provider),
  }
}

type Begin = (signal: AbortSignal) => { readonly fault: ProviderFault | undefined; readonly parts: AsyncIterable<ProviderPart> }

async function* play(signal: AbortSignal, begin: Begin): AsyncGenerator<ProviderPart, void, undefined> {
  if (signal.aborted) throw abortedError(signal)
  const { fault, parts } = begin(signal)
  if (fault === undefined) return yield* parts
  const { afterParts = 0 } = fault
  let isStruck = afterParts === 0
  if (isStruck && (await strike(fault, signal))) return
  let count = 0
  for await (const part of parts) {
    // Also before the end of an answer that is shorter than the fault is late.
    if (!isStruck && (count++ >= afterParts || part.type === 'finish')) {
      isStruck = true
      if (await strike(fault, signal)) return
    }
    yield part
  }
}

/** Returns true when the stream ends here. */
async function strike(fault: ProviderFault, signal: AbortSignal): Promise<boolean> {
  switch (fault.type) {
    case 'fail':
      throw fault.error
    case 'cut':
      return true
    case 'hang':
      await abortOf(signal)
      return true
    case 'delay':
      await Promise.race([fault.until, abortOf(signal)])
      return false
  }
}

function abortedError(signal: AbortSignal): BeamClawError {
  return new BeamClawError('provider-aborted', 'The call was aborted', { cause: signal.reason })
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(abortedError(signal))
    else signal.addEventListener('abort', () => reject(abortedError(signal)), { once: true })
  })
}
