/** The difference of two texts by lines, as `diff -u` writes it. */

const contextLines = 3
// Beyond so many comparisons the lines that differ are shown as a whole.
const maxComparisons = 4_000_000
// Beyond so many characters of JSON no person reads it, no plan takes it, and making it would stop the event loop.
const maxJson = 200_000

const newline = 10

type Line = readonly [sign: ' ' | '-' | '+', text: string]

/**
 * Returns the changed places with three lines around each; empty for equal texts. Every changed line is in it, unless it would take more than 200,000
 * characters: then it says how many lines change, and shows none.
 */
export function unifiedDiff(before: string, after: string): string {
  if (before === after) return ''
  const head = commonHead(before, after)
  const tail = commonTail(before, after, head)
  const [old, fresh] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)]
  const [firstLine, oldLines, newLines] = [lineCount(before.slice(0, head)) + 1, lineCount(old), lineCount(fresh)]
  const summary = `(the difference is too large to show: from line ${firstLine} on, ${oldLines} lines become ${newLines})`
  // Lines between two changes may be in both.
  if (old.length + fresh.length > 2 * maxJson) return summary
  const above = before.slice(contextStart(before, head), head)
  const below = before.slice(before.length - tail, contextEnd(before, before.length - tail))
  const context = (text: string): Line[] => linesOf(text).map((line) => [' ', line])
  const lines = [...context(above), ...middleOf(linesOf(old), linesOf(fresh)), ...context(below)]
  const diff = hunksOf(lines, firstLine - lineCount(above)).join('\n')
  return JSON.stringify(diff).length > maxJson ? summary : diff
}

/** Returns the lines of the hunks; `first` is the number of the first line in both texts. */
function hunksOf(lines: readonly Line[], first: number): readonly string[] {
  const pieces: string[] = []
  let [oldAt, newAt] = [first, first]
  for (let index = 0; index < lines.length; ) {
    const end = endOfHunk(lines, index)
    if (end === undefined) {
      // A line that is far from any change.
      index++
      oldAt++
      newAt++
      continue
    }
    const hunk = lines.slice(index, end)
    const [oldCount, newCount] = [hunk.filter(([sign]) => sign !== '+').length, hunk.filter(([sign]) => sign !== '-').length]
    pieces.push(`@@ -${rangeOf(oldAt, oldCount)} +${rangeOf(newAt, newCount)} @@`)
    // One by one: as arguments of one call, a large hunk would overflow the stack.
    for (const [sign, text] of hunk) pieces.push(sign + text)
    oldAt += oldCount
    newAt += newCount
    index = end
  }
  return pieces
}

/** Returns how many characters both texts begin with, in whole lines. */
function commonHead(before: string, after: string): number {
  const most = Math.min(before.length, after.length)
  let lines = 0
  for (let at = 0; at < most; at++) {
    const code = before.charCodeAt(at)
    if (code !== after.charCodeAt(at)) break
    if (code === newline) lines = at + 1
  }
  return lines
}

/** Returns how many characters after the first `head` both texts end with, in whole lines. */
function commonTail(before: string, after: string, head: number): number {
  const most = Math.min(before.length, after.length) - head
  const isLineStart = (text: string, at: number): boolean => at === 0 || text.charCodeAt(at - 1) === newline
  let lines = 0
  for (let count = 1; count <= most; count++) {
    const [old, fresh] = [before.length - count, after.length - count]
    if (before.charCodeAt(old) !== after.charCodeAt(fresh)) break
    if (isLineStart(before, old) && isLineStart(after, fresh)) lines = count
  }
  return lines
}

/** Returns how many lines a text has; one without an end counts. */
function lineCount(text: string): number {
  let count = text === '' || text.charCodeAt(text.length - 1) === newline ? 0 : 1
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) === newline) count++
  return count
}

/** Returns where the lines of context begin that end at `at`, the beginning of a line. */
function contextStart(text: string, at: number): number {
  let start = at
  for (let line = 0; line < contextLines && start > 0; line++) start = start === 1 ? 0 : text.lastIndexOf('\n', start - 2) + 1
  return start
}

/** Returns where the lines of context end that begin at `at`, the beginning of a line. */
function contextEnd(text: string, at: number): number {
  let end = at
  for (let line = 0; line < contextLines && end < text.length; line++) end = text.indexOf('\n', end) + 1 || text.length
  return end
}

/** Returns where the hunk ends that begins at `begin`; `undefined` when none begins there. */
function endOfHunk(lines: readonly Line[], begin: number): number | undefined {
  const isChange = (line: Line | undefined): boolean => line !== undefined && line[0] !== ' '
  const first = lines.slice(begin, begin + contextLines + 1).findIndex(isChange)
  if (first === -1) return undefined
  let last = begin + first
  for (let at = last + 1; at < lines.length && at <= last + 2 * contextLines + 1; at++) if (isChange(lines[at])) last = at
  return Math.min(lines.length, last + contextLines + 1)
}

function rangeOf(at: number, count: number): string {
  return count === 1 ? `${at}` : `${count === 0 ? at - 1 : at},${count}`
}

/** The lines of a text; a text that does not end with a line end has a note of it, as in `diff`. */
function linesOf(text: string): readonly string[] {
  if (text === '') return []
  const lines = text.split('\n')
  if (lines.at(-1) === '') return lines.slice(0, -1)
  return [...lines.slice(0, -1), `${lines.at(-1)}\n\\ No newline at end of file`]
}

/** The longest common subsequence, by its table. */
function middleOf(before: readonly string[], after: readonly string[]): readonly Line[] {
  const [rows, columns] = [before.length, after.length]
  if (rows * columns > maxComparisons) {
    return [...before.map((text): Line => ['-', text]), ...after.map((text): Line => ['+', text])]
  }
  const width = columns + 1
  const lengths = new Uint32Array((rows + 1) * width)
  const at = (row: number, column: number): number => lengths[row * width + column] ?? 0
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      const isSame = before[row] === after[column]
      lengths[row * width + column] = isSame ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1))
    }
  }
  const lines: Line[] = []
  let [row, column] = [0, 0]
  while (row < rows || column < columns) {
    const [old, fresh] = [before[row], after[column]]
    if (old !== undefined && old === fresh) {
      lines.push([' ', old])
      row++
      column++
    } else if (old !== undefined && (fresh === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(['-', old])
      row++
    } else {
      lines.push(['+', fresh ?? ''])
      column++
    }
  }
  return lines
}
