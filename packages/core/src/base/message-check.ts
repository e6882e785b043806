/** Checks messages from callers, providers, tools and journals. Pure; each function returns a copy of the known fields. */
import { describeValue } from '@beamclaw/actor/internal'
import { isBlobId } from './attachments.ts'
import { BeamClawError, describeError } from './errors.ts'
import type {
  AnswerPart,
  AssistantMessage,
  ContentPart,
  CustomPart,
  JsonObject,
  JsonValue,
  Message,
  ModelUsage,
  ProviderMetadata,
  ToolCall,
  ToolResult,
  Usage,
  UserMessage,
} from './messages.ts'
import { wellFormedJson } from './well-formed.ts'

/** Makes the error for a wrong value. */
export type Fail = (problem: string) => Error

/** Returns the fields of an object. Throws `fail` for anything else. */
export function fieldsOf(value: unknown, path: string, fail: Fail): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>
  throw fail(`${path} must be an object, received ${describeValue(value)}`)
}

/** Returns every element, checked; a hole in an array counts as an element. */
export function eachOf<T>(value: unknown, path: string, fail: Fail, check: (element: unknown, path: string, fail: Fail) => T): T[] {
  if (!Array.isArray(value)) throw fail(`${path} must be an array, received ${describeValue(value)}`)
  return Array.from(value, (element: unknown, index) => check(element, `${path}[${index}]`, fail))
}

/** Returns a string, well-formed: half a surrogate pair becomes U+FFFD. */
export function stringOf(value: unknown, path: string, fail: Fail): string {
  return pieceOf(value, path, fail).toWellFormed()
}

/** Returns a piece of a string, which may begin or end in the middle of a surrogate pair. */
export function pieceOf(value: unknown, path: string, fail: Fail): string {
  if (typeof value === 'string') return value
  throw fail(`${path} must be a string, received ${describeValue(value)}`)
}

/** Returns a well-formed string of at least one character. */
export function nameOf(value: unknown, path: string, fail: Fail): string {
  if (typeof value === 'string' && value !== '') return value.toWellFormed()
  throw fail(`${path} must be a string of at least one character, received ${describeValue(value)}`)
}

/** Returns a number that is finite and not below 0. */
export function countOf(value: unknown, path: string, fail: Fail): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw fail(`${path} must be a number of at least 0, received ${describeValue(value)}`)
}

/** Returns one of the listed strings. */
export function choiceOf<T extends string>(value: unknown, allowed: readonly T[], path: string, fail: Fail): T {
  if (allowed.includes(value as T)) return value as T
  throw fail(`${path} must be one of ${allowed.join(', ')}, received ${describeValue(value)}`)
}

/** Returns a copy that is plain JSON, its texts well-formed. Throws `fail` for a cycle, a bigint, a function and the like. */
export function jsonOf(value: unknown, path: string, fail: Fail): JsonValue {
  let text: string | undefined
  try {
    text = wellFormedJson(value)
  } catch {
    throw fail(`${path} must be JSON, received ${describeValue(value)} that JSON cannot hold`)
  }
  if (text === undefined) throw fail(`${path} must be JSON, received ${describeValue(value)}`)
  return JSON.parse(text) as JsonValue
}

/** Returns text, or parts. An empty text counts as content here. */
export function contentOf(value: unknown, path: string, fail: Fail): UserMessage['content'] {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return eachOf(value, path, fail, shownPartOf)
  throw fail(`${path} must be text or an array of parts, received ${describeValue(value)}`)
}

/** Returns the content of a new message, which must have some. */
export function newContentOf(value: unknown, path: string, fail: Fail): UserMessage['content'] {
  const content = read(() => contentOf(value, path, fail), path, fail)
  if (content.length === 0) throw fail(`${path} must not be empty`)
  if (typeof content === 'string') return content
  const empty = content.findIndex((part) => part.type === 'text' && part.text === '')
  if (empty >= 0) throw fail(`${path}[${empty}].text must not be empty`)
  const referring = content.findIndex((part) => part.type === 'text' && part.blob !== undefined)
  if (referring >= 0) throw fail(`${path}[${referring}].blob is for results of tools; send the whole text`)
  return content
}

/** Calls a check; an error that a getter or a proxy throws counts as a wrong value. */
export function read<T>(reading: () => T, path: string, fail: Fail): T {
  try {
    return reading()
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw error
    throw fail(`${path} cannot be read: ${describeError(error)}`)
  }
}

/** Returns a text, an image or a file. */
function shownPartOf(value: unknown, path: string, fail: Fail): ContentPart {
  const part = fieldsOf(value, path, fail)
  const type = choiceOf(part.type, ['text', 'image', 'file'], `${path}.type`, fail)
  if (type === 'text')
    return { type, text: stringOf(part.text, `${path}.text`, fail), ...(part.blob === undefined ? {} : blobOf(part, path, fail)) }
  const mediaType = nameOf(part.mediaType, `${path}.mediaType`, fail)
  const name = type === 'image' || part.name === undefined ? {} : { name: nameOf(part.name, `${path}.name`, fail) }
  const given = [part.data, part.url, part.blob].filter((source) => source !== undefined)
  if (given.length !== 1) throw fail(`${path} must have exactly one of "data", "url" and "blob"`)
  if (part.blob !== undefined) return { type, mediaType, ...name, ...blobOf(part, path, fail) }
  if (part.data !== undefined) return { type, mediaType, ...name, data: nameOf(part.data, `${path}.data`, fail) }
  return { type, mediaType, ...name, url: nameOf(part.url, `${path}.url`, fail) }
}

/** Returns the fields of a reference to an attachment. */
function blobOf(
  { blob, size }: Readonly<Record<string, unknown>>,
  path: string,
  fail: Fail,
): { readonly blob: string; readonly size: number } {
  if (!isBlobId(blob)) throw fail(`${path}.blob must be the id of an attachment, received ${describeValue(blob)}`)
  return { blob, size: countOf(size, `${path}.size`, fail) }
}

/** Returns a message of an assistant. */
export function assistantMessageOf(value: unknown, path: string, fail: Fail): AssistantMessage {
  const message = fieldsOf(value, path, fail)
  choiceOf(message.role, ['assistant'], `${path}.role`, fail)
  return { role: 'assistant', content: eachOf(message.content, `${path}.content`, fail, spokenPartOf), ...metadataOf(message, path, fail) }
}

function spokenPartOf(value: unknown, path: string, fail: Fail): AnswerPart {
  const part = fieldsOf(value, path, fail)
  const type = choiceOf(part.type, ['text', 'thinking', 'custom', 'tool-call'], `${path}.type`, fail)
  if (type === 'tool-call') return toolCallOf(part, path, fail)
  if (type === 'custom') return customPartOf(part, path, fail)
  return { type, text: stringOf(part.text, `${path}.text`, fail), ...metadataOf(part, path, fail) }
}

/** Returns a block that only its service understands. */
export function customPartOf(part: Readonly<Record<string, unknown>>, path: string, fail: Fail): CustomPart {
  const { providerMetadata } = metadataOf(part, path, fail)
  if (providerMetadata === undefined) throw fail(`${path}.providerMetadata must be an object, received undefined`)
  return { type: 'custom', kind: nameOf(part.kind, `${path}.kind`, fail), providerMetadata }
}

/** Maximum characters of JSON in the metadata of one part: several times the longest encrypted reasoning that services send. */
const maxMetadataCharacters = 1024 * 1024

const deepestMetadata = 64

/** Returns what a service needs back, as a field; no field where there is none. */
export function metadataOf(
  { providerMetadata: given }: Readonly<Record<string, unknown>>,
  path: string,
  fail: Fail,
): { readonly providerMetadata?: ProviderMetadata } {
  if (given === undefined) return {}
  const place = `${path}.providerMetadata`
  const text = JSON.stringify(jsonOf(fieldsOf(given, place, fail), place, fail))
  if (text.length > maxMetadataCharacters) throw fail(`${place} must take at most ${maxMetadataCharacters} characters of JSON`)
  const metadata = JSON.parse(text) as JsonObject
  if (!isShallow(metadata, deepestMetadata)) throw fail(`${place} must nest at most ${deepestMetadata} deep`)
  for (const [service, value] of Object.entries(metadata)) fieldsOf(value, `${place}.${service}`, fail)
  return { providerMetadata: metadata as ProviderMetadata }
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1))
}

/** Returns a call; an `id` may be empty here. */
export function toolCallOf(part: Readonly<Record<string, unknown>>, path: string, fail: Fail): ToolCall {
  const { invalidInput } = part
  return {
    type: 'tool-call',
    id: stringOf(part.id, `${path}.id`, fail),
    name: nameOf(part.name, `${path}.name`, fail),
    input: jsonOf(part.input, `${path}.input`, fail),
    ...(invalidInput === undefined ? {} : { invalidInput: stringOf(invalidInput, `${path}.invalidInput`, fail) }),
    ...metadataOf(part, path, fail),
  }
}

/** Returns the result of a tool call. */
export function toolResultOf(value: unknown, path: string, fail: Fail): ToolResult {
  const result = fieldsOf(value, path, fail)
  if (typeof result.isError !== 'boolean') throw fail(`${path}.isError must be true or false, received ${describeValue(result.isError)}`)
  return {
    type: choiceOf(result.type, ['tool-result'], `${path}.type`, fail),
    toolCallId: stringOf(result.toolCallId, `${path}.toolCallId`, fail),
    name: stringOf(result.name, `${path}.name`, fail),
    content: contentOf(result.content, `${path}.content`, fail),
    isError: result.isError,
  }
}

/** Returns one entry of a conversation. */
export function messageOf(value: unknown, path: string, fail: Fail): Message {
  const { role, content } = fieldsOf(value, path, fail)
  switch (choiceOf(role, ['user', 'assistant', 'tool'], `${path}.role`, fail)) {
    case 'user':
      return { role: 'user', content: contentOf(content, `${path}.content`, fail) }
    case 'assistant':
      return assistantMessageOf(value, path, fail)
    case 'tool':
      return { role: 'tool', content: eachOf(content, `${path}.content`, fail, toolResultOf) }
  }
}

/** Returns tokens by model. */
export function modelUsageOf(value: unknown, path: string, fail: Fail): readonly ModelUsage[] {
  return eachOf(value, path, fail, (element, place) => {
    const { model, usage } = fieldsOf(element, place, fail)
    return { model: stringOf(model, `${place}.model`, fail), usage: usageOf(usage, `${place}.usage`, fail) }
  })
}

/** Returns the tokens of a provider call. */
export function usageOf(value: unknown, path: string, fail: Fail): Usage {
  const usage = fieldsOf(value, path, fail)
  const tokens = (name: keyof Usage): number => Math.min(maxTokens, countOf(usage[name], `${path}.${name}`, fail))
  return {
    inputTokens: tokens('inputTokens'),
    outputTokens: tokens('outputTokens'),
    cacheReadTokens: tokens('cacheReadTokens'),
    cacheWriteTokens: tokens('cacheWriteTokens'),
    ...(usage.reasoningTokens === undefined ? {} : { reasoningTokens: tokens('reasoningTokens') }),
    ...(usage.longCacheWriteTokens === undefined ? {} : { longCacheWriteTokens: tokens('longCacheWriteTokens') }),
  }
}

/** More tokens than any call has. A service may say any number, and sums have to stay numbers that JSON keeps. */
const maxTokens = 1e11
