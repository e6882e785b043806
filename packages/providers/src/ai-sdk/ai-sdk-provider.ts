/** The provider for models of the AI SDK. */
import {
  BeamClawError,
  type Clock,
  type EmbedAnswer,
  type EmbedRequest,
  type IdGenerator,
  type ModelInfo,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  SystemClock,
  zeroUsage,
} from '@beamclaw/core'
import {
  anObject,
  anObjectWith,
  checkOptions,
  duration,
  type OptionRule,
  type OptionRules,
  providerStream,
  text,
} from '@beamclaw/core/adapter'
import { Deadlines } from '../shared/deadlines.ts'
import { DefaultIds } from '../shared/default-ids.ts'
import { type FailureContext, protocolError } from '../shared/failure.ts'
import { httpDefaults } from '../shared/http-options.ts'
import { infoOf, type ModelFacts, someFacts } from '../shared/model-facts.ts'
import { Redactor } from '../shared/redactor.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import type { AiSdkEmbeddingModel, AiSdkModel, AiSdkPartStream } from './ai-sdk-model.ts'
import { embedWith } from './embed.ts'
import { aiSdkErrorCodes, thrownError } from './errors.ts'
import { AiSdkStreamReader } from './from-stream.ts'
import { type BegunStream, ModelStream } from './model-stream.ts'
import { type ProviderOptionsSource, toCallOptions } from './to-call-options.ts'

/** Options of an `AiSdkProvider`. */
export interface AiSdkProviderOptions {
  /** A language model, or a function that returns one by its name, such as a provider of the AI SDK: `createOpenAI()`. Versions 3 and 4 of the specification. */
  readonly model: AiSdkModel | ((name: string) => AiSdkModel)
  /** The same for embeddings: `(name) => openai.embedding(name)`. @default none, and then there are no embeddings */
  readonly embeddingModel?: AiSdkEmbeddingModel | ((name: string) => AiSdkEmbeddingModel)
  /**
   * Settings of the services that requests of BeamClaw do not have, by the name of the AI SDK's provider: `{ openai: { serviceTier: 'flex' } }`. A function gets
   * the request, and returns those for its call. @default none
   */
  readonly providerOptions?: ProviderOptionsSource
  /**
   * The name under which messages keep what the service needs back, such as the signatures of thinking, which only the service that made them accepts. @default
   * `ai-sdk:` and the model's own name of its provider, such as `ai-sdk:openai.responses`
   */
  readonly service?: string
  /** Texts that no error shows, such as the key that the model was made with, which this provider does not see. @default none */
  readonly secrets?: readonly string[]
  /** Facts about models, by their names in requests. The models in it are those that the provider lists. @default none */
  readonly models?: Readonly<Record<string, ModelFacts>>
  /** Milliseconds until the first part of an answer. @default 300000 */
  readonly firstByteTimeoutMs?: number
  /** Milliseconds between two parts of the answer, while the caller waits for the next one. @default 120000 */
  readonly idleTimeoutMs?: number
  /** Milliseconds for the whole call. @default 1800000 */
  readonly totalTimeoutMs?: number
  /** Generates ids of tool calls for models that send none, or one twice. @default random */
  readonly ids?: IdGenerator
  /** The clock of the deadlines. @default the system's clock */
  readonly clock?: Clock
}

/** Defaults for `AiSdkProviderOptions`. */
export const aiSdkProviderDefaults = {
  firstByteTimeoutMs: httpDefaults.firstByteTimeoutMs,
  idleTimeoutMs: httpDefaults.idleTimeoutMs,
  totalTimeoutMs: httpDefaults.totalTimeoutMs,
} as const satisfies Partial<AiSdkProviderOptions>

const versions: ReadonlySet<unknown> = new Set(['v3', 'v4'])

/** Returns the rule for a model with this method, or a function that returns one. */
function aModelWith(method: 'doStream' | 'doEmbed'): OptionRule {
  return (value) => {
    if (typeof value === 'function') return undefined
    const { specificationVersion, [method]: call } = (value ?? {}) as Readonly<Record<string, unknown>>
    return versions.has(specificationVersion) && typeof call === 'function'
      ? undefined
      : `a model of version 3 or 4 of the AI SDK's specification with "${method}", or a function that returns one`
  }
}

const anObjectOrFunction: OptionRule = (value) => (typeof value === 'function' ? undefined : anObject(value))

const someTexts: OptionRule = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'a list of texts'

const rules: OptionRules<AiSdkProviderOptions> = {
  model: aModelWith('doStream'),
  embeddingModel: aModelWith('doEmbed'),
  providerOptions: anObjectOrFunction,
  service: text(),
  secrets: someTexts,
  models: someFacts,
  firstByteTimeoutMs: duration(1),
  idleTimeoutMs: duration(1),
  totalTimeoutMs: duration(1),
  ids: anObjectWith('next'),
  clock: anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo'),
}

/**
 * A `Provider` for any language model of the AI SDK. What a model needs back with its answers is kept with the conversation, and goes to no other service. The
 * constructor throws `invalid-option`.
 *
 * @example
 * const mistral = new AiSdkProvider({ model: createMistral({ apiKey }), secrets: [apiKey] })
 */
export class AiSdkProvider implements Provider {
  /** Absent without an `embeddingModel`. */
  readonly doEmbed?: Required<Provider>['doEmbed']
  /** Absent without `models`. */
  readonly listModels?: Required<Provider>['listModels']
  readonly #options: AiSdkProviderOptions
  readonly #clock: Clock
  readonly #ids: IdGenerator
  readonly #redactor: Redactor

  constructor(options: AiSdkProviderOptions) {
    checkOptions('AiSdkProvider', options, rules, ['model'])
    const { embeddingModel, models } = options
    this.#options = options
    this.#clock = options.clock ?? new SystemClock()
    this.#ids = options.ids ?? new DefaultIds()
    this.#redactor = new Redactor(options.secrets ?? [])
    if (embeddingModel !== undefined) this.doEmbed = (request, { signal }) => this.#embed(embeddingModel, request, signal)
    if (models !== undefined) {
      const list: readonly ModelInfo[] = Object.entries(models).map(([id, facts]) => ({ id, ...infoOf(facts) }))
      this.listModels = async () => list
    }
  }

  doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart> {
    return providerStream((callSignal) => {
      let failures = this.#failuresOf(undefined)
      return new ModelStream({
        deadlines: this.#deadlines(failures.name, callSignal),
        clock: this.#clock,
        errorOf: (thrown, phase) => thrownError(failures, thrown, phase),
        begin: async (modelSignal) => {
          const { model: given, providerOptions } = this.#options
          const model = modelOf(given, request.model, 'doStream')
          failures = this.#failuresOf(model.provider)
          const service = this.#options.service ?? `ai-sdk:${String(model.provider)}`
          const { options, warnings } = await toCallOptions(request, model, { service, providerOptions, signal: modelSignal })
          const source = readerOf(await model.doStream(options), failures)
          const reader = new AiSdkStreamReader(failures, new ToolIds(this.#ids, request.messages), service)
          const begun: BegunStream = { source, reader, before: warnings.map((warning) => ({ type: 'warning', ...warning })) }
          return begun
        },
      })
    }, signal)
  }

  /** Returns what `models` says of a model. */
  modelFacts(model: string): Omit<ModelInfo, 'id'> {
    const { models = {} } = this.#options
    return infoOf((Object.hasOwn(models, model) ? models[model] : undefined) ?? {})
  }

  async #embed(given: Required<AiSdkProviderOptions>['embeddingModel'], request: EmbedRequest, signal: AbortSignal): Promise<EmbedAnswer> {
    if (request.texts.length === 0) return { embeddings: [], usage: zeroUsage }
    let failures = this.#failuresOf(undefined)
    const abort = new AbortController()
    const deadlines = this.#deadlines(failures.name, signal)
    deadlines.whenOver(() => abort.abort('the call is over'))
    try {
      deadlines.enter('first-byte')
      const call = async (): Promise<EmbedAnswer> => {
        const model = modelOf(given, request.model, 'doEmbed')
        failures = this.#failuresOf(model.provider)
        return embedWith(model, request, failures, abort.signal)
      }
      if (deadlines.failure !== undefined) throw deadlines.failure
      const answer = await deadlines.race(call())
      deadlines.complete()
      return answer
    } catch (thrown) {
      throw deadlines.failure ?? thrownError(failures, thrown, 'body')
    } finally {
      deadlines.end()
    }
  }

  #failuresOf(provider: unknown): FailureContext {
    const name = provider === undefined ? 'The model' : `The model of ${this.#redactor.clean(String(provider), 128)}`
    return { name, table: aiSdkErrorCodes, redactor: this.#redactor, now: () => this.#clock.now() }
  }

  #deadlines(name: string, signal: AbortSignal): Deadlines {
    const { firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs } = { ...aiSdkProviderDefaults, ...this.#options }
    return new Deadlines(
      name,
      this.#clock,
      { connectTimeoutMs: firstByteTimeoutMs, firstByteTimeoutMs, idleTimeoutMs, totalTimeoutMs },
      signal,
    )
  }
}

/** Returns the model of a name. Throws `provider-bad-request` for what is none, and what the function throws. */
function modelOf<TModel extends AiSdkModel | AiSdkEmbeddingModel>(
  given: TModel | ((name: string) => TModel),
  name: string,
  method: 'doStream' | 'doEmbed',
): TModel {
  const model = typeof given === 'function' ? given(name) : given
  const problem = aModelWith(method)(model)
  if (problem === undefined && typeof model !== 'function') return model
  throw new BeamClawError(
    'provider-bad-request',
    `AiSdkProvider: for the model "${name.slice(0, 128)}" there must be a model of version 3 or 4 of the AI SDK's specification`,
  )
}

/** Returns the reader of an answer. Throws `provider-protocol` for one that is no stream. */
function readerOf(answer: { readonly stream: AiSdkPartStream }, { name }: FailureContext): BegunStream['source'] {
  const stream: unknown = (answer as { readonly stream: unknown } | null | undefined)?.stream
  if (typeof stream === 'object' && stream !== null && 'getReader' in stream) return (stream as AiSdkPartStream).getReader()
  throw protocolError(name, 'the model returned no stream')
}
