/** Converts a conversation to the turns of the Messages API. Pure. */
import type {
  AnswerPart,
  AssistantMessage,
  ContentPart,
  FilePart,
  ImagePart,
  JsonObject,
  JsonValue,
  Message,
  TextPart,
  ToolResult,
} from '@beamclaw/core'
import { dataOf, textOfFile } from '../shared/file-text.ts'
import { keptFor } from '../shared/kept-for.ts'
import type { Warnings } from '../shared/warnings.ts'
import { citationsToSend } from './citations.ts'
import { customBlockOf } from './custom-block.ts'
import { withServerToolPairs } from './server-tools.ts'

type Role = 'user' | 'assistant'

interface Turn {
  readonly role: Role
  content: readonly JsonObject[]
}

/** What the conversion needs to know of the provider. */
export interface TurnsContext {
  /** The name under which the signatures of thinking are kept. */
  readonly service: string
  readonly warnings: Warnings
}

/** The images that the service reads: "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'", github.com/expectedparrot/edsl/issues/2057 (2025). */
const imageTypes: readonly string[] = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']

/** Turns of the user whose end is marked for the cache: a long turn of tools may be out of reach of the mark before it. */
const markedTurns = 2

/** Returns turns with alternating roles, in which tool results come first in the message after their calls. `mark` goes to the last blocks for the cache. */
export function toTurns(messages: readonly Message[], context: TurnsContext, mark: JsonObject | undefined): readonly JsonObject[] {
  const turns: Turn[] = []
  for (const message of withServerToolPairs(messages, context.service)) {
    const role: Role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = toBlocks(message, context)
    if (content.length === 0) continue
    const last = turns.at(-1)
    if (last?.role === role) last.content = [...last.content, ...content]
    else turns.push({ role, content })
  }
  if (mark !== undefined)
    for (const turn of turns.filter(({ role }) => role === 'user').slice(-markedTurns)) turn.content = marked(turn.content, mark)
  return turns.map(({ role, content }) => ({ role, content }))
}

function marked(blocks: readonly JsonObject[], mark: JsonObject): readonly JsonObject[] {
  return blocks.map((block, index) => (index === blocks.length - 1 ? { ...block, ...mark } : block))
}

function toBlocks(message: Message, context: TurnsContext): readonly JsonObject[] {
  switch (message.role) {
    case 'user': {
      const blocks = toContent(message.content, context)
      // An empty message is refused, and leaving it out would answer the one before it.
      return blocks.length > 0 ? blocks : [{ type: 'text', text: '(empty message)' }]
    }
    case 'assistant':
      return fromAssistant(message, context.service)
    case 'tool':
      return message.content.map((result) => fromToolResult(result, context))
  }
}

function toContent(content: string | readonly ContentPart[], context: TurnsContext): readonly JsonObject[] {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content } as const] : content
  return parts
    .filter((part) => part.type !== 'text' || part.text.trim() !== '')
    .map((part) => (part.type === 'text' ? toText(part) : part.type === 'image' ? toImage(part, context) : toDocument(part, context)))
}

function toText({ text }: TextPart): JsonObject {
  return { type: 'text', text }
}

/** Returns the block of an image. One that the service does not read becomes a text that says so: a refusal would come again with every later request. */
function toImage(part: ImagePart, { warnings }: TurnsContext): JsonObject {
  const { mediaType, url } = part
  const data = dataOf(part)
  if (data === undefined) return { type: 'image', source: { type: 'url', url: url ?? '' } }
  if (imageTypes.includes(mediaType)) return { type: 'image', source: { type: 'base64', media_type: mediaType, data } }
  warnings.add('messages.image', `Anthropic reads no images of the type ${mediaType}, so a text was sent in the place of one.`)
  return { type: 'text', text: `[an image (${mediaType}) that is not shown]` }
}

/** Returns the block of a document, which is a PDF or a text; any other becomes a text that says so. */
function toDocument(part: FilePart, { warnings }: TurnsContext): JsonObject {
  const { mediaType, name, url } = part
  const title = name === undefined ? {} : { title: name }
  const text = textOfFile(part)
  if (text !== undefined) return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title }
  const data = dataOf(part)
  if (mediaType === 'application/pdf') {
    const source = data === undefined ? { type: 'url', url: url ?? '' } : { type: 'base64', media_type: mediaType, data }
    return { type: 'document', source, ...title }
  }
  warnings.add('messages.file', `Anthropic reads no documents of the type ${mediaType}, so a text was sent in the place of one.`)
  const place = data === undefined ? ` at ${url}` : ''
  return { type: 'text', text: `[the document ${name ?? `(${mediaType})`}${place}, which could not be sent and cannot be read here]` }
}

/** Returns the blocks in the order in which they came: the service refuses them in any other. */
function fromAssistant({ content }: AssistantMessage, service: string): readonly JsonObject[] {
  const blocks = content.map((part) => toBlock(part, service)).filter((block) => block !== undefined)
  // Thinking at the end of a message is refused.
  return blocks.slice(0, blocks.findLastIndex((block) => !isThinking(block)) + 1)
}

function toBlock(part: AnswerPart, service: string): JsonObject | undefined {
  const own = keptFor(part.providerMetadata, service) ?? {}
  switch (part.type) {
    case 'text':
      return part.text.trim() === '' ? undefined : { ...toText(part), ...citationsToSend(own.citations) }
    case 'tool-call':
      return { type: 'tool_use', id: part.id, name: part.name, input: toInput(part.input) }
    case 'thinking':
      // Thinking without a signature is another service's and would be refused.
      if (typeof own.redacted === 'string') return { type: 'redacted_thinking', data: own.redacted }
      return typeof own.signature === 'string' ? { type: 'thinking', thinking: part.text, signature: own.signature } : undefined
    case 'custom':
      return customBlockOf(part, service)
  }
}

function isThinking({ type }: JsonObject): boolean {
  return type === 'thinking' || type === 'redacted_thinking'
}

function fromToolResult({ toolCallId, content, isError }: ToolResult, context: TurnsContext): JsonObject {
  const blocks = toContent(content, context)
  // A failed result may contain only text.
  const allowed = isError
    ? blocks.map((block) => (block.type === 'text' ? block : { type: 'text', text: block.type === 'image' ? '(an image)' : '(a file)' }))
    : blocks
  return {
    type: 'tool_result',
    tool_use_id: toolCallId,
    ...(allowed.length === 0 ? {} : { content: allowed }),
    ...(isError ? { is_error: true } : {}),
  }
}

/** Returns the input, wrapped in an object if it is none. */
function toInput(input: JsonValue): JsonValue {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : { value: input }
}
