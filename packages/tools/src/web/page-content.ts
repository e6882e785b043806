/** Turns a response into what a model can read: by its media type, and by its first bytes where that says too little. */
import type { Clock } from '@beamclaw/core'
import { convertPage } from './convert-page.ts'
import { decodeText } from './decode-text.ts'
import type { FetchedBody } from './guarded-fetch.ts'
import { imageTypeOf } from './image-type.ts'
import type { PageFormat, PageText, PageWork } from './page-text.ts'
import type { Slots } from './slots.ts'
import { stripTags } from './strip-tags.ts'

/** A response as a model reads it. */
export type PageContent =
  | ({ readonly kind: 'text' } & PageText)
  | { readonly kind: 'image'; readonly mediaType: string; readonly data: string }
  /** `problem` says why the content cannot be shown. */
  | { readonly kind: 'unreadable'; readonly problem: string }

/** How a response is read. */
export interface ReadPageOptions {
  readonly format: PageFormat
  readonly maxImageBytes: number
  readonly signal: AbortSignal
  readonly clock: Clock
  /** For the workers that convert pages. */
  readonly slots: Slots
}

/** Milliseconds for the conversion of one page. */
export const convertTimeoutMs = 10_000
const indented = { maxCharacters: 1_000_000, maxDepth: 32 }

/** Resolves with the content of a response; what cannot be read is a result too. Rejects with the reason of `signal`. */
export async function pageContent(body: FetchedBody, options: ReadPageOptions): Promise<PageContent> {
  const { bytes, url, headers } = body
  const contentType = headers.get('content-type')
  const mediaType = mediaTypeOf(contentType, bytes)
  const image = imageTypeOf(bytes)
  if (image !== undefined || mediaType.startsWith('image/')) return imageContent(image, mediaType, bytes, options.maxImageBytes)
  if (mediaType === 'application/pdf') return pdfContent(bytes, options)
  if (isBinary(bytes, contentType)) {
    return {
      kind: 'unreadable',
      problem: `The response is binary (${mediaType || 'of no declared type'}, ${bytes.length} bytes), not text.`,
    }
  }
  const text = decodeText(bytes, contentType)
  if (/^(?:text\/html|application\/xhtml\+xml)$/.test(mediaType)) return htmlContent(text, url.href, options)
  return { kind: 'text', title: '', text: /[/+]json$/.test(mediaType) ? prettyJson(text) : text }
}

async function htmlContent(html: string, url: string, { format, ...options }: ReadPageOptions): Promise<PageContent> {
  const read = await convert({ kind: 'html', html, url, format }, options)
  return { kind: 'text', ...(read ?? { title: '', text: stripTags(html) }) }
}

async function pdfContent(bytes: Uint8Array, options: ReadPageOptions): Promise<PageContent> {
  const read = await convert({ kind: 'pdf', bytes }, options)
  if (read !== undefined) return { kind: 'text', ...read }
  return { kind: 'unreadable', problem: 'The PDF document cannot be read: it is damaged, has a password, or takes too long.' }
}

function convert(work: PageWork, { signal, clock, slots }: Omit<ReadPageOptions, 'format'>): Promise<PageText | undefined> {
  return slots.run(signal, () => convertPage(work, { signal, clock, timeoutMs: convertTimeoutMs }))
}

function imageContent(image: string | undefined, declared: string, bytes: Uint8Array, maxImageBytes: number): PageContent {
  if (image !== undefined && bytes.length <= maxImageBytes) {
    return { kind: 'image', mediaType: image, data: Buffer.from(bytes).toString('base64') }
  }
  const problem = `The response is an image (${image ?? declared}, ${bytes.length} bytes)`
  return { kind: 'unreadable', problem: `${problem}; PNG, JPEG, GIF and WebP of at most ${maxImageBytes} bytes can be shown.` }
}

function mediaTypeOf(contentType: string | null, bytes: Uint8Array): string {
  const declared = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (declared !== '' && declared !== 'application/octet-stream') return declared
  const start = Buffer.from(bytes.subarray(0, 512)).toString('latin1')
  if (start.startsWith('%PDF-')) return 'application/pdf'
  return declared === '' && /^\s*(?:<!doctype html|<html[\s>])/i.test(start) ? 'text/html' : declared
}

/** Text has no NUL byte, unless it is in UTF-16 or UTF-32. */
function isBinary(bytes: Uint8Array, contentType: string | null): boolean {
  const isWide = /charset\s*=\s*"?utf-?(?:16|32)/i.test(contentType ?? '') || (bytes[0] ?? 0) + (bytes[1] ?? 0) === 0xff + 0xfe
  return !isWide && bytes.subarray(0, 8192).includes(0)
}

/** Indents JSON that is neither so deep nor so long that it would grow by far. */
function prettyJson(text: string): string {
  if (text.length > indented.maxCharacters || depthOf(text) > indented.maxDepth) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** The deepest nesting, where brackets inside strings count too. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}
