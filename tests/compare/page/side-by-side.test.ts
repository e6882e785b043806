import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { remarks } from './remarks.ts'
import { codeLines, pageUrl, sideBySide } from './side-by-side.ts'

test('docs/side-by-side.md is what the programs make of it; `npm run page` in tests/compare writes it anew', () => {
  expect(readFileSync(pageUrl, 'utf8')).toBe(sideBySide())
})

test('the page has every program', () => {
  expect(remarks.map(({ folder }) => folder)).toEqual(readdirSync(new URL('../programs', import.meta.url)).sort())
})

test('imports count as lines of code; blank lines and comments do not', () => {
  expect(codeLines("import { a } from 'b'\n\n// Why.\n  // And why else.\na('//') // Here it counts.\n")).toBe(2)
})
