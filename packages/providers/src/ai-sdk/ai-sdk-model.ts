/**
 * The models of the AI SDK as far as they are used: versions 3 and 4 of its provider specification (`@ai-sdk/provider` 3 and 4). Structural, so that
 * neither this package nor its declarations need one of the AI SDK's.
 */
import type { JsonObject, JsonValue } from '@beamclaw/core'

/** Settings of one provider by its name, as the AI SDK has them: `{ anthropic: { cacheControl: … } }`. */
export type AiSdkServiceOptions = { readonly [provider: string]: JsonObject }

/** A `LanguageModelV3` or `LanguageModelV4`. */
export interface AiSdkModel {
  readonly specificationVersion: 'v3' | 'v4'
  /** For example `openai.responses`. */
  readonly provider: string
  readonly modelId: string
  /** The addresses of files that the service fetches itself, by media type. */
  readonly supportedUrls: AiSdkUrls | PromiseLike<AiSdkUrls>
  /** Gets `AiSdkCallOptions`; `object`, because a model says more exactly what it takes. */
  doStream(options: object): PromiseLike<{ readonly stream: AiSdkPartStream }>
}

/** Patterns of addresses by media type, such as `image/*`. */
export type AiSdkUrls = Readonly<Record<string, readonly RegExp[]>>

/** A `ReadableStream` of parts. */
export interface AiSdkPartStream {
  getReader(): AiSdkPartReader
}

/** The reader of a stream. */
export interface AiSdkPartReader {
  read(): PromiseLike<{ readonly done: boolean; readonly value?: unknown }>
  cancel(reason?: unknown): PromiseLike<void>
}

/** An `EmbeddingModelV3` or `EmbeddingModelV4`. */
export interface AiSdkEmbeddingModel {
  readonly specificationVersion: 'v3' | 'v4'
  readonly provider: string
  readonly modelId: string
  readonly maxEmbeddingsPerCall: number | undefined | PromiseLike<number | undefined>
  /** Gets `AiSdkEmbedOptions`. */
  doEmbed(options: object): PromiseLike<{
    readonly embeddings: readonly (readonly number[])[]
    readonly usage?: { readonly tokens: number } | undefined
  }>
}

/** One call for embeddings; `dimensions` is of version 4. */
export interface AiSdkEmbedOptions {
  values: string[]
  dimensions?: number
  abortSignal?: AbortSignal
}

/** One call of a model. The arrays are its own: a model may change them. */
export interface AiSdkCallOptions {
  prompt: AiSdkMessage[]
  maxOutputTokens?: number
  temperature?: number
  topP?: number
  stopSequences?: string[]
  responseFormat?: { readonly type: 'json'; readonly name?: string; readonly schema?: JsonObject }
  tools?: AiSdkTool[]
  toolChoice?: AiSdkToolChoice
  abortSignal?: AbortSignal
  /** Version 4. */
  reasoning?: 'low' | 'medium' | 'high'
  providerOptions?: AiSdkServiceOptions
}

/** A tool that the caller runs. */
export interface AiSdkTool {
  readonly type: 'function'
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonObject
  readonly strict?: boolean
}

/** Which tools must be called. */
export type AiSdkToolChoice = { readonly type: 'auto' | 'none' | 'required' } | { readonly type: 'tool'; readonly toolName: string }

/** A message of a prompt. */
export type AiSdkMessage =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user' | 'assistant' | 'tool'; readonly content: AiSdkPart[] }

/** A part of a message: `type`, its fields, and what its provider needs back. */
export interface AiSdkPart {
  readonly type: string
  readonly providerOptions?: AiSdkServiceOptions
  readonly [field: string]: AiSdkField
}

/** The value of a field: JSON, except for the URL of a file. */
export type AiSdkField = JsonValue | URL | undefined | readonly AiSdkField[] | { readonly [name: string]: AiSdkField }

/** A part of a stream as a model sends it: nothing of it is checked. */
export type StreamPart = Readonly<Record<string, unknown>>
