/** Converts a BeamClaw request to a Chat Completions request. Pure. */
import type { AssistantMessage, ContentPart, FilePart, JsonObject, JsonValue, Message, ProviderRequest, ToolMessage } from '@beamclaw/core'
import { textOfFile } from '../shared/file-text.ts'
import { isStrictSchema } from '../shared/strict-schema.ts'
import { withWireCalls } from '../shared/wire-calls.ts'
import type { OpenAiRequest } from './openai-api.ts'

/** The differences between compatible servers. */
export interface OpenAiDialect {
  readonly maxTokensField: 'max_completion_tokens' | 'max_tokens'
  readonly includeUsage: boolean
  readonly reasoningField: 'reasoning_content' | 'reasoning' | undefined
}

/** Returns the body of the request. */
export function toOpenAiRequest(request: ProviderRequest, dialect: OpenAiDialect): OpenAiRequest {
  const { tools = [], thinking = 'off', stopSequences = [] } = request
  return {
    model: request.model,
    messages: [
      ...(request.system === undefined || request.system === '' ? [] : [{ role: 'system', content: request.system }]),
      ...withWireCalls(request.messages).flatMap((message) => toMessages(message, dialect)),
    ],
    stream: true,
    ...(dialect.includeUsage ? { stream_options: { include_usage: true } } : {}),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }) => ({
            type: 'function',
            function: { name, description, parameters: inputSchema },
          })),
          tool_choice: toToolChoice(request.toolChoice),
        }),
    ...(request.maxOutputTokens === undefined ? {} : { [dialect.maxTokensField]: request.maxOutputTokens }),
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(stopSequences.length === 0 ? {} : { stop: stopSequences }),
    ...(thinking === 'off' ? {} : { reasoning_effort: thinking }),
    ...(request.responseFormat === undefined ? {} : { response_format: toResponseFormat(request.responseFormat) }),
    ...(request.userId === undefined ? {} : { user: request.userId }),
  }
}

function toToolChoice(choice: ProviderRequest['toolChoice'] = 'auto'): JsonValue {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } }
}

function toResponseFormat({ name = 'answer', schema }: NonNullable<ProviderRequest['responseFormat']>): JsonObject {
  if (schema === undefined) return { type: 'json_object' }
  // `strict` is refused for schemas that are not strict, so it is sent only for strict ones.
  return { type: 'json_schema', json_schema: { name, schema, strict: isStrictSchema(schema) } }
}

function toMessages(message: Message, dialect: OpenAiDialect): readonly JsonObject[] {
  switch (message.role) {
    case 'user':
      return [{ role: 'user', content: typeof message.content === 'string' ? message.content : message.content.map(toContentPart) }]
    case 'assistant':
      return fromAssistant(message, dialect)
    case 'tool':
      return fromToolResults(message)
  }
}

function toContentPart(part: ContentPart): JsonObject {
  if (part.type === 'text') return { type: 'text', text: part.text }
  if (part.type === 'file') return toFile(part)
  return { type: 'image_url', image_url: { url: part.url ?? `data:${part.mediaType};base64,${part.data ?? ''}` } }
}

/** Documents that are text go as text, which every server takes. The protocol has no documents by URL. */
function toFile(part: FilePart): JsonObject {
  const { mediaType, name = 'document', data, url } = part
  const text = textOfFile(part) ?? (data === undefined ? url : undefined)
  if (text !== undefined) return { type: 'text', text: `${name}:\n${text}` }
  return { type: 'file', file: { filename: name, file_data: `data:${mediaType};base64,${data ?? ''}` } }
}

function fromAssistant({ content }: AssistantMessage, { reasoningField }: OpenAiDialect): readonly JsonObject[] {
  let text = ''
  let thinking = ''
  const calls: JsonObject[] = []
  for (const part of content) {
    if (part.type === 'text') text += part.text
    else if (part.type === 'thinking') thinking += part.text
    else if (part.type === 'tool-call')
      calls.push({ id: part.id, type: 'function', function: { name: part.name, arguments: JSON.stringify(part.input) } })
  }
  if (text === '' && calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: text === '' ? null : text,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(reasoningField === undefined || thinking === '' ? {} : { [reasoningField]: thinking }),
    },
  ]
}

/** Returns the messages of tool results. Tool messages may contain only text; images and files follow in one user message after all results. */
function fromToolResults({ content: results }: ToolMessage): readonly JsonObject[] {
  const messages: JsonObject[] = []
  const shown: JsonObject[] = []
  for (const { toolCallId, name, content, isError } of results) {
    let text = ''
    for (const part of typeof content === 'string' ? [{ type: 'text', text: content } as const] : content) {
      if (part.type === 'text') text += part.text
      else {
        text += `${text === '' ? '' : '\n'}[the ${part.type} follows below]`
        shown.push({ type: 'text', text: `From the tool ${name}:` }, toContentPart(part))
      }
    }
    messages.push({ role: 'tool', tool_call_id: toolCallId, content: isError ? `The tool failed: ${text}` : text })
  }
  return shown.length === 0 ? messages : [...messages, { role: 'user', content: shown }]
}
