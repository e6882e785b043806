import { expect, test } from 'vitest'
import { wrapped } from './output.ts'

test.each([
  ['', 20, ['']],
  ['short', 20, ['short']],
  ['a line that is longer than it is wide', 20, ['a line that is', 'longer than it is', 'wide']],
  ['x'.repeat(45), 20, ['x'.repeat(20), 'x'.repeat(20), 'xxxxx']],
  [`${'x'.repeat(19)}😀y`, 20, ['x'.repeat(19), '😀y']],
  ['a line that is longer', Number.POSITIVE_INFINITY, ['a line that is longer']],
  ['a line that is longer', 5, ['a line that is longer']],
])('%j in %d columns', (line, width, parts) => {
  expect(wrapped(line, width)).toEqual(parts)
})
