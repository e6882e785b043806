/** A scripted model's answer, and the faults of its delivery. Plain data. */
import type { JsonObject, JsonValue, Usage } from '@beamclaw/core'

/** A tool call of a scripted answer. */
export interface ScriptedToolCall {
  /** `null` sends no id, as some servers do. @default `call_1`, `call_2`, … */
  readonly id?: string | null
  readonly name: string
  /** @default {} */
  readonly input?: JsonValue
  /** Sent as the input's text instead of `input`; need not be JSON. */
  readonly inputText?: string
}

/** One server-sent event exactly as given. An object becomes JSON. */
export interface SseFrame {
  readonly event?: string
  readonly data: string | JsonObject
}

/** An answer before the stream begins. */
export interface ScriptedError {
  readonly status: number
  /** A string is sent as it is, anything else as JSON. @default an error object of the request's protocol */
  readonly body?: JsonValue
  readonly headers?: Readonly<Record<string, string>>
}

/** One answer of the scripted model. The first of `error`, `raw`, `frames` that is given decides; otherwise the parts are written in the request's protocol. */
export interface ModelAnswer {
  /** Several strings are sent as several pieces; one string is cut into words. */
  readonly text?: string | readonly string[]
  readonly thinking?: string | { readonly text?: string; readonly signature?: string; readonly redacted?: string }
  readonly toolCalls?: readonly ScriptedToolCall[]
  /** @default 10 input tokens, 5 output tokens */
  readonly usage?: Partial<Usage>
  /** The finish or stop reason in the words of the protocol; `null` sends none. @default what fits the answer */
  readonly finish?: string | null
  /** Sent inside the stream, after the parts and instead of the end. */
  readonly streamError?: JsonObject
  readonly error?: ScriptedError
  /** The body's bytes exactly. */
  readonly raw?: string | Uint8Array
  readonly frames?: readonly SseFrame[]
  /** Extra response headers. */
  readonly headers?: Readonly<Record<string, string>>
  readonly delivery?: Delivery
}

/** Faults of the delivery: each field is one misbehaviour of real servers and networks. */
export interface Delivery {
  /** Where writes end: after each event, nowhere, after each line, after n bytes, within every multi-byte character, or within every `data:`. @default 'event' */
  readonly chunks?: 'event' | 'whole' | 'line' | 'character' | 'field' | number
  /** @default '\n' */
  readonly lineEnd?: '\n' | '\r\n' | '\r'
  /** Writes a comment before every event. */
  readonly comments?: boolean
  /** Writes a ping before every event: an event for Anthropic, a comment for OpenAI. */
  readonly pings?: boolean
  /** Writes an event of an unknown kind before every event. */
  readonly unknownEvents?: boolean
  /** Ends the connection after so many bytes of the body. */
  readonly disconnectAfterBytes?: number
  /** Ends the connection after so many events. */
  readonly disconnectAfterEvents?: number
  /** `reset` breaks the connection, `end` ends the body as if it were whole. @default 'reset' */
  readonly disconnect?: 'reset' | 'end'
  /** Writes an event whose data is not JSON after so many events. */
  readonly malformedAfterEvents?: number
  /** Writes one `data:` line of so many bytes after the first event. */
  readonly hugeLineBytes?: number
  /** Goes on for ever instead of the last three events: with text, with pings, or with one line that never ends. */
  readonly endless?: 'text' | 'pings' | 'line'
  /** Falls silent: before the headers, after the headers, or after so many events. */
  readonly stall?: 'headers' | 'body' | number
  /** Milliseconds before the headers are sent. */
  readonly firstByteDelayMs?: number
  /** A content-length that need not be true. */
  readonly contentLength?: number
  /** @default 'text/event-stream' or 'application/json' */
  readonly contentType?: string
  /** Leaves out `[DONE]` or `message_stop`. */
  readonly omitDone?: boolean
  /** Leaves out the empty line after the last event. */
  readonly omitLastLineEnd?: boolean
  /** Speaks this protocol whatever was asked. */
  readonly protocol?: Protocol
}

/** The wire protocols: OpenAI's Chat Completions and Responses, and Anthropic's Messages. */
export type Protocol = 'openai' | 'openai-responses' | 'anthropic'

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string
  /** Path without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The parsed JSON body, or the text when it was not JSON. */
  readonly body: unknown
  readonly protocol: Protocol
}

/** The usage of an answer, with what was left out filled in. */
export function usageOf({ usage = {} }: ModelAnswer): Usage {
  return { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0, ...usage }
}

/** The pieces in which text is sent. */
export function piecesOf(text: string | readonly string[] | undefined): readonly string[] {
  if (typeof text !== 'string') return text ?? []
  return text.match(/\s*\S+\s*|\s+/gu) ?? []
}

/** The text of a tool call's input. */
export function inputTextOf({ input = {}, inputText }: ScriptedToolCall): string {
  return inputText ?? JSON.stringify(input)
}

/** Cuts a text into three pieces, so that none of them is JSON by itself. */
export function thirdsOf(text: string): readonly string[] {
  const size = Math.max(1, Math.ceil(text.length / 3))
  return [text.slice(0, size), text.slice(size, 2 * size), text.slice(2 * size)].filter((piece) => piece !== '')
}
