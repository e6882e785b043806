/** What clients of Chat Completions send, and what it means here. */
import type { ImagePart, Message, TextPart, ToolResult } from '@beamclaw/core'
import { z } from 'zod'

const contentPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
])
const content = z.union([z.string(), z.array(contentPart)])
const toolCall = z.object({ id: z.string(), type: z.literal('function'), function: z.object({ name: z.string(), arguments: z.string() }) })

const chatMessage = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content }),
  z.object({ role: z.literal('developer'), content }),
  z.object({ role: z.literal('user'), content }),
  z.object({ role: z.literal('assistant'), content: content.nullish(), tool_calls: z.array(toolCall).optional() }),
  z.object({ role: z.literal('tool'), tool_call_id: z.string(), content }),
])

export const chatRequest = z.object({
  model: z.string().min(1).max(512),
  messages: z.array(chatMessage).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
})

export type ChatRequest = z.infer<typeof chatRequest>
type Content = z.infer<typeof content>

/** The conversation in our own terms; system messages are joined into one prompt. */
export function toMessages(request: ChatRequest): { readonly system: string | undefined; readonly messages: Message[] } {
  const system: string[] = []
  const messages: Message[] = []
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
        const calls = (message.tool_calls ?? []).map(({ id, function: { name, arguments: input } }) => ({
          type: 'tool-call' as const,
          id,
          name,
          ...parsed(input),
        }))
        messages.push({ role: 'assistant', content: [...(text === '' ? [] : [{ type: 'text' as const, text }]), ...calls] })
        break
      }
      case 'tool': {
        const result: ToolResult = {
          type: 'tool-result',
          toolCallId: message.tool_call_id,
          name: '',
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

/** What the last message says, when a user said it. */
export function lastUserContent(request: ChatRequest): string | readonly (TextPart | ImagePart)[] | undefined {
  const last = request.messages.at(-1)
  return last?.role === 'user' ? toContent(last.content) : undefined
}

function toContent(value: Content): string | readonly (TextPart | ImagePart)[] {
  if (typeof value === 'string') return value
  return value.map((part) => (part.type === 'text' ? part : toImage(part.image_url.url)))
}

function toImage(url: string): ImagePart {
  const data = /^data:([\w.+/-]+);base64,(.*)$/s.exec(url)
  if (data?.[1] !== undefined && data[2] !== undefined) return { type: 'image', mediaType: data[1], data: data[2] }
  return { type: 'image', mediaType: 'image/*', url }
}

function plainText(value: Content): string {
  return typeof value === 'string' ? value : value.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function parsed(input: string): { readonly input: never } | { readonly input: Record<string, never>; readonly invalidInput: string } {
  try {
    return { input: JSON.parse(input) as never }
  } catch {
    return { input: {}, invalidInput: input }
  }
}
