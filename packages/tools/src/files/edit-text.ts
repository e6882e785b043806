/** Replaces a piece of text that must be found once, or all its places. */
import { fileFailed } from './file-errors.ts'

/** What is to be replaced. */
export interface TextEdit {
  readonly oldText: string
  readonly newText: string
  readonly replaceAll: boolean
  /** Characters that the file may have: no more than its bytes. */
  readonly maxCharacters: number
}

const shownPlaces = 10

/**
 * Returns the text with the replacement, and how often it was made. In a file with CRLF, line ends of the edit that are LF match and become CRLF. Throws
 * `tool-failed` with how often, and where, the old text was found, when that is not what the edit needs.
 */
export function editText(
  path: string,
  text: string,
  { oldText, newText, replaceAll, maxCharacters }: TextEdit,
): { readonly text: string; readonly count: number } {
  if (oldText === newText) throw fileFailed(path, 'oldText and newText are the same')
  const asCrlf = (part: string): string => part.replaceAll(/\r?\n/g, '\r\n')
  const isCrlf = text.includes('\r\n')
  const exact = placesOf(text, oldText)
  const useCrlf = isCrlf && exact.count === 0 && oldText.includes('\n')
  const wanted = useCrlf ? asCrlf(oldText) : oldText
  const places = useCrlf ? placesOf(text, wanted) : exact
  // A file whose every line ends with CRLF keeps it so.
  const replacement = isCrlf && !/(?<!\r)\n/.test(text) ? asCrlf(newText) : newText
  const { count } = places
  if (count === 0) throw fileFailed(path, `oldText was found 0 times. ${hintOf(text, oldText)}`)
  if (count > 1 && !replaceAll) {
    const lines = places.first.map((at) => lineAt(text, at))
    const more = count > shownPlaces ? ', …' : ''
    throw fileFailed(
      path,
      `oldText was found ${count} times (lines ${lines.join(', ')}${more}). Take more of the text around it, or set replaceAll`,
    )
  }
  const size = text.length + count * (replacement.length - wanted.length)
  if (size > maxCharacters) throw fileFailed(path, `it would have ${size} characters, and may have ${maxCharacters} bytes`)
  return { text: text.split(wanted).join(replacement), count }
}

/** Returns how often a text has the part, and the first places. */
function placesOf(text: string, part: string): { readonly count: number; readonly first: readonly number[] } {
  const first: number[] = []
  let count = 0
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + part.length)) {
    if (count < shownPlaces) first.push(at)
    count++
  }
  return { count, first }
}

function lineAt(text: string, index: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++
  return line
}

/** A first line that is there with other spaces is the usual mistake. */
function hintOf(text: string, oldText: string): string {
  const bare = (line: string): string => line.replaceAll(/\s+/g, ' ').trim()
  const first = bare(oldText.split('\n').find((line) => bare(line) !== '') ?? '')
  const at = first === '' ? -1 : text.split('\n').findIndex((line) => bare(line) === first)
  return at === -1
    ? 'Read the file again'
    : `Line ${at + 1} is like its first line; spaces or the lines after it differ. Read the file again`
}
