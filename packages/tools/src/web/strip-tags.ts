/** Plain text of HTML in one pass, for pages that are too much for the readers: its time grows with the length of the page alone. */

const skipped = /^(?:script|style|noscript|template|svg|title|head)$/
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

/** Returns the text of a page without its tags, scripts and styles. */
export function stripTags(html: string): string {
  const pieces: string[] = []
  const lower = html.toLowerCase()
  let at = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open === -1) break
    pieces.push(html.slice(at, open))
    at = endOfTag(html, lower, open)
    pieces.push(at === open + 1 ? '<' : tagSpace(lower, open))
  }
  pieces.push(html.slice(at))
  return pieces
    .join('')
    .replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,5}));/gi, decodeEntity)
    .replaceAll(/[ \t\r\f]+/g, ' ')
    .replaceAll(/ ?\n[ \n]*/g, '\n')
    .trim()
}

/** Returns the index behind a tag, and behind the content of an element without text; `open + 1` for a `<` that begins no tag. */
function endOfTag(html: string, lower: string, open: number): number {
  if (html.startsWith('<!--', open)) return behind(html, '-->', open)
  const name = /^[a-z][a-z0-9]*/.exec(lower.slice(open + 1, open + 20))?.[0]
  if (name === undefined && !/[/!?]/.test(html[open + 1] ?? '')) return open + 1
  const end = behind(html, '>', open)
  return name !== undefined && skipped.test(name) ? behind(html, '>', Math.max(end, lower.indexOf(`</${name}`, end)) - 1) : end
}

function behind(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from)
  return at === -1 ? html.length : at + mark.length
}

function tagSpace(lower: string, open: number): string {
  return /^<\/?(?:p|div|br|li|tr|h[1-6]|table|ul|ol|section|article|pre|blockquote)\b/.test(lower.slice(open, open + 14)) ? '\n' : ' '
}

function decodeEntity(whole: string, decimal: string | undefined, hex: string | undefined, name: string | undefined): string {
  if (name !== undefined) return entities[name.toLowerCase()] ?? whole
  const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
  return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole
}
