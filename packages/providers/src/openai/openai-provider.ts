/** The provider for OpenAI and for all that speaks one of its protocols. */
import type { EmbedAnswer, EmbedRequest, ModelInfo, Provider, ProviderPart, ProviderRequest } from '@beamclaw/core'
import { checkOptions, type OptionRules, oneOf } from '@beamclaw/core/adapter'
import { OpenAiChatProvider } from './openai-chat-provider.ts'
import { chatOptionRules, type OpenAiProviderOptions } from './openai-options.ts'

const rules: OptionRules<OpenAiProviderOptions> = { ...chatOptionRules, api: oneOf('chat') }

/**
 * A `Provider` for OpenAI's protocols, as OpenAI and many others speak them. The constructor throws `invalid-option`.
 *
 * `OPENAI_API_KEY` goes to OpenAI, or to the address in `OPENAI_BASE_URL`, and never to a `baseUrl` of the options: that takes an `apiKey` of its own. So it
 * is with the variables of other services.
 *
 * @example
 * const openai = new OpenAiProvider() // OPENAI_API_KEY, and OPENAI_BASE_URL if it is set
 * const deepseek = new OpenAiProvider({ dialect: 'deepseek' }) // DEEPSEEK_API_KEY
 * const providers = { local: new OpenAiProvider({ baseUrl: 'http://127.0.0.1:11434/v1' }) }
 */
export class OpenAiProvider implements Provider {
  readonly #provider: OpenAiChatProvider

  constructor(options: OpenAiProviderOptions = {}) {
    checkOptions('OpenAiProvider', options, rules)
    const { api: _, ...rest } = options
    this.#provider = new OpenAiChatProvider(rest, 'OpenAiProvider')
  }

  doStream(request: ProviderRequest, options: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return this.#provider.doStream(request, options)
  }

  modelFacts(model: string): Omit<ModelInfo, 'id'> {
    return this.#provider.modelFacts(model)
  }

  listModels(options: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    return this.#provider.listModels(options)
  }

  doEmbed(request: EmbedRequest, options: { readonly signal: AbortSignal }): Promise<EmbedAnswer> {
    return this.#provider.doEmbed(request, options)
  }
}
