/** For providers that stand before another one. */
import type { Provider } from '../ports/provider.ts'

/**
 * Returns what a provider can do beside answering, bound to it, for a provider that stands before it: `listModels`, `modelFacts`, `countTokens` and
 * `doEmbed`, each only if `provider` has it.
 *
 * @example
 * const logged: Provider = { ...boundCalls(inner), doStream: (request, options) => log(inner.doStream(request, options)) }
 */
export function boundCalls(provider: Provider): Omit<Provider, 'doStream'> {
  const { listModels, modelFacts, countTokens, doEmbed } = provider
  return {
    ...(listModels === undefined ? {} : { listModels: listModels.bind(provider) }),
    ...(modelFacts === undefined ? {} : { modelFacts: modelFacts.bind(provider) }),
    ...(countTokens === undefined ? {} : { countTokens: countTokens.bind(provider) }),
    ...(doEmbed === undefined ? {} : { doEmbed: doEmbed.bind(provider) }),
  }
}
