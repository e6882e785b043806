/** What of a message is an attachment: kept beside the journal, with a reference in the message. Pure. */
import { bytesOfBase64 } from './base64.ts'
import type { ContentPart, FilePart, ImagePart, Message, TextPart, ToolResult } from './messages.ts'
import { firstCharacters } from './well-formed.ts'

/** Maximum bytes of an image or a file that stays in its message. */
const maxInlineBytes = 4 * 1024

/** Maximum bytes of UTF-8 of a text in a tool's result that stays in its message. */
const maxInlineTextBytes = 32 * 1024

/** Characters of one output of a tool that a model gets: its beginning and its end. */
export const maxModelCharacters = 200_000

/** Characters of a referenced text that its message shows. */
const shownCharacters = 2_000

/** A part that refers to an attachment. */
export type Reference = ContentPart & { readonly blob: string; readonly size: number }

/** Text, or parts. */
export type ShownContent = ToolResult['content']

/** Whose content it is: long texts are attachments in results of tools alone. */
export type ContentOwner = 'user' | 'tool'

/** Returns true for the id of a blob: a SHA-256 as 64 lower-case hexadecimal digits. */
export function isBlobId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

export function isReference(part: ContentPart): part is Reference {
  return part.blob !== undefined
}

/** Returns the contents of a message that may have attachments. */
export function contentsOf(message: Message): readonly ShownContent[] {
  if (message.role === 'user') return [message.content]
  return message.role === 'tool' ? message.content.map(({ content }) => content) : []
}

/** Returns the references of a message, in order. */
export function referencesIn(message: Message): readonly Reference[] {
  if (message.role === 'assistant' || typeof message.content === 'string') return none
  if (message.role === 'user') return refersIn(message.content) ? message.content.filter(isReference) : none
  if (!message.content.some(({ content }) => refersIn(content))) return none
  return message.content.flatMap(({ content }) => (typeof content === 'string' ? [] : content.filter(isReference)))
}

const none: readonly Reference[] = []

/** Returns true for content with a reference. */
export function refersIn(content: ShownContent): content is readonly ContentPart[] {
  if (typeof content === 'string') return false
  for (const part of content) if (part.blob !== undefined) return true
  return false
}

/** Returns true for content with a part that is to be an attachment. */
export function hasAttachments(content: ShownContent, owner: ContentOwner): boolean {
  if (typeof content === 'string') return owner === 'tool' && isLongText(content)
  for (const part of content) if (isAttachment(part, owner)) return true
  return false
}

/** Returns true for a part that is to be an attachment. */
export function isAttachment(part: ContentPart, owner: ContentOwner): boolean {
  if (part.blob !== undefined) return false
  if (part.type === 'text') return owner === 'tool' && isLongText(part.text)
  const data = dataOf(part)
  return data !== undefined && decodedLength(data) > maxInlineBytes
}

/** Returns the bytes of a part that is to be an attachment; undefined when its data is not base64. */
export function bytesOfPart(part: ContentPart): Uint8Array | undefined {
  return part.type === 'text' ? new TextEncoder().encode(part.text) : bytesOfBase64(dataOf(part) ?? '')
}

/**
 * Returns what no service can read in an image or a file: the field, and what it must be. The data of a part that is to be an attachment is looked into
 * when it is decoded. Not for journals: what an older version accepted must still be read.
 */
export function problemOfPart(part: ContentPart): string | undefined {
  if (part.type === 'text') return undefined
  const { mediaType, data, url } = part
  if (!/^[\w.+*-]+\/[\w.+*-]+\s*(?:;|$)/.test(mediaType))
    return `mediaType must be one such as image/png, received ${JSON.stringify(mediaType.slice(0, 99))}`
  if (url !== undefined && !/^(?:https?:\/\/|data:)/i.test(url)) return 'url must begin with http://, https:// or data:'
  if (data !== undefined && /^data:/i.test(data)) return 'data must be base64 alone: pass what comes after the comma'
  return isAttachment(part, 'user') || bytesOfPart(part) !== undefined ? undefined : noBase64
}

/** What is wrong with data that cannot be decoded. */
export const noBase64 = 'data must be base64'

/** Returns the part with a reference in the place of its bytes. */
export function referringPart(part: ContentPart, blob: string, size: number): Reference {
  if (part.type === 'image') return { type: 'image', mediaType: part.mediaType, blob, size }
  if (part.type === 'file') return { type: 'file', mediaType: part.mediaType, ...nameIn(part), blob, size }
  return { type: 'text', text: firstCharacters(part.text, shownCharacters), blob, size }
}

/** Returns content as parts. */
export function partsOf(content: ShownContent): readonly ContentPart[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content
}

/** Returns what stands in the place of an attachment that cannot be read. */
export function unreadablePart(part: Reference): TextPart {
  if (part.type === 'text')
    return { type: 'text', text: `${part.text}\n… the rest of this text (${part.size} bytes in all) cannot be read …` }
  const what = part.type === 'image' ? 'an image' : 'a file'
  return { type: 'text', text: `[${what} (${part.mediaType}, ${part.size} bytes) was attached here, and cannot be read]` }
}

/** Returns the name of a file, as a field. */
export function nameIn({ name }: FilePart): { readonly name?: string } {
  return name === undefined ? {} : { name }
}

/** Returns the base64 in an image or a file, which a data URL has too. */
function dataOf({ data, url }: ImagePart | FilePart): string | undefined {
  // The case of letters means nothing before the comma.
  if (data !== undefined || url === undefined || url.slice(0, 5).toLowerCase() !== 'data:') return data
  const comma = url.indexOf(',')
  return url.slice(0, comma).toLowerCase().endsWith(';base64') ? url.slice(comma + 1) : undefined
}

function decodedLength(data: string): number {
  const padding = data.endsWith('==') ? 2 : data.endsWith('=') ? 1 : 0
  return Math.floor((data.length * 3) / 4) - padding
}

/** Returns true for a text of a tool that is kept as an attachment. UTF-8 takes one to three bytes for a UTF-16 unit: counting exactly is seldom needed. */
export function isLongText(text: string): boolean {
  if (text.length * 3 <= maxInlineTextBytes) return false
  return text.length > maxInlineTextBytes || new TextEncoder().encode(text).length > maxInlineTextBytes
}
