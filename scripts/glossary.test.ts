// Every code name in the glossary is exported by a package, and is in the file that the glossary names.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(join(root, 'docs/glossary.md'), 'utf8')

// The names of every entry, as `exports.test.ts` keeps them.
const exported = new Set(
  readdirSync(join(root, 'scripts/exports')).flatMap((file) => readFileSync(join(root, 'scripts/exports', file), 'utf8').split('\n')),
)

const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [, name = '', meaning = '', place = ''] = line.split('|').map((cell) => cell.trim())
    return { name: codesIn(name)[0] ?? '', others: codesIn(meaning), file: codesIn(place)[0] ?? '' }
  })

function codesIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

describe.each(rows)('$name', ({ name, others, file }) => {
  it('is exported', () => {
    const names = [name, ...others].map((code) => code.split('.')[0] ?? '')
    expect(names.filter((code) => !exported.has(code))).toEqual([])
  })

  it('is in its file', () => {
    expect(existsSync(join(root, file)), file).toBe(true)
    const code = readFileSync(join(root, file), 'utf8')
    const missing = name.split('.').filter((part) => !new RegExp(`\\b${part}\\b`).test(code))
    expect(missing, file).toEqual([])
  })
})

it('has no code name outside its tables', () => {
  const inRows = rows.flatMap(({ name, others, file }) => [name, ...others, file])
  expect(codesIn(page)).toEqual(inRows)
})
