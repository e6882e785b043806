/** Puts guards before a provider. The one place that follows a call from its first wait to its end. */
import { BeamClawError, type Provider, type ProviderPart, type ProviderRequest } from '@beamclaw/core'
import { abortedError, asProviderError, boundCalls, type ProviderStream, providerStream, untilAborted } from '@beamclaw/core/adapter'
import type { CallEnding, CallWatcher, GuardedCall, ModelGuard } from './model-guard.ts'
import { aGuard, aProvider } from './option-rules.ts'

/** A provider behind guards, as `guarded` returns it. A call's stream ends at once when its consumer leaves, even while a guard or a part is awaited. */
export interface GuardedProvider extends Provider {
  doStream(request: ProviderRequest, options: { readonly signal: AbortSignal }): ProviderStream
}

/**
 * Returns a provider whose calls pass these guards. A call enters them in the given order, then reaches `provider`; parts and the ending are
 * reported in reverse order. When a guard refuses the call, the guards before it see its end. Calls throw `provider-*` only; an answer
 * without `finish` throws `provider-protocol`. Lists models, counts tokens and embeds if
 * `provider` does, past the guards. Throws `invalid-option`.
 *
 * @example
 * const provider = guarded(new AnthropicProvider({ apiKey }), [
 *   ledger.guard({ provider: 'anthropic' }),
 *   new CircuitBreaker(),
 *   new RateLimiter({ requestsPerMinute: 50 }),
 * ])
 */
export function guarded(provider: Provider, guards: readonly ModelGuard[]): GuardedProvider {
  check('provider', aProvider(provider))
  check('guards', Array.isArray(guards) ? undefined : 'an array of guards')
  for (const [index, guard] of guards.entries()) check(`guards[${index}]`, aGuard(guard))
  const row = [...guards]
  return {
    doStream: (request, { signal }) => providerStream((callSignal) => passGuards(provider, row, request, callSignal), signal),
    ...boundCalls(provider),
  }
}

/** Yields the parts of one call through the guards. `signal` lasts as long as the call. */
export async function* passGuards(
  provider: Provider,
  guards: readonly ModelGuard[],
  request: ProviderRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderPart, void, undefined> {
  // Innermost first: the last guard that admitted the call.
  const watchers: CallWatcher[] = []
  const { modelFacts } = boundCalls(provider)
  const call = { signal, ...(modelFacts === undefined ? {} : { modelFacts }) }
  let hasEnded = false
  let isComplete = false
  const end = (ending: CallEnding): void => {
    if (hasEnded) return
    hasEnded = true
    tellEnd(watchers, ending)
  }
  try {
    for (const guard of guards) watchers.unshift(await entered(guard, request, call))
    for await (const part of untilAborted(() => provider.doStream(request, { signal }), signal)) {
      for (const watcher of watchers) watcher.onPart?.(part)
      // A consumer may take `finish` and never ask for more.
      if (part.type === 'finish') end({ type: 'finished', usage: part.usage })
      isComplete = part.type === 'finish'
      yield part
      if (isComplete) return
    }
    throw new BeamClawError('provider-protocol', 'The answer of the model ended without a finish part')
  } catch (thrown) {
    // The answer is complete; a later failure does not affect it.
    if (isComplete) return
    const error = asProviderError(thrown, signal)
    end(signal.aborted || error.code === 'provider-aborted' ? { type: 'abandoned' } : { type: 'failed', error })
    throw error
  } finally {
    end({ type: 'abandoned' })
  }
}

/** Waits for a guard while the call lives. A watcher that arrives after the end is told `abandoned`. */
async function entered(guard: ModelGuard, request: ProviderRequest, call: GuardedCall): Promise<CallWatcher> {
  const { signal } = call
  if (signal.aborted) throw abortedError(signal)
  const aborting = Promise.withResolvers<never>()
  const onAbort = (): void => aborting.reject(abortedError(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  const entering = (async () => guard.enter(request, call))()
  try {
    return await Promise.race([entering, aborting.promise])
  } catch (error) {
    entering.then((watcher) => watcher.onEnd({ type: 'abandoned' })).catch(() => {})
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Reports the ending to all watchers, even when one throws; then throws the first error. */
function tellEnd(watchers: readonly CallWatcher[], ending: CallEnding): void {
  const failures: unknown[] = []
  for (const watcher of watchers) {
    try {
      watcher.onEnd(ending)
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

function check(name: string, expected: string | undefined): void {
  if (expected === undefined) return
  throw new BeamClawError('invalid-option', `guarded: "${name}" must be ${expected}`, {
    details: { owner: 'guarded', option: name, expected },
  })
}
