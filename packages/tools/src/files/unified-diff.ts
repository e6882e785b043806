/** The difference of two texts by lines, as `diff -u` writes it. */

const contextLines = 3
// Beyond so many comparisons the lines that differ are shown as a whole.
const maxComparisons = 4_000_000

type Line = readonly [sign: ' ' | '-' | '+', text: string]

/** Returns the changed places with three lines around each; empty for equal texts. Every changed line is in it. */
export function unifiedDiff(before: string, after: string): string {
  const lines = diffLines(linesOf(before), linesOf(after))
  const pieces: string[] = []
  let [oldAt, newAt] = [1, 1]
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
    pieces.push(`@@ -${rangeOf(oldAt, oldCount)} +${rangeOf(newAt, newCount)} @@`, ...hunk.map(([sign, text]) => sign + text))
    oldAt += oldCount
    newAt += newCount
    index = end
  }
  return pieces.join('\n')
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

function diffLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  const most = Math.min(before.length, after.length) - head
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++
  const same = (lines: readonly string[]): Line[] => lines.map((text) => [' ', text])
  return [
    ...same(before.slice(0, head)),
    ...middleOf(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...same(before.slice(before.length - tail)),
  ]
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
