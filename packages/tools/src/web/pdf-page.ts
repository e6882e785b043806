/** The text of a PDF document. Runs in a worker, as `htmlPage` does. */
import type { PageText } from './page-text.ts'

const maxPages = 500

/** Returns the text of the first 500 pages. Throws for bytes that are no PDF document, and for one with a password. */
export async function pdfPage(bytes: Uint8Array): Promise<PageText> {
  const { extractText, getDocumentProxy, getMeta } = await import('unpdf')
  const document = await getDocumentProxy(bytes)
  const { info } = await getMeta(document)
  const title = typeof info?.Title === 'string' ? info.Title.replaceAll(/\s+/g, ' ').trim().slice(0, 500) : ''
  const { totalPages, text } = await extractText(document, { mergePages: false })
  const pages = text.slice(0, maxPages).map((page, index) => `[page ${index + 1} of ${totalPages}]\n${page.trim()}`)
  return { title, text: pages.join('\n\n') }
}
