/** The provider for OpenAI's Responses API, and for services that speak it: Azure OpenAI, OpenRouter, xAI, DeepSeek. */
import type { EmbedAnswer, EmbedRequest, IdGenerator, ModelInfo, Provider, ProviderPart, ProviderRequest } from '@beamclaw/core'
import { checkOptions, providerStream } from '@beamclaw/core/adapter'
import { type OpenAiModelFacts, openAiModels } from '../models/openai-models.ts'
import { DefaultIds } from '../shared/default-ids.ts'
import { embedTexts } from '../shared/embeddings.ts'
import { accessOf } from '../shared/environment.ts'
import { type HttpOptions, mergeHeaders } from '../shared/http-options.ts'
import { factsOf, infoOf } from '../shared/model-facts.ts'
import { ModelService, type ServiceTarget } from '../shared/model-service.ts'
import { checkNesting } from '../shared/nesting.ts'
import * as z from '../shared/schema.ts'
import { serviceOf } from '../shared/service-name.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { checkShape } from '../shared/wire-format.ts'
import { ResponsesStreamReader } from './from-responses-stream.ts'
import { explainResponsesError, readResponsesError, responsesErrorCodes } from './responses-errors.ts'
import { type OpenAiResponsesProviderOptions, openAiResponsesProviderDefaults, responsesOptionRules } from './responses-options.ts'
import { type ResponsesRequestStyle, toCountRequest, toResponsesRequest } from './to-responses-request.ts'

const ownHost = 'api.openai.com'

const variables = {
  owner: 'OpenAiResponsesProvider',
  apiKey: 'OPENAI_API_KEY',
  baseUrl: 'OPENAI_BASE_URL',
  ownOrigin: `https://${ownHost}`,
}

const wireModels = z.object({ data: z.array(z.object({ id: z.string(), context_length: z.nullish(z.number()) })) })

const wireCount = z.object({ input_tokens: z.number() })

/**
 * A `Provider` for the Responses API. The service stores nothing: what a model needs back of its thinking is kept, encrypted, with the conversation. The
 * constructor throws `invalid-option`.
 *
 * `OPENAI_API_KEY` goes to OpenAI, or to the address in `OPENAI_BASE_URL`, and never to a `baseUrl` of the options: that takes an `apiKey` of its own.
 *
 * @example
 * const openai = new OpenAiResponsesProvider({ reasoningSummary: 'auto' }) // OPENAI_API_KEY, and OPENAI_BASE_URL if it is set
 * const azure = new OpenAiResponsesProvider({ baseUrl: 'https://acme.openai.azure.com/openai/v1', headers: { 'api-key': key } })
 */
export class OpenAiResponsesProvider implements Provider {
  readonly #service: ModelService
  readonly #style: ResponsesRequestStyle
  readonly #models: HttpOptions['models']
  readonly #ids: IdGenerator

  /** @param access where requests go and as whom, when that is known already */
  constructor(options: OpenAiResponsesProviderOptions = {}, access?: NamedTarget) {
    checkOptions('OpenAiResponsesProvider', options, responsesOptionRules)
    const target = access ?? targetOf(options)
    const { baseUrl, service } = target
    this.#style = {
      service,
      callsLast: new URL(baseUrl).hostname === 'api.deepseek.com',
      reasoningSummary: options.reasoningSummary ?? openAiResponsesProviderDefaults.reasoningSummary,
      promptCacheKey: options.promptCacheKey,
    }
    this.#models = options.models
    this.#ids = options.ids ?? new DefaultIds()
    this.#service = new ModelService({ ...target, errorCodes: responsesErrorCodes, readError: readResponsesError, options })
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return providerStream((callSignal) => {
      checkNesting(request)
      const reader = new ResponsesStreamReader(this.#service.failures, new ToolIds(this.#ids, request.messages), this.#style.service)
      const { body, warnings } = toResponsesRequest(request, this.#factsOf(request.model), this.#style)
      return this.#service.stream({ path: '/responses', body, reader, warnings, onFailure: explainResponsesError }, callSignal)
    }, signal)
  }

  modelFacts(model: string): Omit<ModelInfo, 'id'> {
    return infoOf(this.#factsOf(model))
  }

  async listModels({ signal }: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    const { data } = checkShape(this.#service.failures.name, wireModels, await this.#service.getJson('/models', signal))
    return data.map(({ id, context_length: told }) => {
      const { contextWindow = told ?? undefined, maxOutputTokens, price, thinking } = this.#factsOf(id)
      return {
        id,
        ...(contextWindow === undefined ? {} : { contextWindow }),
        ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
        ...(price === undefined ? {} : { price }),
        ...(thinking === undefined ? {} : { thinking }),
      }
    })
  }

  async countTokens(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    const body = toCountRequest(request, this.#factsOf(request.model), this.#style)
    const answer = await this.#service.postJson('/responses/input_tokens', body, signal)
    return checkShape(this.#service.failures.name, wireCount, answer).input_tokens
  }

  doEmbed(request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> {
    return embedTexts(this.#service, request, signal)
  }

  #factsOf(model: string): Partial<OpenAiModelFacts> {
    return factsOf(openAiModels, model, this.#models)
  }
}

/** A target, with the name under which messages keep what the service needs back. */
type NamedTarget = ServiceTarget & { readonly service: string }

/** Returns the target that checked options name. */
function targetOf(options: OpenAiResponsesProviderOptions): NamedTarget {
  const { apiKey, baseUrl = openAiResponsesProviderDefaults.baseUrl } = accessOf(options, variables)
  const url = new URL(baseUrl)
  return {
    baseUrl,
    apiKey,
    keyVariable: variables.apiKey,
    headers: mergeHeaders(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }, options.headers),
    name: url.host === ownHost ? 'OpenAI' : `The model server ${url.host}`,
    service: serviceOf(options.service, url, ownHost, 'openai'),
  }
}
