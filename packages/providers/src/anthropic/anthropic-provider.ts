/** The provider for Anthropic's Messages API. */
import {
  BeamClawError,
  type IdGenerator,
  type JsonObject,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
} from '@beamclaw/core'
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
import { DefaultIds } from '../shared/default-ids.ts'
import { accessOf } from '../shared/environment.ts'
import { type HttpOptions, httpDefaults, httpOptionRules, mergeHeaders } from '../shared/http-options.ts'
import { ModelService } from '../shared/model-service.ts'
import { serviceOf } from '../shared/service-name.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { checkShape } from '../shared/wire-format.ts'
import { anthropicErrorCodes, anthropicModels, readAnthropicError } from './anthropic-api.ts'
import { AnthropicStreamReader } from './from-anthropic-stream.ts'
import type { ThinkingBudgets, ThinkingMode } from './thinking.ts'
import { type AnthropicRequestStyle, toAnthropicRequest } from './to-anthropic-request.ts'

/**
 * Options of an `AnthropicProvider`. What is left out of `apiKey` and `baseUrl` is read from the environment, `ANTHROPIC_API_KEY` and
 * `ANTHROPIC_BASE_URL`; without them there is no key, and `baseUrl` is `https://api.anthropic.com/v1`. `/v1` is added to a URL without a path,
 * and to every URL of the environment that does not end in it.
 */
export interface AnthropicProviderOptions extends HttpOptions {
  /** Maximum tokens of an answer, for requests without a limit; a thinking budget is added. @default 16384 */
  readonly maxOutputTokens?: number
  /** Marks system, tools and the last message for Anthropic's prompt cache: repeated input costs a tenth, new input a quarter more. @default true */
  readonly promptCaching?: boolean
  /** How thinking is requested. @default 'auto' */
  readonly thinkingMode?: ThinkingMode
  /** Tokens for thinking by level, for models with a budget; at least 1024 each. @default { low: 2048, medium: 8192, high: 24576 } */
  readonly thinkingBudgets?: ThinkingBudgets
  /** Size of the context window in tokens; distinguishes requests that are refused as too long from other refused ones. @default 200000 */
  readonly contextWindow?: number
  /** Generates ids for tool calls whose id is taken in the conversation. @default random */
  readonly ids?: IdGenerator
}

/** Defaults for `AnthropicProviderOptions`. */
export const anthropicProviderDefaults = {
  ...httpDefaults,
  baseUrl: 'https://api.anthropic.com/v1',
  maxOutputTokens: 16_384,
  promptCaching: true,
  thinkingMode: 'auto',
  thinkingBudgets: { low: 2048, medium: 8192, high: 24_576 },
  contextWindow: 200_000,
} as const satisfies AnthropicProviderOptions

const smallestBudget = 1024

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
  thinkingMode: oneOf('auto', 'adaptive', 'budget'),
  thinkingBudgets: someBudgets,
  contextWindow: integer(1),
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
  readonly #contextWindow: number
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
      thinkingMode: options.thinkingMode ?? defaults.thinkingMode,
      thinkingBudgets: options.thinkingBudgets ?? defaults.thinkingBudgets,
    }
    this.#contextWindow = options.contextWindow ?? defaults.contextWindow
    this.#ids = options.ids ?? new DefaultIds()
    const own = { 'anthropic-version': apiVersion, ...(access.apiKey === undefined ? {} : { 'x-api-key': access.apiKey }) }
    this.#service = new ModelService({
      name: url.host === ownHost ? 'Anthropic' : `The model server ${url.host}`,
      baseUrl: url.pathname === '/' || (access.isFromEnvironment && !versioned.test(url.pathname)) ? withVersion(url) : url.href,
      apiKey: access.apiKey,
      headers: mergeHeaders(own, options.headers),
      errorCodes: anthropicErrorCodes,
      readError: readAnthropicError,
      options,
    })
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return providerStream((callSignal) => {
      const reader = new AnthropicStreamReader(this.#service.failures, new ToolIds(this.#ids, request.messages), this.#style.service)
      const body = toAnthropicRequest(request, this.#style)
      const onFailure = (error: BeamClawError): BeamClawError => refineOverflow(error, body, this.#contextWindow)
      return this.#service.stream({ path: '/messages', body, reader, onFailure }, callSignal)
    }, signal)
  }

  async listModels({ signal }: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]> {
    const models: ModelInfo[] = []
    let after = ''
    for (let page = 0; page < maxPages; page++) {
      const answer = await this.#service.getJson(`/models?limit=${modelsPerPage}${after}`, signal)
      const { data, has_more, last_id } = checkShape(this.#service.failures.name, anthropicModels, answer)
      for (const { id, max_input_tokens: contextWindow } of data) models.push(contextWindow ? { id, contextWindow } : { id })
      if (!has_more || !last_id) break
      after = `&after_id=${encodeURIComponent(last_id)}`
    }
    return models
  }
}

// Even dense text, such as Chinese or JSON, rarely has more than one token per two bytes.
const bytesPerToken = 2

const versioned = /\/v1\/*$/

function withVersion({ origin, pathname }: URL): string {
  return `${origin}${pathname.replace(/\/+$/, '')}/v1`
}

/**
 * Returns `provider-context-overflow` for a refused request that is large enough to overflow the context window. The API reports a prompt that
 * is too long as a plain `invalid_request_error`, distinguished only by its text, which may change, so the size of the request decides.
 * If that is wrong, a caller that shortens the request and sends it again gets the real error.
 */
function refineOverflow(error: BeamClawError, body: JsonObject, contextWindow: number): BeamClawError {
  const { status, providerCode } = error.details
  if (error.code !== 'provider-bad-request' || status !== 400 || providerCode !== 'invalid_request_error') return error
  const requestBytes = textBytes(body)
  if (requestBytes < contextWindow * bytesPerToken) return error
  return new BeamClawError('provider-context-overflow', error.message, {
    details: { ...error.details, evidence: 'request-size', requestBytes },
  })
}

/** Returns the bytes of a request without image data, which counts for few tokens. */
function textBytes(body: JsonObject): number {
  const text = JSON.stringify(body, (key, value: unknown) => (key === 'source' ? undefined : value))
  return new TextEncoder().encode(text).byteLength
}
