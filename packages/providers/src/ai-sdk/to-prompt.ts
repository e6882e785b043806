/** Converts a conversation to a prompt of the AI SDK, in the order of its parts. Pure. */
import type { AnswerPart, AssistantMessage, ContentPart, JsonObject, JsonValue, Message, ProviderRequest, ToolResult } from '@beamclaw/core'
import { objectOf, textIn } from '../shared/fields.ts'
import { keptFor } from '../shared/kept-for.ts'
import { withWireCalls } from '../shared/wire-calls.ts'
import type { AiSdkMessage, AiSdkPart } from './ai-sdk-model.ts'
import { plainJson, providerOptionsField } from './kept-parts.ts'
import { type PromptTarget, textPart, toFilePart, toResultPart, toUserPart } from './to-file.ts'

/** Returns the messages of a prompt. */
export function toPrompt({ system, messages }: ProviderRequest, target: PromptTarget): AiSdkMessage[] {
  const prompt: AiSdkMessage[] = system === undefined || system === '' ? [] : [{ role: 'system', content: system.toWellFormed() }]
  for (const message of withWireCalls(messages)) {
    const content = toContent(message, target)
    if (content.length > 0) prompt.push({ role: message.role, content })
  }
  return prompt
}

function toContent(message: Message, target: PromptTarget): AiSdkPart[] {
  switch (message.role) {
    case 'user': {
      const parts: readonly ContentPart[] =
        typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content
      const content = parts.filter((part) => part.type !== 'text' || part.text.trim() !== '').map((part) => toUserPart(part, target))
      // Services refuse an empty message, and leaving it out would answer the one before it.
      return content.length > 0 ? content : [textPart('(empty message)')]
    }
    case 'assistant':
      return fromAssistant(message, target)
    case 'tool':
      return message.content.map((result) => toResult(result, target))
  }
}

function fromAssistant({ content }: AssistantMessage, target: PromptTarget): AiSdkPart[] {
  const parts: AiSdkPart[] = []
  /** Where the blocks are that were cut into pieces. */
  const blocks = new Map<string, number>()
  for (const part of content) {
    const kept = keptFor(part.providerMetadata, target.service)
    const made = toPart(part, kept, target)
    if (made === undefined) continue
    const block = typeof kept?.block === 'number' ? `${part.type} ${kept.block}` : undefined
    const place = block === undefined ? undefined : blocks.get(block)
    if (place !== undefined) {
      const before = parts[place] as AiSdkPart
      parts[place] = { ...before, ...made, text: `${String(before.text)}${String(made.text)}` }
      continue
    }
    if (block !== undefined) blocks.set(block, parts.length)
    parts.push(made)
  }
  // A piece may be empty; a whole block may be only where something goes back with it.
  return parts.filter((part) => part.type !== 'text' || String(part.text).trim() !== '' || part.providerOptions !== undefined)
}

/** Returns the part of a prompt; undefined for what another service has made for itself. */
function toPart(part: AnswerPart, kept: JsonObject | undefined, target: PromptTarget): AiSdkPart | undefined {
  const options = providerOptionsField(kept)
  switch (part.type) {
    case 'text':
      return { ...textPart(part.text), ...options }
    case 'thinking':
      return kept === undefined ? undefined : { type: 'reasoning', text: part.text.toWellFormed(), ...options }
    case 'tool-call':
      return { type: 'tool-call', toolCallId: part.id, toolName: part.name, input: toInput(part.input), ...options }
    case 'custom': {
      const custom = toCustom(objectOf(kept?.part), target)
      return custom === undefined ? undefined : { ...custom, ...options }
    }
  }
}

/** Returns the part of a block that the service made for itself, if it is one that it can have made: nothing that would pass for a call or a result of ours. */
function toCustom(part: JsonObject | undefined, { version }: PromptTarget): AiSdkPart | undefined {
  const { type, toolCallId, toolName, kind, mediaType } = part ?? {}
  switch (type) {
    case 'tool-call': {
      if (part?.providerExecuted !== true || textIn(toolCallId) === undefined || textIn(toolName) === undefined) return undefined
      return { type, toolCallId, toolName, input: plainJson(part.input) ?? {}, providerExecuted: true }
    }
    case 'tool-result': {
      const output = objectOf(plainJson(part?.output))
      if (textIn(toolCallId) === undefined || textIn(toolName) === undefined || !isOutput(output)) return undefined
      return { type, toolCallId, toolName, output }
    }
    case 'file':
    case 'reasoning-file': {
      const url = URL.parse(textIn(part?.url) ?? '') ?? undefined
      const data = textIn(part?.data)
      if (typeof mediaType !== 'string' || (url === undefined && data === undefined)) return undefined
      return type === 'reasoning-file' && version === 'v3' ? undefined : toFilePart(type, { mediaType, data, url }, version)
    }
    case 'custom':
      return version === 'v3' || textIn(kind)?.includes('.') !== true ? undefined : { type, kind }
  }
  return undefined
}

function isOutput(output: JsonObject | undefined): boolean {
  return (output?.type === 'json' || output?.type === 'error-json') && output.value !== undefined
    ? true
    : (output?.type === 'text' || output?.type === 'error-text') && typeof output.value === 'string'
}

function toResult({ toolCallId, name, content, isError }: ToolResult, target: PromptTarget): AiSdkPart {
  return { type: 'tool-result', toolCallId, toolName: name, output: toOutput(content, isError, target) }
}

function toOutput(content: ToolResult['content'], isError: boolean, target: PromptTarget): Readonly<Record<string, string | AiSdkPart[]>> {
  const text = typeof content === 'string' ? content : content.every((part) => part.type === 'text') ? joined(content) : undefined
  if (text !== undefined) return { type: isError ? 'error-text' : 'text', value: text.toWellFormed() }
  const parts = (content as readonly ContentPart[]).map((part) => toResultPart(part, target))
  // There is no failure with files.
  return { type: 'content', value: isError ? [textPart('The tool failed:'), ...parts] : parts }
}

function joined(content: readonly { readonly text: string }[]): string {
  return content.map(({ text }) => text).join('')
}

/** Returns the input, wrapped in an object if it is none: services refuse any other. */
function toInput(input: JsonValue): JsonValue {
  const copy = plainJson(input) ?? {}
  return objectOf(copy) ?? { value: copy }
}
