/** The messages of a conversation between users, models and tools; plain JSON, so that a journal can hold them. */

/** Anything that survives `JSON.parse(JSON.stringify(value))`. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined }

/**
 * What a model service needs back with something that it made, by the name of the service: a signature, an encrypted block, an id. Opaque to everyone
 * else: an adapter reads the entry of its own service, and sends it to no other. At most 1 MiB of JSON for each part, nested at most 64 deep.
 */
export type ProviderMetadata = { readonly [service: string]: JsonObject }

/** A piece of text. With `blob`, which a long result of a tool has in histories and events, `text` is only its beginning. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
  /** Present only in messages of a model. */
  readonly providerMetadata?: ProviderMetadata
  /** The id of the attachment with the whole text in UTF-8: `session.attachment(blob)` reads it. A model gets the whole text, and no reference. */
  readonly blob?: string
  /** Bytes of the attachment; present with `blob`. */
  readonly size?: number
}

/**
 * An image: as base64 `data`, as a `url` that the provider fetches itself, or as `blob`, the id of an attachment of the session; exactly one of the three. A
 * session keeps an image of more than 4 KiB as an attachment: histories and events have `blob` and `size`. A model gets `data`, and no reference.
 */
export interface ImagePart {
  readonly type: 'image'
  /** For example `image/png`. */
  readonly mediaType: string
  readonly data?: string
  readonly url?: string
  /** `session.attachment(blob)` reads it. */
  readonly blob?: string
  /** Bytes of the attachment; present with `blob`. */
  readonly size?: number
}

/**
 * A document: as base64 `data`, as a `url` that the provider fetches itself, or as `blob`, the id of an attachment of the session; exactly one of the
 * three. Kept as images are. Models differ in what they read: PDF and plain text are the usual ones.
 */
export interface FilePart {
  readonly type: 'file'
  /** For example `application/pdf`. */
  readonly mediaType: string
  /** The name of the file, for the model. */
  readonly name?: string
  readonly data?: string
  readonly url?: string
  /** `session.attachment(blob)` reads it. */
  readonly blob?: string
  /** Bytes of the attachment; present with `blob`. */
  readonly size?: number
}

/** Content that a person or a tool gives to a model. */
export type ContentPart = TextPart | ImagePart | FilePart

/** The model's thinking before its answer. Without text where the service encrypts it. */
export interface ThinkingPart {
  readonly type: 'thinking'
  readonly text: string
  readonly providerMetadata?: ProviderMetadata
}

/** A block of an answer that only its service understands, such as the call of a tool that ran there. It goes back to that service unchanged. */
export interface CustomPart {
  readonly type: 'custom'
  /** The service's name of the block, for example `server_tool_use`. */
  readonly kind: string
  readonly providerMetadata: ProviderMetadata
}

/** A tool call by the model. `input` is the parsed input; when the model sent no valid JSON, `invalidInput` holds the text. */
export interface ToolCall {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
  readonly input: JsonValue
  readonly invalidInput?: string
  readonly providerMetadata?: ProviderMetadata
}

/** The result of a tool call. */
export interface ToolResult {
  readonly type: 'tool-result'
  readonly toolCallId: string
  readonly name: string
  readonly content: string | readonly ContentPart[]
  readonly isError: boolean
}

/** A message of the user: text, or text, images and files. */
export interface UserMessage {
  readonly role: 'user'
  readonly content: string | readonly ContentPart[]
}

/** A part of a model's message. */
export type AnswerPart = TextPart | ThinkingPart | CustomPart | ToolCall

/** A message of the model: text, thinking and tool calls, in order. */
export interface AssistantMessage {
  readonly role: 'assistant'
  readonly content: readonly AnswerPart[]
  readonly providerMetadata?: ProviderMetadata
}

/** The results of the tool calls of the preceding assistant message. */
export interface ToolMessage {
  readonly role: 'tool'
  readonly content: readonly ToolResult[]
}

/** One entry of a conversation. */
export type Message = UserMessage | AssistantMessage | ToolMessage

/** Tokens of one provider call. `inputTokens` counts uncached input only. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
  /** How many of `outputTokens` the model thought with, where the service tells. */
  readonly reasoningTokens?: number
  /** How many of `cacheWriteTokens` are kept for an hour, which some services charge more for. */
  readonly longCacheWriteTokens?: number
}

/** A usage of zero tokens. */
export const zeroUsage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

/**
 * Returns the sum of two usages.
 *
 * @example
 * const total = results.reduce((sum, { usage }) => addUsage(sum, usage), zeroUsage)
 */
export function addUsage(a: Usage, b: Usage): Usage {
  const reasoningTokens = addOptional(a.reasoningTokens, b.reasoningTokens)
  const longCacheWriteTokens = addOptional(a.longCacheWriteTokens, b.longCacheWriteTokens)
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
    ...(longCacheWriteTokens === undefined ? {} : { longCacheWriteTokens }),
  }
}

function addOptional(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : a + (b ?? 0)
}

/** Tokens of one model, `<provider>/<model>`. */
export interface ModelUsage {
  readonly model: string
  readonly usage: Usage
}

/** Returns the list with more tokens of one model; a model is in it once. */
export function addModelUsage(list: readonly ModelUsage[], model: string, usage: Usage): readonly ModelUsage[] {
  if (!list.some((one) => one.model === model)) return [...list, { model, usage }]
  return list.map((one) => (one.model === model ? { model, usage: addUsage(one.usage, usage) } : one))
}

/**
 * Returns the text of a message, its parts joined, without thinking, images and tool calls.
 *
 * @example
 * textOf({ role: 'user', content: 'Hello' }) // → 'Hello'
 */
export function textOf(message: Message): string {
  if (typeof message.content === 'string') return message.content
  let text = ''
  for (const part of message.content) if (part.type === 'text') text += part.text
  return text
}

/**
 * Why the model stopped: the answer is complete (`stop`), it calls tools (`tool-calls`), it reached the output limit (`length`), the provider
 * withheld the rest (`content-filter`), or another reason (`other`).
 */
export type FinishReason = 'stop' | 'tool-calls' | 'length' | 'content-filter' | 'other'
