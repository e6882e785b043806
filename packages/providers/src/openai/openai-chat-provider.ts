/** The provider for Chat Completions: OpenAI's, and that of all services and servers that took it over. */
import {
  BeamClawError,
  type EmbedAnswer,
  type EmbedRequest,
  type IdGenerator,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
} from '@beamclaw/core'
import { checkOptions, providerStream } from '@beamclaw/core/adapter'
import { DefaultIds } from '../shared/default-ids.ts'
import { embedTexts } from '../shared/embeddings.ts'
import { infoOf } from '../shared/model-facts.ts'
import { ModelService } from '../shared/model-service.ts'
import { checkNesting } from '../shared/nesting.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { checkShape } from '../shared/wire-format.ts'
import { chatAccessOf } from './chat-access.ts'
import { type ChatStyle, chatFactsOf } from './chat-style.ts'
import { OpenAiStreamReader } from './from-openai-stream.ts'
import { toModelInfo } from './model-list.ts'
import { openAiModels } from './openai-api.ts'
import { readOpenAiError } from './openai-errors.ts'
import { chatOptionRules, type OpenAiChatProviderOptions, openAiProviderDefaults } from './openai-options.ts'
import { toOpenAiRequest } from './to-openai-request.ts'

/** Pages of models that are read; a list that goes on and on is no list. */
const maxPages = 50

/**
 * A `Provider` for a Chat Completions server. The constructor throws `invalid-option`.
 *
 * `OPENAI_API_KEY` goes to OpenAI, or to the address in `OPENAI_BASE_URL`, and never to a `baseUrl` of the options: that takes an `apiKey` of its own. So it
 * is with the variables of other services.
 *
 * @example
 * const deepseek = new OpenAiChatProvider({ dialect: 'deepseek' }) // DEEPSEEK_API_KEY
 * const local = new OpenAiChatProvider({ baseUrl: 'http://127.0.0.1:11434/v1' })
 */
export class OpenAiChatProvider implements Provider {
  readonly #service: ModelService
  readonly #style: ChatStyle
  readonly #ids: IdGenerator

  /** @param owner begins the messages about options */
  constructor(options: OpenAiChatProviderOptions = {}, owner = 'OpenAiChatProvider') {
    checkOptions(owner, options, chatOptionRules)
    const { dialect, name, service, ...access } = chatAccessOf(owner, options)
    const { reasoningField } = options
    this.#style = {
      dialect,
      service,
      maxTokensField: options.maxTokensField ?? dialect.maxTokensField,
      includeUsage: options.includeUsage ?? dialect.includeUsage,
      reasoning: reasoningField === undefined ? dialect.reasoning : { in: 'field', field: reasoningField, isNeeded: false },
      takesUnmarked: reasoningField !== undefined,
      splitThink: options.splitThink ?? openAiProviderDefaults.splitThink,
      extraBody: options.extraBody ?? {},
      models: options.models ?? {},
    }
    this.#ids = options.ids ?? new DefaultIds()
    this.#service = new ModelService({ ...access, name, errorCodes: dialect.errors, readError: readOpenAiError, options })
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return providerStream((callSignal) => {
      checkNesting(request)
      const reader = new OpenAiStreamReader(this.#service.failures, new ToolIds(this.#ids, request.messages), this.#style, request.model)
      return this.#service.stream({ path: '/chat/completions', ...toOpenAiRequest(request, this.#style), reader }, callSignal)
    }, signal)
  }

  modelFacts(model: string): Omit<ModelInfo, 'id'> {
    return infoOf(chatFactsOf(this.#style, model))
  }

  async listModels({ signal }: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    const models: ModelInfo[] = []
    const { modelList } = this.#style.dialect
    const first = modelList === undefined ? undefined : await this.#listAt(modelList, signal)
    if (first !== undefined) return first
    let path: string | undefined = '/models'
    for (let page = 0; page < maxPages && path !== undefined; page++) {
      const { data, links } = checkShape(this.#service.failures.name, openAiModels, await this.#service.getJson(path, signal))
      models.push(...data.map((listed) => toModelInfo(listed, this.#style)))
      // Of the next page's address only the query is used: it stays with this server.
      const next: string = links?.next ?? ''
      path = next.includes('?') ? `/models${next.slice(next.indexOf('?'))}` : undefined
    }
    return models
  }

  /** Resolves with undefined where the server has no such list. */
  async #listAt(path: string, signal: AbortSignal): Promise<readonly ModelInfo[] | undefined> {
    try {
      const { data } = checkShape(this.#service.failures.name, openAiModels, await this.#service.getJson(path, signal))
      return data.map((listed) => toModelInfo(listed, this.#style))
    } catch (error) {
      const isOther = BeamClawError.isInstance(error, 'provider-protocol') || BeamClawError.isInstance(error, 'provider-bad-request')
      if (isOther) return undefined
      throw error
    }
  }

  doEmbed(request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> {
    return embedTexts(this.#service, request, signal)
  }
}
