/** A Chat Completions request as a service reads it: only what the refusals look at. */
import type { JsonObject, JsonValue } from '@beamclaw/core'
import type { ReceivedRequest, ScriptedError } from '../answer.ts'
import { listOf } from './request-values.ts'

/** One call in a message of the model. */
export interface ChatCall {
  readonly id?: JsonValue | undefined
  readonly function?: { readonly name?: JsonValue | undefined; readonly arguments?: JsonValue | undefined }
  readonly [key: string]: unknown
}

/** One message. */
export interface ChatMessage {
  readonly role?: string
  readonly content?: JsonValue | undefined
  readonly tool_calls?: readonly ChatCall[]
  readonly tool_call_id?: string
  readonly [key: string]: unknown
}

/** The body of a request. */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly JsonObject[]
  readonly tool_choice?: JsonValue
  readonly [key: string]: unknown
}

/** Returns the body of a Chat Completions request; undefined for any other. */
export function chatBodyOf({ path, body }: ReceivedRequest): ChatBody | undefined {
  if (!path.endsWith('/chat/completions') || typeof body !== 'object' || body === null) return undefined
  const { model, messages } = body as Partial<ChatBody>
  return typeof model === 'string' && Array.isArray(messages) ? (body as ChatBody) : undefined
}

/** Returns a refusal in OpenAI's shape. */
export function refused(message: string, more: JsonObject = {}, status = 400): ScriptedError {
  return { status, body: { error: { message, type: 'invalid_request_error', param: null, code: null, ...more } } }
}

/** Returns the first call that no result follows, which nearly every service refuses. */
export function unansweredCall({ messages }: ChatBody): JsonValue | undefined {
  for (const [index, { tool_calls = [] }] of messages.entries()) {
    const answered = new Set<unknown>()
    for (let next = index + 1; messages[next]?.role === 'tool'; next++) answered.add(messages[next]?.tool_call_id)
    const open = tool_calls.find(({ id }) => !answered.has(id))
    if (open !== undefined) return open.id ?? ''
  }
  return undefined
}

/** Returns the place of the first message of the model that `isWrong`; -1 for none. */
export function indexOfAnswer({ messages }: ChatBody, isWrong: (message: ChatMessage) => boolean): number {
  return messages.findIndex((message) => message.role === 'assistant' && isWrong(message))
}

/** Returns the place of the first message with a part of a type that is not text, with that type; undefined when there is none. */
export function partBesideText({ messages }: ChatBody): { readonly index: number; readonly type: string } | undefined {
  for (const [index, { content }] of messages.entries()) {
    const type = listOf(content).find((part) => part.type !== 'text')?.type
    if (type !== undefined) return { index, type: String(type) }
  }
  return undefined
}

/** True for a choice that leaves no way around a call. */
export function isForced(choice: unknown): boolean {
  return choice === 'required' || (typeof choice === 'object' && choice !== null)
}
