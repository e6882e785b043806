// Comments, messages and pages keep to the words that rule 10 of the style asks for; each rule is proven by a planted violation.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { notRevised, phraseFindings, phraseRules } from './lint/english.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
// Decisions and changesets are records of their day. The lint itself has to quote what it forbids.
const exempt = /^(?:docs\/decisions\/|\.changeset\/|scripts\/lint\/english\.ts$|scripts\/english\.test\.ts$)|CHANGELOG\.md$/

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.tsx', '*.mjs', '*.md', '*.jsonc'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && !exempt.test(path) && existsSync(join(root, path)))

describe('the phrases that are out', () => {
  it.each(phraseRules)('finds a planted "$name"', ({ name, plant }) => {
    expect(phraseFindings('src/plant.ts', `const one = 1\n${plant}\n`)).toContainEqual(expect.objectContaining({ line: 2, rule: name }))
    expect(phraseFindings('src/plant.test.ts', `const one = 1\n${plant}\n`)).toContainEqual(
      expect.objectContaining({ line: 2, rule: name }),
    )
  })

  it('finds a message to a user, but leaves the titles of tests alone', () => {
    const code = "throw new Error('nobody listens')"
    expect(phraseFindings('src/plant.ts', code)).toHaveLength(1)
    expect(phraseFindings('src/plant.test.ts', code)).toEqual([])
    expect(phraseFindings('src/plant.ts', `const nobody = find('nobody', \`looking at \${nobody} now\`)`)).toEqual([])
  })

  it('finds a sentence inside a longer comment, and none after its end', () => {
    const code = ['/**', ' * Two lines.', ' * Everybody reads them.', ' */', 'const everybody = 1', ''].join('\n')
    expect(phraseFindings('src/plant.test.ts', code).map(({ line }) => line)).toEqual([3])
  })

  it('lets plain words pass', () => {
    expect(phraseFindings('docs/plain.md', 'Returns the key. The caller answers; the model says what it wants.')).toEqual([])
  })
})

describe('the text of this repository', () => {
  const isPending = (path: string): boolean => notRevised.some((folder) => path.startsWith(`${folder}/`))

  it('uses none of them outside the folders that are not revised yet', () => {
    const findings = files
      .filter((path) => !isPending(path))
      .flatMap((path) => phraseFindings(path, readFileSync(join(root, path), 'utf8')))
      .map(({ path, line, rule, message }) => `${path}:${line} ${rule}: ${message}`)
    expect(findings).toEqual([])
  })

  it.each(notRevised)('still has something to revise in %s', (folder) => {
    const findings = files
      .filter((path) => path.startsWith(`${folder}/`))
      .flatMap((path) => phraseFindings(path, readFileSync(join(root, path), 'utf8')))
    expect(findings.length, `take ${folder} off the list`).toBeGreaterThan(0)
  })
})
