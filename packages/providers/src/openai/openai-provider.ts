/** The provider for OpenAI's Chat Completions API and compatible servers: Ollama, vLLM, llama.cpp, OpenRouter and others. */
import type { IdGenerator, ModelInfo, Provider, ProviderPart, ProviderRequest } from '@beamclaw/core'
import { aBoolean, anObjectWith, checkOptions, type OptionRules, oneOf, providerStream } from '@beamclaw/core/adapter'
import { DefaultIds } from '../shared/default-ids.ts'
import { accessOf } from '../shared/environment.ts'
import { type HttpOptions, httpDefaults, httpOptionRules, mergeHeaders } from '../shared/http-options.ts'
import { ModelService } from '../shared/model-service.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { checkShape } from '../shared/wire-format.ts'
import { OpenAiStreamReader } from './from-openai-stream.ts'
import { openAiErrorCodes, openAiModels, readOpenAiError } from './openai-api.ts'
import { type OpenAiDialect, toOpenAiRequest } from './to-openai-request.ts'

/**
 * Options of an `OpenAiProvider`: address, and differences from OpenAI's server. What is left out of `apiKey` and `baseUrl` is read from the
 * environment, `OPENAI_API_KEY` and `OPENAI_BASE_URL`; without them there is no key, and `baseUrl` is `https://api.openai.com/v1`.
 */
export interface OpenAiProviderOptions extends HttpOptions {
  /** The field for the output limit. @default 'max_completion_tokens' at api.openai.com, 'max_tokens' elsewhere */
  readonly maxTokensField?: 'max_completion_tokens' | 'max_tokens'
  /** Requests usage at the end of the stream; set to false for servers that refuse `stream_options`. @default true */
  readonly includeUsage?: boolean
  /** The field of assistant messages in which earlier thinking is sent back, for servers that require it. @default none */
  readonly reasoningField?: 'reasoning_content' | 'reasoning'
  /** Generates ids of tool calls for servers that send none. @default random */
  readonly ids?: IdGenerator
}

const ownHost = 'api.openai.com'

const variables = { owner: 'OpenAiProvider', apiKey: 'OPENAI_API_KEY', baseUrl: 'OPENAI_BASE_URL', ownOrigin: `https://${ownHost}` }

/** Defaults for `OpenAiProviderOptions`. */
export const openAiProviderDefaults = {
  ...httpDefaults,
  baseUrl: `https://${ownHost}/v1`,
  includeUsage: true,
} as const satisfies OpenAiProviderOptions

const rules: OptionRules<OpenAiProviderOptions> = {
  ...httpOptionRules,
  maxTokensField: oneOf('max_completion_tokens', 'max_tokens'),
  includeUsage: aBoolean,
  reasoningField: oneOf('reasoning_content', 'reasoning'),
  ids: anObjectWith('next'),
}

/**
 * A `Provider` for a Chat Completions server. The constructor throws `invalid-option`.
 *
 * `OPENAI_API_KEY` goes to OpenAI, or to the address in `OPENAI_BASE_URL`, and never to a `baseUrl` of the options: that takes an `apiKey` of its own.
 *
 * @example
 * const openai = new OpenAiProvider() // OPENAI_API_KEY, and OPENAI_BASE_URL if it is set
 * const providers = { local: new OpenAiProvider({ baseUrl: 'http://127.0.0.1:11434/v1' }) }
 */
export class OpenAiProvider implements Provider {
  readonly #service: ModelService
  readonly #dialect: OpenAiDialect
  readonly #ids: IdGenerator

  constructor(options: OpenAiProviderOptions = {}) {
    checkOptions('OpenAiProvider', options, rules)
    const access = accessOf(options, variables)
    const baseUrl = access.baseUrl ?? openAiProviderDefaults.baseUrl
    const { host } = new URL(baseUrl)
    this.#dialect = {
      maxTokensField: options.maxTokensField ?? (host === ownHost ? 'max_completion_tokens' : 'max_tokens'),
      includeUsage: options.includeUsage ?? openAiProviderDefaults.includeUsage,
      reasoningField: options.reasoningField,
    }
    this.#ids = options.ids ?? new DefaultIds()
    this.#service = new ModelService({
      name: host === ownHost ? 'OpenAI' : `The model server ${host}`,
      baseUrl,
      apiKey: access.apiKey,
      headers: mergeHeaders(access.apiKey === undefined ? {} : { authorization: `Bearer ${access.apiKey}` }, options.headers),
      errorCodes: openAiErrorCodes,
      readError: readOpenAiError,
      options,
    })
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return providerStream((callSignal) => {
      const reader = new OpenAiStreamReader(this.#service.failures, new ToolIds(this.#ids, request.messages))
      return this.#service.stream({ path: '/chat/completions', body: toOpenAiRequest(request, this.#dialect), reader }, callSignal)
    }, signal)
  }

  async listModels({ signal }: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    const answer = await this.#service.getJson('/models', signal)
    const { data } = checkShape(this.#service.failures.name, openAiModels, answer)
    return data.map(({ id, context_length, max_model_len }) => {
      const contextWindow = context_length ?? max_model_len
      return contextWindow === undefined || contextWindow === null ? { id } : { id, contextWindow }
    })
  }
}
