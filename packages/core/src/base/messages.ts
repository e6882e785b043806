/** What people, models and tools say to each other; plain JSON, so that a journal can hold it. */

/** Anything that survives `JSON.parse(JSON.stringify(value))`. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined }

export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** An image, as base64 `data` or as a `url` the provider fetches itself; exactly one of the two. */
export interface ImagePart {
  readonly type: 'image'
  /** For example `image/png`. */
  readonly mediaType: string
  readonly data?: string
  readonly url?: string
}

/** What the model thought before it answered. `signature` goes back to the provider unchanged. */
export interface ThinkingPart {
  readonly type: 'thinking'
  readonly text: string
  readonly signature?: string
  /** Encrypted thinking that only the provider can read. */
  readonly redacted?: string
}

/** The model asks for a tool. `input` is what it sent, parsed; when that was not JSON, `invalidInput` holds the text. */
export interface ToolCall {
  readonly type: 'tool-call'
  readonly id: string
  readonly name: string
  readonly input: JsonValue
  readonly invalidInput?: string
}

/** What a tool answered. */
export interface ToolResult {
  readonly type: 'tool-result'
  readonly toolCallId: string
  readonly name: string
  readonly content: string | readonly (TextPart | ImagePart)[]
  readonly isError: boolean
}

export interface UserMessage {
  readonly role: 'user'
  readonly content: string | readonly (TextPart | ImagePart)[]
}

export interface AssistantMessage {
  readonly role: 'assistant'
  readonly content: readonly (TextPart | ThinkingPart | ToolCall)[]
}

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
}

/** Usage of nothing. */
export const zeroUsage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

/** The sum of two usages. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  }
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

/** The text of a message, its parts joined; thinking, images and tool calls are left out. */
export function textOf(message: Message): string {
  if (typeof message.content === 'string') return message.content
  let text = ''
  for (const part of message.content) if (part.type === 'text') text += part.text
  return text
}

/**
 * Why the model stopped: it was done (`stop`), it wants tools (`tool-calls`), it hit the output limit (`length`), the provider
 * withheld the rest (`content-filter`), or something else (`other`).
 */
export type FinishReason = 'stop' | 'tool-calls' | 'length' | 'content-filter' | 'other'
