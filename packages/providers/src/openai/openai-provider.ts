/** The provider for OpenAI and for all that speaks one of its protocols. */
import {
  BeamClawError,
  type EmbedAnswer,
  type EmbedRequest,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
} from '@beamclaw/core'
import { checkOptions } from '@beamclaw/core/adapter'
import { OpenAiResponsesProvider } from '../openai-responses/openai-responses-provider.ts'
import { chatAccessOf } from './chat-access.ts'
import { OpenAiChatProvider } from './openai-chat-provider.ts'
import { type OpenAiApi, type OpenAiProviderOptions, openAiOptionRules, optionsOfOne } from './openai-options.ts'

const owner = 'OpenAiProvider'

/**
 * A `Provider` for OpenAI's protocols, as OpenAI and many others speak them: the Responses API at api.openai.com, Chat Completions elsewhere, or what `api`
 * says. The constructor throws `invalid-option`.
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
  readonly #provider: OpenAiChatProvider | OpenAiResponsesProvider
  /** Resolves with the tokens of a request, counted by the service. Undefined with `chat`, which cannot count. */
  readonly countTokens?: NonNullable<Provider['countTokens']>

  constructor(options: OpenAiProviderOptions = {}) {
    checkOptions(owner, options, openAiOptionRules)
    const { api: given, reasoningSummary, promptCacheKey, ...chat } = options
    const access = chatAccessOf(owner, chat)
    const api = given ?? (new URL(access.baseUrl).origin === openAiOrigin ? 'responses' : 'chat')
    checkProtocol(api, options)
    if (api === 'chat') {
      this.#provider = new OpenAiChatProvider(chat, owner)
      return
    }
    const { dialect: _, maxTokensField: _m, includeUsage: _i, reasoningField: _r, splitThink: _s, ...http } = chat
    const provider = new OpenAiResponsesProvider(
      {
        ...http,
        ...(reasoningSummary === undefined ? {} : { reasoningSummary }),
        ...(promptCacheKey === undefined ? {} : { promptCacheKey }),
      },
      access,
    )
    this.#provider = provider
    this.countTokens = (request, given) => provider.countTokens(request, given)
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

const openAiOrigin = 'https://api.openai.com'

/** Throws for an option that the protocol does not have: left out in silence, it would be missed when the answers come. */
function checkProtocol(api: OpenAiApi, options: OpenAiProviderOptions): void {
  const other = api === 'chat' ? 'responses' : 'chat'
  const option = optionsOfOne[other].find((name) => options[name] !== undefined)
  if (option === undefined) return
  const why = options.api === undefined ? ` This address has "${api}" by default.` : ''
  throw new BeamClawError('invalid-option', `${owner}: option "${option}" is for { api: '${other}' } only.${why}`, {
    details: { owner, option, api },
  })
}
