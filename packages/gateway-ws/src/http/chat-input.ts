/** Converts a Chat Completions request to our types. */
import type { ContentPart, ImagePart, JsonObject, Message, ProviderRequest, ToolResult } from '@beamclaw/core'
import type { ChatRequest, RequestContent } from './chat-request.ts'

/** Returns the conversation, with all system messages joined into one prompt. */
export function toMessages(request: ChatRequest): { readonly system: string | undefined; readonly messages: Message[] } {
  const system: string[] = []
  const messages: Message[] = []
  const toolNames = new Map<string, string>()
  for (const message of request.messages) {
    switch (message.role) {
      case 'system':
      case 'developer':
        system.push(plainText(message.content))
        break
      case 'user':
        messages.push({ role: 'user', content: toContent(message.content) })
        break
      case 'assistant': {
        const text = plainText(message.content ?? '')
        const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => {
          toolNames.set(id, name)
          return { type: 'tool-call' as const, id, name, ...parsed(input) }
        })
        messages.push({ role: 'assistant', content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...calls] })
        break
      }
      case 'tool': {
        const result: ToolResult = {
          type: 'tool-result',
          toolCallId: message.tool_call_id,
          name: toolNames.get(message.tool_call_id) ?? '',
          content: plainText(message.content),
          isError: false,
        }
        const last = messages.at(-1)
        if (last?.role === 'tool') messages[messages.length - 1] = { role: 'tool', content: [...last.content, result] }
        else messages.push({ role: 'tool', content: [result] })
      }
    }
  }
  return { system: system.length === 0 ? undefined : system.join('\n\n'), messages }
}

/** Returns the settings of the completion. */
export function toSettings(request: ChatRequest): Partial<ProviderRequest> {
  const { temperature, top_p: topP, stop, tools, tool_choice: choice, response_format: format, user } = request
  const maxOutputTokens = request.max_completion_tokens ?? request.max_tokens
  return {
    ...(temperature == null ? {} : { temperature }),
    ...(topP == null ? {} : { topP }),
    ...(maxOutputTokens == null ? {} : { maxOutputTokens }),
    ...(stop == null ? {} : { stopSequences: typeof stop === 'string' ? [stop] : stop }),
    ...(user == null ? {} : { userId: user }),
    ...(tools == null || tools.length === 0 ? {} : { tools: tools.map(toDeclaration) }),
    ...(choice == null ? {} : { toolChoice: typeof choice === 'string' ? choice : { name: choice.function.name } }),
    ...toResponseFormat(format),
  }
}

/** Returns the content of the last message if it is a user's. */
export function lastUserContent(request: ChatRequest): string | readonly ContentPart[] | undefined {
  const last = request.messages.at(-1)
  return last?.role === 'user' ? toContent(last.content) : undefined
}

function toDeclaration({ function: { name, description, parameters } }: NonNullable<ChatRequest['tools']>[number]) {
  const inputSchema: JsonObject = { type: 'object', ...(parameters ?? { properties: {} }) }
  return { name, description: description ?? '', inputSchema }
}

function toResponseFormat(format: ChatRequest['response_format']): Pick<ProviderRequest, 'responseFormat'> {
  if (format == null || format.type === 'text') return {}
  if (format.type === 'json_object') return { responseFormat: { type: 'json' } }
  const { name, schema } = format.json_schema
  return { responseFormat: { type: 'json', ...(name === undefined ? {} : { name }), ...(schema === undefined ? {} : { schema }) } }
}

function toContent(value: RequestContent): string | readonly ContentPart[] {
  return typeof value === 'string' ? value : value.map(toPart)
}

function toPart(part: Exclude<RequestContent, string>[number]): ContentPart {
  if (part.type === 'text') return part
  if (part.type === 'image_url') return toImage(part.image_url.url)
  const { filename, file_data: url } = part.file
  const comma = url.indexOf(',')
  const mediaType = url.slice('data:'.length, url.indexOf(';'))
  return { type: 'file', mediaType, ...(filename == null ? {} : { name: filename }), data: url.slice(comma + 1) }
}

function toImage(url: string): ImagePart {
  const data = /^data:([\w.+/-]+);base64,(.*)$/s.exec(url)
  if (data?.[1] !== undefined && data[2] !== undefined) return { type: 'image', mediaType: data[1], data: data[2] }
  return { type: 'image', mediaType: 'image/*', url }
}

function plainText(value: RequestContent): string {
  return typeof value === 'string' ? value : value.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function parsed(input: string): { readonly input: never } | { readonly input: Record<string, never>; readonly invalidInput: string } {
  try {
    return { input: JSON.parse(input) as never }
  } catch {
    return { input: {}, invalidInput: input }
  }
}
