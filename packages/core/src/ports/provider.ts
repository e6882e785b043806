/** The port to a model service. */
import type { CustomPart, FinishReason, JsonObject, Message, ProviderMetadata, ToolCall, Usage } from '../base/messages.ts'

/** A tool as the model sees it. */
export interface ToolDeclaration {
  readonly name: string
  readonly description: string
  /** JSON Schema of the input; its root has `type: 'object'`. */
  readonly inputSchema: JsonObject
}

/** Whether and which tools the model must call. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string }

/** How much a model thinks before it answers; a provider maps it to the settings of its service. */
export type ThinkingLevel = 'off' | 'low' | 'medium' | 'high'

/** One request to a model. */
export interface ProviderRequest {
  /** The provider's own name of the model, without the provider's id. */
  readonly model: string
  readonly system?: string
  readonly messages: readonly Message[]
  readonly tools?: readonly ToolDeclaration[]
  /** @default 'auto' */
  readonly toolChoice?: ToolChoice
  readonly maxOutputTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly stopSequences?: readonly string[]
  /** @default 'off' */
  readonly thinking?: ThinkingLevel
  /** Asks for JSON, by `schema` (JSON Schema) where the provider can enforce one. */
  readonly responseFormat?: { readonly type: 'json'; readonly name?: string; readonly schema?: JsonObject }
  /** An opaque id of the end user, for the provider's abuse handling. */
  readonly userId?: string
  /** The agent that makes the request, for policies that count calls. Not sent to the service. */
  readonly agent?: string
  /** The tenant whose session makes the request, for policies that count calls. Not sent to the service. */
  readonly tenant?: string
}

/** One piece of a model's answer, in the order it arrives. */
export type ProviderPart =
  | { readonly type: 'text-delta'; readonly text: string }
  /** Ends a block of text. Needed only where the service has blocks of its own, or needs something back with one. */
  | { readonly type: 'text-end'; readonly providerMetadata?: ProviderMetadata }
  | { readonly type: 'thinking-delta'; readonly text: string }
  /** Ends a block of thinking; a block that the service encrypts has metadata and no text. */
  | { readonly type: 'thinking-end'; readonly providerMetadata?: ProviderMetadata }
  | { readonly type: 'tool-call-start'; readonly id: string; readonly name: string }
  /** A piece of the input's JSON text; not parseable by itself. */
  | { readonly type: 'tool-call-delta'; readonly id: string; readonly inputText: string }
  /** The whole call, in its place among the parts. Sent once for each call, whether or not pieces came before; never for one that the output limit cut off. */
  | ToolCall
  /** A block that only the service understands, in its place among the parts. */
  | CustomPart
  /** Something in the request was left out or changed, because the model refuses it. May come anywhere before `finish`. */
  | ({ readonly type: 'warning' } & ProviderWarning)
  /** Last part of every answer that was not an error. The metadata is that of the message. */
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly usage: Usage; readonly providerMetadata?: ProviderMetadata }

/** What a provider left out of a request or changed in it. */
export interface ProviderWarning {
  /** The field of the request, for example `temperature`. */
  readonly setting: string
  /** What was done and why, in one sentence. */
  readonly message: string
}

/** US dollars for a million tokens of one model. */
export interface ModelPrice {
  readonly input: number
  readonly output: number
  /** Input tokens read from a cache. @default the price of `input` */
  readonly cacheRead?: number
  /** Input tokens written to a cache. @default the price of `input` */
  readonly cacheWrite?: number
  /** Input tokens written to a cache that keeps them for an hour. @default the price of `cacheWrite` */
  readonly longCacheWrite?: number
}

/** Whether a model thinks: never, when asked to, or always. */
export type ModelThinking = 'never' | 'optional' | 'always'

/** A model that a provider offers. Fields that neither the service nor the adapter knows are absent. */
export interface ModelInfo {
  readonly id: string
  /** Tokens that fit in one request, with its answer. */
  readonly contextWindow?: number
  /** Tokens that one answer may have. */
  readonly maxOutputTokens?: number
  readonly price?: ModelPrice
  readonly thinking?: ModelThinking
}

/** Texts to embed. */
export interface EmbedRequest {
  /** The provider's own name of the model, without the provider's id. */
  readonly model: string
  readonly texts: readonly string[]
  /** Numbers of each embedding, for models that let one choose. @default the model's */
  readonly dimensions?: number
}

/** One embedding for each text, in their order. */
export interface EmbedAnswer {
  readonly embeddings: readonly (readonly number[])[]
  readonly usage: Usage
}

/**
 * Talks to one model service. Stateless: no call waits for another. `doStream` never throws by itself: the iterable yields parts and
 * ends after exactly one `finish`, or throws a `BeamClawError` whose code starts with `provider-`. Aborting `signal` ends it promptly
 * with `provider-aborted` and frees the connection, also before the service has sent anything; so does leaving the loop early. A call
 * whose signal was aborted before sends nothing. Nothing is retried here. No error shows a key: not in its text, its details or its cause.
 * Proven by `providerContract()` in testkit.
 */
export interface Provider {
  doStream(request: ProviderRequest, options: { readonly signal: AbortSignal }): AsyncIterable<ProviderPart>
  /** Resolves with the models of this provider; may send a request to the service. Absent when the provider cannot list them. */
  listModels?(options: { readonly signal: AbortSignal }): Promise<readonly ModelInfo[]>
  /** Returns what is known of a model beforehand; sends no request, and takes no time. Absent when nothing is known of any. */
  modelFacts?(model: string): Omit<ModelInfo, 'id'>
  /** Resolves with the input tokens of a request as the service counts them. Absent when the service cannot tell. */
  countTokens?(request: ProviderRequest, options: { readonly signal: AbortSignal }): Promise<number>
  /** Resolves with an embedding for each text. Absent when the provider has none. */
  doEmbed?(request: EmbedRequest, options: { readonly signal: AbortSignal }): Promise<EmbedAnswer>
}
