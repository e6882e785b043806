// What an editor shows for a name of a main entry: each has a docstring, and functions and classes have an example.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { exportedDeclarations, problemsOf } from './lint/docstrings.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
// Packages whose docstrings were not revised yet. Empty it: revise a package, then take it off.
const notRevised: readonly string[] = []
// Packages whose main entry has no names of its own: they are explained where they come from.
const reExportsOnly: readonly string[] = ['cli']

// The names of cli are those of other packages, explained where they are made.
const packages = readdirSync(join(root, 'packages')).filter(
  (name) => name !== 'cli' && existsSync(join(root, 'packages', name, 'src/index.ts')),
)
const entryOf = (name: string): string => join(root, 'packages', name, 'src/index.ts')
const read = (file: string): string => readFileSync(file, 'utf8')

describe.each(packages.filter((name) => !notRevised.includes(name) && !reExportsOnly.includes(name)))('%s', (name) => {
  it('explains every name of its main entry', () => {
    const declarations = exportedDeclarations(entryOf(name), read)
    expect(declarations.length).toBeGreaterThan(0)
    expect(declarations.flatMap(problemsOf)).toEqual([])
  })
})

it.each(reExportsOnly)('finds no names of its own in the main entry of %s', (name) => {
  expect(exportedDeclarations(entryOf(name), read)).toEqual([])
})

it.each(notRevised)('still has something to revise in %s', (name) => {
  const problems = exportedDeclarations(entryOf(name), read).flatMap(problemsOf)
  expect(problems.length, `take ${name} off the list`).toBeGreaterThan(0)
})

describe('the reader of declarations', () => {
  const problemsIn = (code: string, names = 'one'): readonly string[] => {
    const files = new Map([
      ['/src/index.ts', `export { ${names} } from './one.ts'`],
      ['/src/one.ts', code],
    ])
    return exportedDeclarations('/src/index.ts', (file) => files.get(file) ?? expect.unreachable(file)).flatMap(problemsOf)
  }
  const example = '/**\n * Returns one.\n *\n * @example\n * one()\n */\n'

  it.each([
    ['a function without a docstring', 'export function one() {}', ['one: no docstring']],
    ['a function without an example', '/** Returns one. */\nexport async function one() {}', ['one: no @example']],
    ['a class without an example', '/** One. */\nexport abstract class one {}', ['one: no @example']],
    ['a constant after a docstring that is not its own', '/** Two. */\nconst two = 2\nexport const one = 1', ['one: no docstring']],
    ['a comment that is no docstring', '/* One. */\nexport interface one {}', ['one: no docstring']],
    ['a name that is not there', 'export const two = 2', ['one: no declaration']],
  ])('finds %s', (_title, code, problems) => {
    expect(problemsIn(code)).toEqual(problems)
  })

  it.each([
    ['a function with an example', `${example}export function one() {}`],
    ['an interface with a docstring', '/** One. */\nexport interface one {}'],
    ['a type with a docstring', '/** One. */\nexport type one = 1'],
    ['a constant that is declared first and exported later', '/** One. */\nconst one = 1\nexport { one }'],
  ])('accepts %s', (_title, code) => {
    expect(problemsIn(code)).toEqual([])
  })

  it('follows names through other files and renamings, and leaves those of other packages to them', () => {
    const files = new Map([
      ['/src/index.ts', "export { type one as uno, two, four } from './a/b.ts'\nexport { three } from '@beamclaw/core'"],
      ['/src/a/b.ts', "export { one } from '../c.ts'\nexport { four } from '@beamclaw/core'\n/** Two. */\nexport const two = 2"],
      ['/src/c.ts', 'export interface one {}'],
    ])
    const found = exportedDeclarations('/src/index.ts', (file) => files.get(file) ?? expect.unreachable(file))
    expect(found.map(({ name, file }) => `${name} ${file}`)).toEqual(['uno /src/c.ts', 'two /src/a/b.ts'])
    expect(found.flatMap(problemsOf)).toEqual(['uno: no docstring'])
  })
})
