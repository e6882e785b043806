/** Converts a BeamClaw request to a Messages API request. Pure. */
import type {
  AssistantMessage,
  ContentPart,
  FilePart,
  ImagePart,
  JsonObject,
  JsonValue,
  Message,
  ProviderRequest,
  TextPart,
  ToolDeclaration,
  ToolResult,
} from '@beamclaw/core'
import { textOfFile } from '../shared/file-text.ts'
import { isStrictSchema } from '../shared/strict-schema.ts'
import { withWireCalls } from '../shared/wire-calls.ts'
import type { AnthropicRequest } from './anthropic-api.ts'
import { planThinking, type ThinkingBudgets, type ThinkingMode } from './thinking.ts'

/** The options of the provider that apply to every request. */
export interface AnthropicRequestStyle {
  /** The name under which the signatures of thinking are kept. */
  readonly service: string
  readonly maxOutputTokens: number
  readonly promptCaching: boolean
  readonly thinkingMode: ThinkingMode
  readonly thinkingBudgets: ThinkingBudgets
}

type Role = 'user' | 'assistant'

interface Turn {
  readonly role: Role
  content: readonly JsonObject[]
}

const cacheControl = { cache_control: { type: 'ephemeral' } }

/** Returns the body of the request. */
export function toAnthropicRequest(asked: ProviderRequest, style: AnthropicRequestStyle): AnthropicRequest {
  const request = { ...asked, messages: withWireCalls(asked.messages) }
  const turns = toTurns(request.messages, style)
  const plan = planThinking(request, turns, style.thinkingMode, style.thinkingBudgets)
  const system = systemText(request)
  const { tools: ownTools = [], stopSequences = [] } = request
  const tools = ownTools.length > 0 ? ownTools : toolsOfThePast(request.messages)
  const outputConfig = {
    ...(plan.effort === undefined ? {} : { effort: plan.effort }),
    ...(enforcedSchema(request) === undefined ? {} : { format: { type: 'json_schema', schema: enforcedSchema(request) } }),
  }
  return {
    model: request.model,
    // The budget counts towards `max_tokens`, so it is added to the limit of the answer.
    max_tokens: (request.maxOutputTokens ?? style.maxOutputTokens) + plan.budgetTokens,
    stream: true,
    ...(system === '' ? {} : { system: [{ type: 'text', text: system, ...(style.promptCaching ? cacheControl : {}) }] }),
    messages: turns,
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }, index) => ({
            name,
            description,
            input_schema: inputSchema,
            ...(style.promptCaching && index === tools.length - 1 ? cacheControl : {}),
          })),
          tool_choice: ownTools.length > 0 ? toToolChoice(request.toolChoice) : { type: 'none' },
        }),
    ...(plan.thinking === undefined ? {} : { thinking: plan.thinking }),
    // The API refuses sampling parameters together with thinking.
    ...(plan.thinking !== undefined || request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(plan.thinking !== undefined || request.topP === undefined ? {} : { top_p: request.topP }),
    ...(stopSequences.length === 0 ? {} : { stop_sequences: stopSequences }),
    ...(Object.keys(outputConfig).length === 0 ? {} : { output_config: outputConfig }),
    ...(request.userId === undefined ? {} : { metadata: { user_id: request.userId } }),
  }
}

/** Returns the tools to declare. Calls in the history are refused without declarations, so an agent without tools declares the ones it has called. */
function toolsOfThePast(messages: readonly Message[]): readonly ToolDeclaration[] {
  const names = new Set<string>()
  for (const { role, content } of messages) {
    if (role === 'assistant') for (const part of content) if (part.type === 'tool-call') names.add(part.name)
  }
  return [...names].map((name) => ({ name, description: 'No longer available.', inputSchema: { type: 'object' } }))
}

function toToolChoice(choice: ProviderRequest['toolChoice'] = 'auto'): JsonObject {
  if (typeof choice === 'object') return { type: 'tool', name: choice.name }
  return { type: choice === 'required' ? 'any' : choice }
}

/** Returns the schema if the API can enforce it: it refuses objects that allow additional properties. */
function enforcedSchema({ responseFormat }: ProviderRequest): JsonObject | undefined {
  return responseFormat?.schema !== undefined && isStrictSchema(responseFormat.schema) ? responseFormat.schema : undefined
}

function systemText(request: ProviderRequest): string {
  const { system = '', responseFormat } = request
  if (responseFormat === undefined || enforcedSchema(request) !== undefined) return system
  const shape = responseFormat.schema === undefined ? '' : ` It must match this JSON Schema: ${JSON.stringify(responseFormat.schema)}`
  return `${system}${system === '' ? '' : '\n\n'}Answer with one JSON value and nothing else: no words around it, no code fence.${shape}`
}

/** Returns turns with alternating roles, in which tool results come first in the message after their calls. */
function toTurns(messages: readonly Message[], { promptCaching, service }: AnthropicRequestStyle): readonly JsonObject[] {
  const turns: Turn[] = []
  for (const message of messages) {
    const role: Role = message.role === 'assistant' ? 'assistant' : 'user'
    const content = toBlocks(message, service)
    if (content.length === 0) continue
    const last = turns.at(-1)
    if (last?.role === role) last.content = [...last.content, ...content]
    else turns.push({ role, content })
  }
  const last = turns.at(-1)
  if (promptCaching && last !== undefined) last.content = withCacheControl(last.content)
  return turns.map(({ role, content }) => ({ role, content }))
}

function isThinking({ type }: JsonObject): boolean {
  return type === 'thinking' || type === 'redacted_thinking'
}

function withCacheControl(blocks: readonly JsonObject[]): readonly JsonObject[] {
  const index = blocks.findLastIndex((block) => !isThinking(block))
  return blocks.map((block, position) => (position === index ? { ...block, ...cacheControl } : block))
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

function fromAssistant({ content }: AssistantMessage, service: string): readonly JsonObject[] {
  const blocks: JsonObject[] = []
  for (const part of content) {
    if (part.type === 'text') {
      if (part.text.trim() !== '') blocks.push(toText(part))
    } else if (part.type === 'tool-call') {
      blocks.push({ type: 'tool_use', id: part.id, name: part.name, input: toInput(part.input) })
    } else {
      const { redacted, signature } = part.providerMetadata?.[service] ?? {}
      if (redacted !== undefined) blocks.push({ type: 'redacted_thinking', data: redacted })
      else if (signature !== undefined && part.type === 'thinking') blocks.push({ type: 'thinking', thinking: part.text, signature })
    }
    // Thinking without a signature is another provider's and would be refused.
  }
  // Thinking at the end of a message is refused.
  return blocks.slice(0, blocks.findLastIndex((block) => !isThinking(block)) + 1)
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
