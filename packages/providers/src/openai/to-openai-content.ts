/** Converts texts, images and files to content of Chat Completions, in the forms that a service takes. Pure. */
import type { ContentPart, FilePart, ImagePart, JsonObject } from '@beamclaw/core'
import { isDataUrl, textOfFile } from '../shared/file-text.ts'
import type { Warnings } from '../shared/warnings.ts'
import type { ChatStyle } from './chat-style.ts'
import type { ChatModelFacts } from './dialects/dialect.ts'

/** What the conversion needs to know of the service and the model. */
export interface ContentContext {
  readonly style: ChatStyle
  readonly model: string
  readonly facts: Partial<ChatModelFacts>
  readonly warnings: Warnings
}

/** Returns one part. What the service cannot take becomes a text that says so: a refusal would come again with every later request. */
export function toContentPart(part: ContentPart, context: ContentContext): JsonObject {
  if (part.type === 'text') return toText(part.text)
  return part.type === 'file' ? toFile(part, context) : toImage(part, context)
}

function toText(text: string): JsonObject {
  return { type: 'text', text }
}

function toImage({ url, mediaType, data }: ImagePart, { style: { dialect }, model, facts, warnings }: ContentContext): JsonObject {
  const isLinked = url !== undefined && !isDataUrl(url)
  const takesImages = facts.images ?? dialect.images
  if (takesImages && (dialect.imageUrls || !isLinked)) {
    return { type: 'image_url', image_url: { url: url ?? `data:${mediaType};base64,${data ?? ''}` } }
  }
  const who = dialect.images ? model : dialect.title
  const problem = takesImages
    ? `${dialect.title} fetches no images, so the address of one was sent as text.`
    : `${who} reads no images, so a text was sent in the place of one.`
  warnings.add('messages.image', problem)
  return toText(isLinked ? `[an image that is not shown: ${url}]` : `[an image (${mediaType}) that is not shown]`)
}

/** Documents that are text go as text, which every server takes. */
function toFile(part: FilePart, { style: { dialect }, warnings }: ContentContext): JsonObject {
  const { mediaType, name = 'document', data, url } = part
  const { files, fileUrls, title } = dialect
  const text = textOfFile(part)
  if (text !== undefined) return toText(`${name}:\n${text}`)
  const isLinked = url !== undefined && !isDataUrl(url)
  if (isLinked && fileUrls !== 'any' && (fileUrls === 'none' || mediaType !== 'application/pdf')) {
    warnings.add('messages.file', `${title} fetches no documents of the type ${mediaType}, so only the address of one was sent.`)
    return toText(`[the document ${name} at ${url}, which could not be sent and cannot be read here]`)
  }
  const address = url ?? `data:${mediaType};base64,${data ?? ''}`
  if (files === 'document_url') return { type: 'document_url', document_url: address }
  if (files === 'file') return { type: 'file', file: { filename: name, file_data: address } }
  warnings.add('messages.file', `${title} reads no documents of the type ${mediaType}, so only the name of one was sent.`)
  return toText(`[the document ${name}, which cannot be read here]`)
}
