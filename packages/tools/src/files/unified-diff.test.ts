// The difference of two texts is that of `patch`: applied to the old text it gives the new one.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { unifiedDiff } from './unified-diff.ts'

/** Applies a diff, and checks that its context and removed lines are those of the text. */
function patched(before: string, diff: string): string {
  const old = before.split('\n')
  const out: string[] = []
  let at = 0
  for (const line of diff === '' ? [] : diff.split('\n')) {
    const head = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@$/.exec(line)
    if (head !== null) {
      const begin = head[2] === '0' ? Number(head[1]) : Number(head[1]) - 1
      out.push(...old.slice(at, begin))
      at = begin
    } else if (line.startsWith('+')) out.push(line.slice(1))
    else {
      expect(line.slice(1)).toBe(old[at])
      at++
      if (line.startsWith(' ')) out.push(line.slice(1))
    }
  }
  return [...out, ...old.slice(at)].join('\n')
}

it('leads from any text to any other', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 }).map((lines) => lines.map((line) => `${line}\n`).join(''))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const diff = unifiedDiff(before, after)
      expect(diff === '').toBe(before === after)
      expect(patched(before, diff)).toBe(after)
    }),
    { numRuns: 500 },
  )
})

it('shows three lines around each change, and joins changes that are near', () => {
  const lines = Array.from({ length: 30 }, (_value, index) => `line ${index + 1}`)
  const after = lines.map((line, index) => ([4, 9, 25].includes(index) ? `${line}!` : line))
  expect(unifiedDiff(`${lines.join('\n')}\n`, `${after.join('\n')}\n`)).toBe(
    [
      '@@ -2,12 +2,12 @@',
      ...[' line 2', ' line 3', ' line 4', '-line 5', '+line 5!', ' line 6', ' line 7', ' line 8', ' line 9', '-line 10', '+line 10!'],
      ...[' line 11', ' line 12', ' line 13'],
      '@@ -23,7 +23,7 @@',
      ...[' line 23', ' line 24', ' line 25', '-line 26', '+line 26!', ' line 27', ' line 28', ' line 29'],
    ].join('\n'),
  )
})

it('notes a text that does not end with a line end', () => {
  expect(unifiedDiff('a', 'a\n')).toBe('@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a')
})

it('leads from any text to any other where a last line has no end', () => {
  const text = fc.array(fc.constantFrom('a', 'b', '', '\n'), { maxLength: 12 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const marked = (whole: string): string => (whole === '' || whole.endsWith('\n') ? whole : `${whole}\n\\ No newline at end of file\n`)
      const diff = unifiedDiff(before, after)
      expect(diff === '').toBe(before === after)
      // The note is a line of its own after the one that has no end.
      expect(patched(marked(before), diff.replaceAll(/\n([ +-])(.*)\n\\ No/g, '\n$1$2\n$1\\ No'))).toBe(marked(after))
    }),
    { numRuns: 500 },
  )
})

const numbered = (name: string, count: number): string => Array.from({ length: count }, (_value, index) => `${name}${index}\n`).join('')

it('shows large texts without a line in common', () => {
  expect(unifiedDiff(numbered('a', 10_000), numbered('b', 10_000)).split('\n')).toHaveLength(20_001)
})

it('says how many lines change, and shows none, where nobody would read them', () => {
  expect(unifiedDiff(numbered('a', 130_000), 'new\n')).toBe('(the difference is too large to show: from line 1 on, 130000 lines become 1)')
  expect(unifiedDiff(`same\n${'a'.repeat(150_000)}\nend`, `same\n${'b'.repeat(150_000)}\nend`)).toBe(
    '(the difference is too large to show: from line 2 on, 1 lines become 1)',
  )
})

it('shows a small change of a text of many lines', () => {
  const text = numbered('a', 400_000)
  expect(unifiedDiff(text, text.replace('a300000\n', 'b\n'))).toBe(
    '@@ -299998,7 +299998,7 @@\n a299997\n a299998\n a299999\n-a300000\n+b\n a300001\n a300002\n a300003',
  )
})
