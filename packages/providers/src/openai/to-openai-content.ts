/** Converts texts, images and files to content of Chat Completions, in the forms that a service takes. Pure. */
import type { ContentPart, FilePart, ImagePart, JsonObject, ProviderWarning } from '@beamclaw/core'
import { textOfFile } from '../shared/file-text.ts'
import type { ChatDialect } from './dialects/dialect.ts'

/** Collects what was left out of a request; each setting is told once. */
export class Warnings {
  readonly #bySetting = new Map<string, string>()

  add(setting: string, message: string): void {
    if (!this.#bySetting.has(setting)) this.#bySetting.set(setting, message)
  }

  all(): readonly ProviderWarning[] {
    return [...this.#bySetting].map(([setting, message]) => ({ setting, message }))
  }
}

/** Returns one part. What the service cannot take becomes a text that says so: a refusal would come again with every later request. */
export function toContentPart(part: ContentPart, dialect: ChatDialect, warnings: Warnings): JsonObject {
  if (part.type === 'text') return { type: 'text', text: part.text }
  return part.type === 'file' ? toFile(part, dialect, warnings) : toImage(part, dialect, warnings)
}

function toImage({ url, mediaType, data }: ImagePart, { imageUrls, title }: ChatDialect, warnings: Warnings): JsonObject {
  if (url !== undefined && !imageUrls && !url.startsWith('data:')) {
    warnings.add('messages.image', `${title} fetches no images, so the address of one was sent as text.`)
    return { type: 'text', text: `[an image that is not shown: ${url}]` }
  }
  return { type: 'image_url', image_url: { url: url ?? `data:${mediaType};base64,${data ?? ''}` } }
}

/** Documents that are text go as text, which every server takes. The protocol has no documents by URL. */
function toFile(part: FilePart, { files, title }: ChatDialect, warnings: Warnings): JsonObject {
  const { mediaType, name = 'document', data, url } = part
  if (files === 'document_url' && url !== undefined && data === undefined) return { type: 'document_url', document_url: url }
  const text = textOfFile(part) ?? (data === undefined ? url : undefined)
  if (text !== undefined) return { type: 'text', text: `${name}:\n${text}` }
  const address = `data:${mediaType};base64,${data ?? ''}`
  if (files === 'document_url') return { type: 'document_url', document_url: address }
  if (files === 'file') return { type: 'file', file: { filename: name, file_data: address } }
  warnings.add('messages.file', `${title} reads no documents of the type ${mediaType}, so only the name of one was sent.`)
  return { type: 'text', text: `[the document ${name}, which cannot be read here]` }
}
