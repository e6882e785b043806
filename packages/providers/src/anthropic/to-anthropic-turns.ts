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
import { textOfFile } from '../shared/file-text.ts'
import { citationsToSend } from './citations.ts'
import { customBlockOf } from './custom-block.ts'
import { keptBy } from './kept.ts'
import { withServerToolPairs } from './server-tools.ts'

type Role = 'user' | 'assistant'

interface Turn {
  readonly role: Role
  content: readonly JsonObject[]
}

/** Turns of the user whose end is marked for the cache: a long turn of tools may be out of reach of the mark before it. */
const markedTurns = 2

/** Returns turns with alternating roles, in which tool results come first in the message after their calls. `mark` goes to the last blocks for the cache. */
export function toTurns(messages: readonly Message[], service: string, mark: JsonObject | undefined): readonly JsonObject[] {
  const turns: Turn[] = []
  for (const message of withServerToolPairs(messages, service)) {
    const role: Role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = toBlocks(message, service)
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

function toBlocks(message: Message, service: string): readonly JsonObject[] {
  switch (message.role) {
    case 'user': {
      const blocks = toContent(message.content)
      // An empty message is refused, and leaving it out would answer the one before it.
      return blocks.length > 0 ? blocks : [{ type: 'text', text: '(empty message)' }]
    }
    case 'assistant':
      return fromAssistant(message, service)
    case 'tool':
      return message.content.map(fromToolResult)
  }
}

function toContent(content: string | readonly ContentPart[]): readonly JsonObject[] {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content } as const] : content
  return parts
    .filter((part) => part.type !== 'text' || part.text.trim() !== '')
    .map((part) => (part.type === 'text' ? toText(part) : part.type === 'image' ? toImage(part) : toDocument(part)))
}

function toText({ text }: TextPart): JsonObject {
  return { type: 'text', text }
}

function toImage(part: ImagePart): JsonObject {
  return { type: 'image', source: toSource(part) }
}

function toDocument(part: FilePart): JsonObject {
  const text = textOfFile(part)
  const source = text === undefined ? toSource(part) : { type: 'text', media_type: 'text/plain', data: text }
  return { type: 'document', source, ...(part.name === undefined ? {} : { title: part.name }) }
}

function toSource({ mediaType, data, url }: ImagePart | FilePart): JsonObject {
  return url === undefined ? { type: 'base64', media_type: mediaType, data: data ?? '' } : { type: 'url', url }
}

/** Returns the blocks in the order in which they came: the service refuses them in any other. */
function fromAssistant({ content }: AssistantMessage, service: string): readonly JsonObject[] {
  const blocks = content.map((part) => toBlock(part, service)).filter((block) => block !== undefined)
  // Thinking at the end of a message is refused.
  return blocks.slice(0, blocks.findLastIndex((block) => !isThinking(block)) + 1)
}

function toBlock(part: AnswerPart, service: string): JsonObject | undefined {
  const own = keptBy(part, service)
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

function fromToolResult({ toolCallId, content, isError }: ToolResult): JsonObject {
  const blocks = toContent(content)
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
