/** The readable part of an HTML page, as Markdown or as plain text. Runs in a worker: what it takes for a hostile page has no bound. */
import type { DomDocument, DomElement, DomNode } from './dom.ts'
import { addPreformattedRule } from './markdown-fences.ts'
import { addTableRules, blankCell, type MarkdownNode } from './markdown-tables.ts'
import type { PageFormat, PageText } from './page-text.ts'

const removed = ['script', 'style', 'noscript', 'template', 'iframe', 'object', 'embed', 'svg', 'canvas', 'button', 'input', 'select']
const invisible = [
  '[hidden]',
  '[aria-hidden="true"]',
  '[style*="display:none"]',
  '[style*="display: none"]',
  '[style*="visibility:hidden"]',
]

/** Returns the article of a page, or its whole body when it has none. */
export async function htmlPage(html: string, url: string, format: PageFormat): Promise<PageText> {
  const { parseHTML } = await import('linkedom')
  const document = parseHTML(wholePage(html)).document as unknown as DomDocument
  const title = oneLine(document.querySelector('title')?.textContent ?? '')
  makeLinksAbsolute(document, url)
  const article = await articleOf(document)
  const body = article?.content ?? wholeBody(document)
  const text = format === 'text' ? plainText(body) : await markdown(body)
  return { title: title || oneLine(article?.title ?? ''), text }
}

/** What may stand in a head: white space, comments, the tags of page and head, and the elements of one. */
const ofHead =
  /\s+|<!--[\s\S]*?-->|<!doctype[^>]*>|<\/?(?:html|head)(?=[\s>])[^>]*>|<(?:meta|link|base)(?=[\s/>])[^>]*>|<(title|style|script|noscript|template)(?=[\s>])[^>]*>[\s\S]*?<\/\1\s*>/iy
const bodyTag = /<body(?=[\s>])[^>]*>/iy

/** Returns a page with the tags that it may leave out, which the library does not add: what is behind its head is its body. */
function wholePage(html: string): string {
  const start = endOf(ofHead, html, 0)
  const head = html.slice(0, start).replaceAll(/<!doctype[^>]*>|<\/?(?:html|head)(?=[\s>])[^>]*>/gi, '')
  const body = html.slice(endOf(bodyTag, html, start)).replaceAll(/<\/(?:body|html)\s*>/gi, '')
  return `<html><head>${head}</head><body>${body}</body></html>`
}

/** Returns where the last of a row of matches ends. */
function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  for (let end = from; ; end = pattern.lastIndex) if (!pattern.test(text)) return end
}

async function articleOf(document: DomDocument): Promise<{ readonly title: string; readonly content: DomElement } | undefined> {
  const { Readability } = await import('@mozilla/readability')
  // It takes the document apart.
  const copy = document.cloneNode(true) as DomDocument
  const article = new Readability<DomElement>(copy, { keepClasses: true, serializer: (node) => node as DomElement }).parse()
  const content = article?.content ?? undefined
  if (content === undefined || content.textContent?.trim() === '') return undefined
  return { title: article?.title ?? '', content }
}

function wholeBody(document: DomDocument): DomElement {
  const body = document.body ?? document.documentElement
  for (const node of body.querySelectorAll([...removed, ...invisible].join(','))) node.remove()
  return body
}

/** Links that lead nowhere outside the page become plain text. */
function makeLinksAbsolute(document: DomDocument, url: string): void {
  const base = URL.parse(document.querySelector('base[href]')?.getAttribute('href') ?? '', url)?.href ?? url
  for (const [selector, name] of [
    ['a[href]', 'href'],
    ['img[src]', 'src'],
  ] as const) {
    for (const node of document.querySelectorAll(selector)) {
      const target = URL.parse(node.getAttribute(name) ?? '', base)
      if (target !== null && /^(?:https?|mailto):$/.test(target.protocol)) node.setAttribute(name, target.href)
      else node.removeAttribute(name)
    }
  }
}

async function markdown(body: DomElement): Promise<string> {
  const { default: TurndownService } = await import('turndown')
  const service = new TurndownService<MarkdownNode>({
    headingStyle: 'atx',
    hr: '---',
    bulletListMarker: '-',
    codeBlockStyle: 'fenced',
    blankReplacement: (_content, node) => blankCell(node) ?? (node.isBlock ? '\n\n' : ''),
  })
  service.remove(removed)
  addTableRules(service)
  addPreformattedRule(service)
  return service.turndown(body)
}

const blocks = /^(?:ADDRESS|ARTICLE|ASIDE|BLOCKQUOTE|DD|DIV|DL|DT|FIGURE|FOOTER|FORM|H[1-6]|HEADER|HR|MAIN|NAV|OL|P|PRE|SECTION|TABLE|UL)$/

function plainText(body: DomElement): string {
  const pieces: string[] = []
  const visit = (node: DomNode): void => {
    const name = node.nodeName.toUpperCase()
    if (node.nodeType === 3) pieces.push((node.textContent ?? '').replaceAll(/[ \t\r\n]+/g, ' '))
    if (removed.includes(name.toLowerCase())) return
    if (blocks.test(name)) pieces.push('\n\n')
    for (const child of node.childNodes) visit(child)
    pieces.push(blocks.test(name) ? '\n\n' : (ends[name] ?? ''))
  }
  visit(body)
  return pieces
    .join('')
    .replaceAll(/ *\n[ \n]*/g, (gap) => (gap.indexOf('\n') === gap.lastIndexOf('\n') ? '\n' : '\n\n'))
    .replaceAll(/[ \t]+$/gm, '')
    .trim()
}

/** What comes behind an element that is no block of its own. */
const ends: Readonly<Record<string, string>> = { BR: '\n', LI: '\n', TR: '\n', TD: '\t', TH: '\t' }

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, 500)
}
