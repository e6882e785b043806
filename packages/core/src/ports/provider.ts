/** The port to a model service. */
import type { FinishReason, JsonObject, Message, ToolCall, Usage } from '../base/messages.ts'

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
  | { readonly type: 'thinking-delta'; readonly text: string }
  /** Ends a block of thinking; what must go back to the provider with it. */
  | { readonly type: 'thinking-end'; readonly signature?: string; readonly redacted?: string }
  | { readonly type: 'tool-call-start'; readonly id: string; readonly name: string }
  /** A piece of the input's JSON text; not parseable by itself. */
  | { readonly type: 'tool-call-delta'; readonly id: string; readonly inputText: string }
  /** The whole call. Sent once for each call, whether or not pieces came before; never for one that the output limit cut off. */
  | ToolCall
  /** Last part of every answer that was not an error. */
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly usage: Usage }

/** A model that a provider offers. */
export interface ModelInfo {
  readonly id: string
  /** Tokens that fit in one request. */
  readonly contextWindow?: number
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
}
