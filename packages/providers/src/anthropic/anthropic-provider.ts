/** The provider for Anthropic's Messages API. */
import type { IdGenerator, JsonObject, ModelInfo, Provider, ProviderPart, ProviderRequest } from '@beamclaw/core'
import {
  aBoolean,
  anObject,
  anObjectWith,
  checkOptions,
  integer,
  type OptionRule,
  type OptionRules,
  oneOf,
  providerStream,
} from '@beamclaw/core/adapter'
import { anthropicModels } from '../models/anthropic-models.ts'
import { DefaultIds } from '../shared/default-ids.ts'
import { accessOf } from '../shared/environment.ts'
import { type HttpOptions, httpDefaults, httpOptionRules, mergeHeaders } from '../shared/http-options.ts'
import { factsOf, infoOf, type ModelFacts } from '../shared/model-facts.ts'
import { ModelService } from '../shared/model-service.ts'
import { checkNesting } from '../shared/nesting.ts'
import { serviceOf } from '../shared/service-name.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { checkShape } from '../shared/wire-format.ts'
import { anthropicCount, anthropicErrorCodes, anthropicModelList, type ListedModel, readAnthropicError } from './anthropic-api.ts'
import { AnthropicStreamReader } from './from-anthropic-stream.ts'
import { type AnswerLeg, ResumedAnswer } from './resumed-answer.ts'
import { smallestBudget, type ThinkingBudgets, type ThinkingMode } from './thinking.ts'
import { type AnthropicRequestStyle, toAnthropicRequest } from './to-anthropic-request.ts'

/**
 * Options of an `AnthropicProvider`. What is left out of `apiKey` and `baseUrl` is read from the environment, `ANTHROPIC_API_KEY` and
 * `ANTHROPIC_BASE_URL`; without them there is no key, and `baseUrl` is `https://api.anthropic.com/v1`. `/v1` is added to a URL without a path,
 * and to every URL of the environment that does not end in it.
 */
export interface AnthropicProviderOptions extends HttpOptions {
  /** Maximum tokens of an answer, for requests without a limit; a thinking budget is added. @default 16384 */
  readonly maxOutputTokens?: number
  /** Marks system, tools and the last messages for Anthropic's prompt cache: repeated input costs a tenth, new input a quarter more. @default true */
  readonly promptCaching?: boolean
  /** How long the cache keeps what it is given; for an hour, new input costs twice as much. @default '5m' */
  readonly cacheTtl?: '5m' | '1h'
  /** How thinking is requested. @default 'auto' */
  readonly thinkingMode?: ThinkingMode
  /** Tokens for thinking by level, for models with a budget; at least 1024 each. @default { low: 2048, medium: 8192, high: 24576 } */
  readonly thinkingBudgets?: ThinkingBudgets
  /** Generates ids for tool calls whose id is taken in the conversation. @default random */
  readonly ids?: IdGenerator
}

/** Defaults for `AnthropicProviderOptions`. */
export const anthropicProviderDefaults = {
  ...httpDefaults,
  baseUrl: 'https://api.anthropic.com/v1',
  maxOutputTokens: 16_384,
  promptCaching: true,
  cacheTtl: '5m',
  thinkingMode: 'auto',
  thinkingBudgets: { low: 2048, medium: 8192, high: 24_576 },
} as const satisfies AnthropicProviderOptions

const someBudgets: OptionRule = (value) => {
  const { low, medium, high, ...others } = (anObject(value) === undefined ? value : {}) as Partial<ThinkingBudgets>
  const areGood = [low, medium, high].every((tokens) => integer(smallestBudget)(tokens) === undefined)
  return areGood && Object.keys(others).length === 0
    ? undefined
    : `an object with low, medium and high, each a whole number of tokens of at least ${smallestBudget}`
}

const rules: OptionRules<AnthropicProviderOptions> = {
  ...httpOptionRules,
  maxOutputTokens: integer(1),
  promptCaching: aBoolean,
  cacheTtl: oneOf('5m', '1h'),
  thinkingMode: oneOf('auto', 'adaptive', 'budget'),
  thinkingBudgets: someBudgets,
  ids: anObjectWith('next'),
}

const ownHost = 'api.anthropic.com'

const variables = {
  owner: 'AnthropicProvider',
  apiKey: 'ANTHROPIC_API_KEY',
  baseUrl: 'ANTHROPIC_BASE_URL',
  ownOrigin: `https://${ownHost}`,
}

const apiVersion = '2023-06-01'
const modelsPerPage = 1000
const maxPages = 20

/** Fields that make input; a count is refused with others. */
const countedFields: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'system', 'tools', 'tool_choice', 'thinking', 'output_config'],
  // Only an extra body has these.
  ...['mcp_servers', 'context_management'],
])

/**
 * A `Provider` for Claude models. The constructor throws `invalid-option`.
 *
 * `ANTHROPIC_API_KEY` goes to Anthropic, or to the address in `ANTHROPIC_BASE_URL`, and never to a `baseUrl` of the options: that takes an `apiKey` of its own.
 *
 * @example
 * const anthropic = new AnthropicProvider() // ANTHROPIC_API_KEY, and ANTHROPIC_BASE_URL if it is set
 * const providers = { anthropic: new AnthropicProvider({ apiKey: await secrets.get('anthropic') }) }
 */
export class AnthropicProvider implements Provider {
  readonly #service: ModelService
  readonly #style: AnthropicRequestStyle
  /** Asks for tools of the service to run: only with it may the service pause. */
  readonly #extraBody: JsonObject | undefined
  /** The betas that the caller's headers ask for. */
  readonly #betas: string
  readonly #ids: IdGenerator

  constructor(options: AnthropicProviderOptions = {}) {
    checkOptions('AnthropicProvider', options, rules)
    const defaults = anthropicProviderDefaults
    const access = accessOf(options, variables)
    const url = new URL(access.baseUrl ?? defaults.baseUrl)
    this.#style = {
      service: serviceOf(options.service, url, ownHost, 'anthropic'),
      maxOutputTokens: options.maxOutputTokens ?? defaults.maxOutputTokens,
      promptCaching: options.promptCaching ?? defaults.promptCaching,
      cacheTtl: options.cacheTtl ?? defaults.cacheTtl,
      models: options.models ?? {},
      thinkingMode: options.thinkingMode ?? defaults.thinkingMode,
      thinkingBudgets: options.thinkingBudgets ?? defaults.thinkingBudgets,
    }
    this.#ids = options.ids ?? new DefaultIds()
    this.#extraBody = options.extraBody
    this.#betas = betasIn(options.headers)
    const own = { 'anthropic-version': apiVersion, ...(access.apiKey === undefined ? {} : { 'x-api-key': access.apiKey }) }
    this.#service = new ModelService({
      name: url.host === ownHost ? 'Anthropic' : `The model server ${url.host}`,
      baseUrl: url.pathname === '/' || (access.isFromEnvironment && !versioned.test(url.pathname)) ? withVersion(url) : url.href,
      apiKey: access.apiKey,
      keyVariable: variables.apiKey,
      headers: mergeHeaders(own, options.headers),
      errorCodes: anthropicErrorCodes,
      readError: readAnthropicError,
      options,
    })
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return providerStream((callSignal) => {
      checkNesting(request)
      if (this.#extraBody === undefined) return this.#ask(request, callSignal).parts
      return new ResumedAnswer((soFar) => {
        if (soFar === undefined) return this.#ask(request, callSignal)
        return this.#ask({ ...request, messages: [...request.messages, soFar] }, callSignal, false)
      })
    }, signal)
  }

  #ask(request: ProviderRequest, signal: AbortSignal, isFirst = true): AnswerLeg {
    const reader = new AnthropicStreamReader(this.#service.failures, new ToolIds(this.#ids, request.messages), this.#style.service)
    const { body, warnings, beta } = toAnthropicRequest(request, this.#style)
    const call = { path: '/messages', body, reader, headers: this.#headersFor(beta), warnings: isFirst ? warnings : [] }
    return { parts: this.#service.stream(call, signal), isPaused: () => reader.isPaused }
  }

  #headersFor(beta: string | undefined): Readonly<Record<string, string>> {
    return beta === undefined ? {} : { 'anthropic-beta': [this.#betas, beta].filter((name) => name !== '').join(',') }
  }

  /** Resolves with the tokens of the request as Anthropic counts them. */
  async countTokens(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): Promise<number> {
    const { body, beta } = toAnthropicRequest(request, this.#style)
    const whole: JsonObject = { ...body, ...this.#extraBody }
    const counted = Object.fromEntries(Object.entries(whole).filter(([name]) => countedFields.has(name)))
    const answer = await this.#service.postJson('/messages/count_tokens', counted, signal, this.#headersFor(beta))
    return checkShape(this.#service.failures.name, anthropicCount, answer).input_tokens
  }

  async listModels({ signal }: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    const models: ModelInfo[] = []
    let after = ''
    for (let page = 0; page < maxPages; page++) {
      const answer = await this.#service.getJson(`/models?limit=${modelsPerPage}${after}`, signal)
      const { data, has_more, last_id } = checkShape(this.#service.failures.name, anthropicModelList, answer)
      for (const model of data) models.push(this.#infoOf(model))
      if (!has_more || !last_id) break
      after = `&after_id=${encodeURIComponent(last_id)}`
    }
    return models
  }

  modelFacts(model: string): Omit<ModelInfo, 'id'> {
    return infoOf(factsOf<ModelFacts>(anthropicModels, model, this.#style.models))
  }

  /** What the service tells of a model counts before what the table knows, and what the user says before both. */
  #infoOf({ id, max_input_tokens, max_tokens }: ListedModel): ModelInfo {
    const known = factsOf<ModelFacts>(anthropicModels, id)
    const own = factsOf<ModelFacts>([], id, this.#style.models)
    const told = {
      ...(max_input_tokens ? { contextWindow: max_input_tokens } : {}),
      ...(max_tokens ? { maxOutputTokens: max_tokens } : {}),
    }
    return { id, ...infoOf({ ...known, ...told, ...own }) }
  }
}

const versioned = /\/v1\/*$/

function withVersion({ origin, pathname }: URL): string {
  return `${origin}${pathname.replace(/\/+$/, '')}/v1`
}

function betasIn(headers: HttpOptions['headers'] = {}): string {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === 'anthropic-beta')?.[1] ?? ''
}
