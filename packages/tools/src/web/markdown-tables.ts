/** Tables of a page as tables of GitHub's Markdown; tables that only lay a page out become plain blocks. */
import type TurndownService from 'turndown'
import type { DomElement } from './dom.ts'

/** An element, with what the converter adds to it. */
export type MarkdownNode = DomElement & { readonly isBlock: boolean }

const maxColumnSpan = 50

/** Adds the rules for tables to a converter, and the one for preformatted text. */
export function addTableRules(service: TurndownService<MarkdownNode>): void {
  const shapes = new TableShapes()
  service.addRule('cell', {
    filter: ['th', 'td'],
    replacement: (content, node) => (shapes.ofPart(node) === undefined ? `\n\n${content.trim()}\n\n` : cell(content, node)),
  })
  service.addRule('row', {
    filter: 'tr',
    replacement: (content, node) => {
      const shape = shapes.ofPart(node)
      if (shape === undefined) return content
      const row = `|${content}\n`
      return shape.firstRow === node ? `${row}|${' --- |'.repeat(shape.columns)}\n` : row
    },
  })
  service.addRule('rows', { filter: ['thead', 'tbody', 'tfoot'], replacement: (content) => content })
  service.addRule('caption', { filter: 'caption', replacement: (content) => `${content.trim()}\n\n` })
  service.addRule('table', { filter: 'table', replacement: (content) => `\n\n${content.trim()}\n\n` })
}

/** Returns a cell without content; the converter leaves its own rules out for one. */
export function blankCell(node: MarkdownNode): string | undefined {
  return node.nodeName === 'TD' || node.nodeName === 'TH' ? cell('', node) : undefined
}

function cell(content: string, node: MarkdownNode): string {
  const text = content
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
  return ` ${text} |${'  |'.repeat(spanOf(node) - 1)}`
}

function spanOf(node: DomElement): number {
  const span = Number(node.getAttribute('colspan') ?? 1)
  return Number.isInteger(span) && span > 1 ? Math.min(span, maxColumnSpan) : 1
}

interface TableShape {
  readonly firstRow: DomElement
  readonly columns: number
}

/** Knows the shape of each table that was looked at, so that a row does not count its table again. */
class TableShapes {
  readonly #known = new WeakMap<DomElement, TableShape | 'layout'>()

  /** Returns the shape of the table around a row or a cell; `undefined` for one of layout. */
  ofPart(part: DomElement): TableShape | undefined {
    const table = part.closest('table')
    if (table === null) return undefined
    const known = this.#known.get(table) ?? measure(table)
    this.#known.set(table, known)
    return known === 'layout' ? undefined : known
  }
}

function measure(table: DomElement): TableShape | 'layout' {
  const rows = [...table.querySelectorAll('tr')]
  const [firstRow] = rows
  const columns = rows.reduce(
    (most, row) =>
      Math.max(
        most,
        [...row.children].reduce((sum, one) => sum + spanOf(one), 0),
      ),
    0,
  )
  return firstRow === undefined || columns < 2 || table.querySelector('table') !== null ? 'layout' : { firstRow, columns }
}
