/** Messages of a session as the protocol writes them, and attachments as a session takes them. */
import type { AssistantMessage, ContentPart, FilePart, ImagePart, Message, TextPart, ToolResult, UserMessage } from '@beamclaw/core'
import type { ChatAttachment, ChatMessage, ChatMessagePart } from '@beamclaw/protocol'

/** Returns one entry of a conversation; the results of one turn's tools become one message each. */
export function toChatMessages(message: Message, at: number, runId: string): readonly ChatMessage[] {
  if (message.role !== 'tool') return [toChatMessage(message, at, runId)]
  return message.content.map((result) => toolMessage(result, at, runId))
}

export function toChatMessage(message: UserMessage | AssistantMessage, timestamp: number, runId: string): ChatMessage {
  return { role: message.role, content: partsOf(message.content), timestamp, runId }
}

/** Returns an assistant's message with the text so far. */
export function textMessage(text: string, timestamp: number, runId: string): ChatMessage {
  return { role: 'assistant', content: [{ type: 'text', text }], timestamp, runId }
}

/** Returns the content of a user's text with its images and files. */
export function toContent(text: string, attachments: readonly ChatAttachment[] = []): UserMessage['content'] {
  if (attachments.length === 0) return text
  const parts = attachments.map(({ mimeType, content }): ContentPart => {
    const data = content.replace(/^data:[^,]*,/, '')
    return { type: mimeType.startsWith('image/') ? 'image' : 'file', mediaType: mimeType, data }
  })
  return text === '' ? parts : [{ type: 'text', text } satisfies TextPart, ...parts]
}

/** Returns the message with each text cut to `maxChars`. */
export function cut(message: ChatMessage, maxChars: number): ChatMessage {
  const content = message.content.map((part) =>
    part.type === 'text' && part.text.length > maxChars ? { ...part, text: `${part.text.slice(0, maxChars)}…` } : part,
  )
  return { ...message, content }
}

function toolMessage({ toolCallId, name, content, isError }: ToolResult, timestamp: number, runId: string): ChatMessage {
  return { role: 'toolResult', content: partsOf(content), timestamp, runId, toolCallId, toolName: name, isError }
}

function partsOf(content: Message['content'] | ToolResult['content']): ChatMessagePart[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }]
  return content.flatMap(shownPart)
}

function referenceOf({ blob, size }: ContentPart): Pick<TextPart, 'blob' | 'size'> {
  return blob === undefined || size === undefined ? {} : { blob, size }
}

function shownPart(part: Exclude<Message['content'], string>[number]): ChatMessagePart[] {
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: part.text, ...referenceOf(part) }]
    case 'thinking':
      return part.text === '' ? [] : [{ type: 'thinking', thinking: part.text }]
    case 'image':
      return [{ type: 'image', ...sourceOf(part) }]
    case 'file':
      return [{ type: 'file', ...(part.name === undefined ? {} : { name: part.name }), ...sourceOf(part) }]
    case 'tool-call':
      return [{ type: 'toolCall', id: part.id, name: part.name, arguments: part.input }]
    case 'tool-result':
    case 'custom':
      return []
  }
}

function sourceOf(part: ImagePart | FilePart) {
  const { mediaType: mimeType, data, url } = part
  return { mimeType, ...(data === undefined ? {} : { data }), ...(url === undefined ? {} : { url }), ...referenceOf(part) }
}
