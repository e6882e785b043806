/** Estimates tokens that the service has not counted: before a call, after a call that failed, and of a growing history. */
import { maxModelCharacters } from '../base/attachments.ts'
import type { Message, ToolResult } from '../base/messages.ts'
import type { ProviderRequest } from '../ports/provider.ts'

const charactersPerToken = 4
// About the price that services charge for an image of one megapixel, independent of its encoded size.
const tokensPerImage = 1_600
// A page of a PDF is about this many bytes and tokens; a service reads its text and its picture.
const bytesPerPage = 50_000
const tokensPerPage = 2_000
// Roles and separators around each message.
const tokensPerMessage = 4

/**
 * Returns the estimated tokens of a text with this many characters (UTF-16 code units): one for every four.
 *
 * @example
 * estimateTextTokens('How are you?'.length) // 3
 */
export function estimateTextTokens(characters: number): number {
  return Math.ceil(characters / charactersPerToken)
}

/**
 * Returns the estimated tokens of one message: those of its text (where it is an attachment: by its bytes, as far as a model gets them), 1,600 for each image,
 * 2,000 for each 50 kB of a file, and four.
 */
export function estimateMessageTokens(message: Message): number {
  const { characters, images, pages } = sizeOf(message)
  return estimateTextTokens(characters) + images * tokensPerImage + pages * tokensPerPage + tokensPerMessage
}

/**
 * Returns the estimated tokens of a request: system prompt, messages, tools and schema.
 *
 * @example
 * estimateRequestTokens({ model: 'small', messages: [{ role: 'user', content: 'How are you?' }] }) // 7
 */
export function estimateRequestTokens({ system = '', messages, tools = [], responseFormat }: ProviderRequest): number {
  let characters = system.length
  if (tools.length > 0) characters += lengthOf(tools)
  if (responseFormat?.schema !== undefined) characters += lengthOf(responseFormat.schema)
  let tokens = estimateTextTokens(characters)
  for (const message of messages) tokens += estimateMessageTokens(message)
  return tokens
}

interface Size {
  readonly characters: number
  readonly images: number
  readonly pages: number
}

function sizeOf({ content }: Message): Size {
  if (typeof content === 'string') return { characters: content.length, images: 0, pages: 0 }
  let [characters, images, pages] = [0, 0, 0]
  for (const part of content) {
    if (part.type === 'image') images++
    else if (part.type === 'text') characters += part.size ?? part.text.length
    else if (part.type === 'file') {
      const bytes = part.size ?? ((part.data?.length ?? 0) * 3) / 4
      if (part.mediaType.startsWith('text/')) characters += bytes
      else pages += Math.max(1, Math.ceil(bytes / bytesPerPage))
    } else if (part.type === 'thinking') characters += part.text.length
    else if (part.type === 'tool-call') characters += part.name.length + (part.invalidInput?.length ?? lengthOf(part.input))
    else if (part.type === 'tool-result') {
      const inner = sizeOf({ role: 'user', content: part.content })
      // Of all texts of a result together a model gets no more.
      characters += inner.characters - Math.max(0, textOf(part.content) - maxModelCharacters)
      images += inner.images
      pages += inner.pages
    }
    // Encrypted thinking and blocks of the service count by their length, and so does what a signature hides.
    if ('providerMetadata' in part) characters += lengthOf(part.providerMetadata)
  }
  return { characters, images, pages }
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0
}

function textOf(content: ToolResult['content']): number {
  if (typeof content === 'string') return content.length
  return content.reduce((sum, part) => sum + (part.type === 'text' ? (part.size ?? part.text.length) : 0), 0)
}
