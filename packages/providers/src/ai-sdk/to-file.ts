/** Converts texts, images and documents to parts of a prompt. Pure. */
import type { ContentPart, FilePart, ImagePart, ProviderWarning } from '@beamclaw/core'
import { textOfFile } from '../shared/file-text.ts'
import type { AiSdkModel, AiSdkPart, AiSdkUrls } from './ai-sdk-model.ts'

/** What a prompt is written for. */
export interface PromptTarget {
  /** The name under which metadata is kept. */
  readonly service: string
  readonly version: AiSdkModel['specificationVersion']
  readonly urls: AiSdkUrls
  /** Collects what is left out. */
  readonly warnings: Map<string, ProviderWarning>
}

/** The fields of a file that do not depend on the version. */
export interface NeutralFile {
  readonly mediaType: string
  readonly name?: string | undefined
  /** Base64. */
  readonly data?: string | undefined
  readonly url?: URL | undefined
}

/** Returns a part of a user's message. */
export function toUserPart(part: ContentPart, target: PromptTarget): AiSdkPart {
  if (part.type === 'text') return textPart(part.text)
  const file = readable(part, target)
  return typeof file === 'string' ? textPart(file) : toFilePart('file', file, target.version)
}

/** Returns a part of a tool's result, which version 3 writes otherwise than a message. */
export function toResultPart(part: ContentPart, target: PromptTarget): AiSdkPart {
  if (part.type === 'text') return textPart(part.text)
  const file = readable(part, target)
  if (typeof file === 'string') return textPart(file)
  if (target.version === 'v4') return toFilePart('file', file, 'v4')
  const { data, url, mediaType, name } = file
  if (url !== undefined) return { type: `${part.type}-url`, url: url.href }
  return {
    type: `${part.type}-data`,
    data: data ?? '',
    mediaType,
    ...(name === undefined || part.type === 'image' ? {} : { filename: name }),
  }
}

/** Returns the part of a file, in a message of the user or of the model. */
export function toFilePart(
  type: 'file' | 'reasoning-file',
  { mediaType, name, data = '', url }: NeutralFile,
  version: PromptTarget['version'],
): AiSdkPart {
  const tagged = url === undefined ? { type: 'data', data } : { type: 'url', url }
  return { type, mediaType, data: version === 'v4' ? tagged : (url ?? data), ...(name === undefined ? {} : { filename: name }) }
}

/** Returns a text. */
export function textPart(text: string): AiSdkPart {
  return { type: 'text', text: text.toWellFormed() }
}

/** Returns a file that the model can read, otherwise a text in its place: a refusal would come again with every later request. */
function readable(part: ImagePart | FilePart, { urls, warnings }: PromptTarget): NeutralFile | string {
  const { mediaType, data, url } = part
  const name = part.type === 'file' ? part.name : undefined
  const text = part.type === 'file' ? textOfFile(part) : undefined
  if (text !== undefined) return `${name ?? 'document'}:\n${text}`
  if (data !== undefined || url === undefined) return { mediaType, name, data: data ?? '' }
  const address = URL.parse(url)
  if (address !== null && isSupported(mediaType, address.href, urls)) return { mediaType, name, url: address }
  const setting = `messages.${part.type}`
  warnings.set(setting, {
    setting,
    message: `The model does not fetch a file of the type ${mediaType} from this address, so the address was sent as text.`,
  })
  return part.type === 'image'
    ? `[an image that is not shown: ${url}]`
    : `[the document ${name === undefined ? '' : `${name} `}at ${url}, which cannot be read here]`
}

/** Returns true where the service fetches an address itself. The AI SDK's own rule: a key is a media type, `image/*` or `*`. */
function isSupported(mediaType: string, url: string, urls: AiSdkUrls): boolean {
  const wanted = mediaType.toLowerCase()
  return Object.entries(urls).some(([key, patterns]) => {
    const prefix = key
      .toLowerCase()
      .replace(/^\*(?:\/\*)?$/, '')
      .replace('*', '')
    const isMeant = prefix === '' || (prefix.endsWith('/') ? wanted.startsWith(prefix) : wanted === prefix)
    // A copy: a global pattern goes on where it matched last.
    return isMeant && patterns.some((pattern) => new RegExp(pattern).test(url))
  })
}
