/** Turns a history into messages of the AI SDK, with which `useChat` starts when a page is reopened. Pure. */
import { aFunction, checkOptions, guardedRead, readOptions } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import type { AssistantMessage, JsonValue, ToolCall, ToolResult, UserMessage } from '../../base/messages.ts'
import type { SessionHistory } from '../session-replies.ts'
import { type ErrorText, guardedErrorText, toolErrorOf } from './public-error-text.ts'
import { blocksOf, dataOf, invalidInputText } from './ui-message-stream.ts'

/** A part of a `UiMessage`. */
export type UiMessagePart =
  | { readonly type: 'step-start' }
  | { readonly type: 'text' | 'reasoning'; readonly text: string; readonly state?: 'done' }
  | { readonly type: 'file'; readonly mediaType: string; readonly url: string }
  | UiToolPart

type UiToolPart = { readonly type: `tool-${string}`; readonly toolCallId: string } & (
  | { readonly state: 'input-available'; readonly input: JsonValue }
  | { readonly state: 'output-available'; readonly input: JsonValue; readonly output: unknown }
  | { readonly state: 'output-error'; readonly input: JsonValue; readonly errorText: string }
)

/** A message of `useChat`; assignable to the AI SDK's `UIMessage`. */
export interface UiMessage {
  /** The run's id for a user message, and `<run id>:answer` for the answer, as in the stream. */
  readonly id: string
  readonly role: 'user' | 'assistant'
  readonly parts: UiMessagePart[]
}

/** Options of `toUiMessages`. */
export interface UiMessagesOptions {
  /** Returns the text shown for a failed tool. @default the code alone */
  readonly errorText?: ErrorText
  /** Returns the address of an image that is an attachment, from which a browser gets its bytes. @default `attachment:<blob>` */
  readonly attachmentUrl?: (image: UiAttachment) => string
}

/** An image that a session keeps as an attachment: see `SessionHandle.attachment`. */
export interface UiAttachment {
  readonly blob: string
  readonly mediaType: string
  /** In bytes. */
  readonly size: number
}

/**
 * Returns a history as messages for `useChat({ messages })`. The answers of one run form one message, with its steps and tools. Throws `invalid-option`.
 *
 * @example
 * const messages = toUiMessages(await session.history())
 */
export function toUiMessages(history: Pick<SessionHistory, 'messages'>, options: UiMessagesOptions = {}): UiMessage[] {
  const given = readOptions('toUiMessages', options)
  checkOptions<UiMessagesOptions>('toUiMessages', given, { errorText: aFunction, attachmentUrl: aFunction })
  const errorText = guardedErrorText(given.errorText)
  const { attachmentUrl = ({ blob }) => `attachment:${blob}` } = given
  return guardedRead('toUiMessages', 'history', () => {
    if (!Array.isArray(history?.messages)) {
      throw new BeamClawError('invalid-option', 'toUiMessages: pass what session.history() resolves with')
    }
    return messagesOf(history.messages, { errorText, attachmentUrl })
  })
}

function messagesOf(entries: SessionHistory['messages'], { errorText, attachmentUrl }: Required<UiMessagesOptions>): UiMessage[] {
  const messages: UiMessage[] = []
  const ids = new Set<string>()
  for (const { message, runId } of entries) {
    const last = messages.at(-1)
    if (message.role === 'user') messages.push({ id: freshId(runId, ids), role: 'user', parts: userParts(message, attachmentUrl) })
    else if (message.role === 'tool') for (const result of message.content) setResult(last?.parts ?? [], result, errorText)
    else if (last?.role === 'assistant' && last.id.startsWith(`${runId}:answer`)) last.parts.push(...answerParts(message))
    else messages.push({ id: freshId(`${runId}:answer`, ids), role: 'assistant', parts: answerParts(message) })
  }
  return messages
}

/** Returns the id, or the next free one: a message that joins a run splits its answer in two. */
function freshId(id: string, ids: Set<string>): string {
  let fresh = id
  for (let count = 2; ids.has(fresh); count++) fresh = `${id}:${count}`
  ids.add(fresh)
  return fresh
}

function userParts({ content }: UserMessage, attachmentUrl: Required<UiMessagesOptions>['attachmentUrl']): UiMessagePart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.map((part) => {
    if (part.type === 'text') return { type: 'text', text: part.text }
    const { mediaType, blob, size = 0, url, data = '' } = part
    if (blob !== undefined) return { type: 'file', mediaType, url: attachmentUrl({ blob, mediaType, size }) }
    return { type: 'file', mediaType, url: url ?? `data:${mediaType};base64,${data}` }
  })
}

function answerParts(message: AssistantMessage): UiMessagePart[] {
  const blocks = blocksOf(message).map(({ kind, text }): UiMessagePart => ({ type: kind, text, state: 'done' }))
  const calls = message.content.flatMap((part) => (part.type === 'tool-call' ? [callPart(part)] : []))
  return [{ type: 'step-start' }, ...blocks, ...calls]
}

function callPart({ id: toolCallId, name, input, invalidInput }: ToolCall): UiToolPart {
  const part = { type: `tool-${name}`, toolCallId } as const
  if (invalidInput === undefined) return { ...part, state: 'input-available', input }
  return { ...part, state: 'output-error', input: invalidInput, errorText: invalidInputText }
}

/** Completes the last call with that id: models reuse ids. */
function setResult(parts: UiMessagePart[], result: ToolResult, errorText: ErrorText): void {
  const index = parts.findLastIndex((part) => 'toolCallId' in part && part.toolCallId === result.toolCallId)
  const part = parts[index]
  if (part === undefined || !('toolCallId' in part)) return
  const { type, toolCallId, input } = part
  parts[index] = result.isError
    ? { type, toolCallId, state: 'output-error', input, errorText: toolErrorOf('error', result, errorText) }
    : { type, toolCallId, state: 'output-available', input, output: dataOf(result.content) }
}
