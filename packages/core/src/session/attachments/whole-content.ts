/** Puts the bytes of attachments back in the place of their references: for models, and for exports. */
import { isReference, nameIn, type Reference, referencesIn, refersIn, type ShownContent, unreadablePart } from '../../base/attachments.ts'
import { base64Of } from '../../base/base64.ts'
import type { ContentPart, Message, ToolResult } from '../../base/messages.ts'

/** Resolves with the bytes of an attachment; undefined for one that cannot be read. */
export type ReadBytes = (reference: Reference) => Promise<Uint8Array | undefined>

/** What is put back: a summary needs texts alone. */
export type WholeKinds = 'all' | 'texts'

/** Returns content of a tool as a reader is to get it. */
export type ShowContent = (content: ShownContent) => ShownContent

interface WholeOptions {
  /** @default 'all' */
  readonly kinds?: WholeKinds
  /** @default unchanged */
  readonly show?: ShowContent
}

/** Resolves with a message without references, except to images and files when only texts are asked for. Rejects as `read` does. */
export async function wholeMessage(message: Message, read: ReadBytes, options: WholeOptions = {}): Promise<Message> {
  if (referencesIn(message).length === 0) return message
  if (message.role === 'user') return { role: 'user', content: await wholeContent(message.content, read, options) }
  if (message.role !== 'tool') return message
  const content: ToolResult[] = []
  for (const result of message.content) content.push({ ...result, content: await wholeContent(result.content, read, options) })
  return { role: 'tool', content }
}

async function wholeContent(content: ShownContent, read: ReadBytes, { kinds = 'all', show = asItIs }: WholeOptions): Promise<ShownContent> {
  if (!refersIn(content)) return content
  const whole: ContentPart[] = []
  for (const part of content)
    whole.push(isReference(part) && (kinds === 'all' || part.type === 'text') ? await wholePart(part, read) : part)
  const [first] = whole
  // A tool that returned a text is shown with a text.
  return show(whole.length === 1 && content[0]?.type === 'text' && first?.type === 'text' ? first.text : whole)
}

const asItIs: ShowContent = (content) => content

async function wholePart(part: Reference, read: ReadBytes): Promise<ContentPart> {
  const bytes = await read(part)
  if (bytes === undefined) return unreadablePart(part)
  if (part.type === 'text') return { type: 'text', text: new TextDecoder().decode(bytes) }
  const data = base64Of(bytes)
  const { mediaType } = part
  return part.type === 'image' ? { type: 'image', mediaType, data } : { type: 'file', mediaType, ...nameIn(part), data }
}
