/** Converts messages to the input items of the Responses API, in the order of their parts. Pure: the same messages give the same items, byte for byte. */
import type { AnswerPart, AssistantMessage, ContentPart, FilePart, ImagePart, JsonObject, Message, ToolMessage } from '@beamclaw/core'
import { textOfFile } from '../shared/file-text.ts'
import { keptFor } from '../shared/kept-for.ts'
import { withWireCalls } from '../shared/wire-calls.ts'
import { callInput, customInput, reasoningInput } from './kept-items.ts'

/** The differences between services. */
export interface InputStyle {
  /** The name under which metadata is kept. */
  readonly service: string
  /**
   * True for a service that wants the calls of an answer side by side. DeepSeek does not find the result of a call that something else follows:
   * github.com/pydantic/pydantic-ai/issues/7430.
   */
  readonly callsLast: boolean
}

/** Returns the input items. */
export function toResponsesInput(messages: readonly Message[], style: InputStyle): readonly JsonObject[] {
  return withWireCalls(messages).flatMap((message) => toItems(message, style))
}

function toItems(message: Message, style: InputStyle): readonly JsonObject[] {
  switch (message.role) {
    case 'user':
      return [{ role: 'user', content: typeof message.content === 'string' ? message.content : message.content.map(toInputPart) }]
    case 'assistant':
      return fromAssistant(message, style)
    case 'tool':
      return fromResults(message)
  }
}

function toInputPart(part: ContentPart): JsonObject {
  if (part.type === 'text') return { type: 'input_text', text: part.text }
  return part.type === 'image' ? toImage(part) : toFile(part)
}

function toImage({ url, mediaType, data = '' }: ImagePart): JsonObject {
  return { type: 'input_image', image_url: url ?? `data:${mediaType};base64,${data}`, detail: 'auto' }
}

/** Documents that are text go as text, which every model reads. */
function toFile(part: FilePart): JsonObject {
  const { mediaType, name = 'document', data, url } = part
  const text = textOfFile(part)
  if (text !== undefined) return { type: 'input_text', text: `${name}:\n${text}` }
  if (data === undefined && url !== undefined) return { type: 'input_file', file_url: url }
  return { type: 'input_file', filename: name, file_data: `data:${mediaType};base64,${data ?? ''}` }
}

function fromAssistant({ content }: AssistantMessage, { service, callsLast }: InputStyle): readonly JsonObject[] {
  const items: JsonObject[] = []
  for (const part of content) {
    const item = itemOf(part, keptFor(part.providerMetadata, service) ?? {}, items)
    if (item !== undefined) items.push(item)
  }
  // Reasoning is refused without what it led to; an answer that was cut off may have nothing else.
  const whole = items.slice(0, items.findLastIndex(({ type }) => type !== 'reasoning') + 1)
  return callsLast
    ? [...whole.filter(({ type }) => type !== 'function_call'), ...whole.filter(({ type }) => type === 'function_call')]
    : whole
}

/** Returns the item of a part; undefined for one that another service has made, for an empty one, and for a block that was added to the item before. */
function itemOf(part: AnswerPart, kept: JsonObject, before: readonly JsonObject[]): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return part.text === '' ? undefined : textItem(part.text, kept, before.at(-1))
    case 'thinking':
      return reasoningInput(kept.item)
    case 'custom':
      return customInput(kept.item, part.kind)
    case 'tool-call': {
      const { arguments: text, ...others } = callInput(part.input, kept)
      return { type: 'function_call', call_id: part.id, name: part.name, arguments: text, ...others }
    }
  }
}

function textItem(text: string, { phase, refusal, continues }: JsonObject, last: JsonObject | undefined): JsonObject | undefined {
  const block = refusal === true ? { type: 'refusal', refusal: text } : { type: 'output_text', text }
  if (continues === true && last?.role === 'assistant') {
    ;(last.content as JsonObject[]).push(block)
    return undefined
  }
  return { type: 'message', role: 'assistant', content: [block], ...(phase === 'commentary' || phase === 'final_answer' ? { phase } : {}) }
}

function fromResults({ content }: ToolMessage): readonly JsonObject[] {
  return content.map(({ toolCallId, content: result, isError }) => ({
    type: 'function_call_output',
    call_id: toolCallId,
    output: toOutput(result, isError ? 'The tool failed: ' : ''),
  }))
}

function toOutput(result: string | readonly ContentPart[], prefix: string): string | readonly JsonObject[] {
  if (typeof result === 'string') return prefix + result
  if (result.every((part) => part.type === 'text')) return prefix + result.map(({ text }) => text).join('')
  const parts = result.map(toInputPart)
  return prefix === '' ? parts : [{ type: 'input_text', text: prefix }, ...parts]
}
