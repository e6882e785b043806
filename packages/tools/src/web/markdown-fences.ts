/** Preformatted text as fences of Markdown, whether it has `code` in it or not. */
import type TurndownService from 'turndown'
import type { DomElement, DomNode } from './dom.ts'

/** Adds the rule for `pre` to a converter. Its own one wants a `code` as first child and nothing behind that. */
export function addPreformattedRule<TNode extends DomElement>(service: TurndownService<TNode>): void {
  service.addRule('preformatted', {
    filter: 'pre',
    replacement: (_content, node) => {
      const text = rawText(node)
        .replace(/^\r?\n/, '')
        .trimEnd()
      const fence = fenceOf(text)
      return `\n\n${fence}${languageOf(node)}\n${text}\n${fence}\n\n`
    },
  })
}

/** Returns a fence that is longer than every row of backticks in a text, which may have any number of them. */
function fenceOf(text: string): string {
  let longest = 2
  for (const [row] of text.matchAll(/`+/g)) longest = Math.max(longest, row.length)
  return '`'.repeat(longest + 1)
}

/** Returns the language that a class of the element or of its `code` names; empty without one. */
function languageOf(node: DomElement): string {
  const names = [node, node.querySelector('code')].map((one) => one?.getAttribute('class') ?? '').join(' ')
  return /(?:^|\s)lang(?:uage)?-([\w+#.-]{1,40})(?:\s|$)/.exec(names)?.[1] ?? ''
}

const lines = /^(?:DIV|LI|P|TR)$/

/** Returns the text of an element as it stands, with its line breaks. */
function rawText(node: DomElement): string {
  const pieces: string[] = []
  const visit = (one: DomNode): void => {
    if (one.nodeType === 3) pieces.push(one.textContent ?? '')
    const name = one.nodeName.toUpperCase()
    if (name === 'BR') pieces.push('\n')
    for (const child of one.childNodes) visit(child)
    if (lines.test(name) && pieces.at(-1)?.endsWith('\n') === false) pieces.push('\n')
  }
  visit(node)
  return pieces.join('')
}
