// The search, by its own walk and by ripgrep where that is installed: both find the same.
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ManualClock } from '@beamclaw/testkit'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type CalledTool, callTool } from '../web/testing/call-tool.ts'
import { type FilesToolsOptions, filesSetup } from './files-options.ts'
import { regexTimeoutMs } from './line-matcher.ts'
import { matchesName } from './name-pattern.ts'
import { findRipgrep } from './ripgrep.ts'
import { type SearchMeans, searchFilesTool } from './search-files.ts'
import { TemporaryWorkspace } from './testing/temporary-workspace.ts'

const installed = await findRipgrep('/none')

function workspace(files: Readonly<Record<string, string | Uint8Array>> = {}): TemporaryWorkspace {
  const made = new TemporaryWorkspace(files)
  onTestFinished(() => made[Symbol.dispose]())
  return made
}

describe.each([
  ['its own walk', undefined],
  ['ripgrep', installed],
] as const)('by %s', (title, program) => {
  const test = it.runIf(title === 'its own walk' || program !== undefined)
  const means: SearchMeans = { clock: new ManualClock(), ripgrep: async () => program }
  const search = (work: TemporaryWorkspace, input: object, options: Partial<FilesToolsOptions> = {}): Promise<CalledTool> =>
    callTool(searchFilesTool(filesSetup({ workspace: work.root, ...options }), means), input as never)

  test('finds lines with their place', async () => {
    const work = workspace({
      'b.txt': 'x\r\nthe Word here\r\n',
      'a/c.md': 'a word\nno\nword word',
      'd.bin': Buffer.from([0, 119]),
      '-e': 'a word',
    })
    expect((await search(work, { query: 'word' })).text).toBe('-e:1: a word\na/c.md:1: a word\na/c.md:3: word word')
    expect((await search(work, { query: 'WORD', ignoreCase: true, name: '*.txt' })).text).toBe('b.txt:2: the Word here')
    expect((await search(work, { query: 'word', path: 'a' })).text).toBe('a/c.md:1: a word\na/c.md:3: word word')
    expect((await search(work, { query: 'none' })).text).toBe('Nothing was found.')
  })

  test('takes a query for the text that it is', async () => {
    const work = workspace({ 'a.txt': 'a.c\nabc\n--files\n(\n' })
    expect((await search(work, { query: 'a.c' })).text).toBe('a.txt:1: a.c')
    expect((await search(work, { query: '--files' })).text).toBe('a.txt:3: --files')
    expect((await search(work, { query: '(' })).text).toBe('a.txt:4: (')
    expect((await search(work, { query: 'a.c\nabc' })).text).toBe('Nothing was found.')
  })

  test('leaves out what is large, made by programs, or outside', async () => {
    const work = workspace({
      'large.txt': `word${' '.repeat(2000)}`,
      'node_modules/a.js': 'word',
      '.git/a': 'word',
      'a/node_modules/b': 'word',
      '.hidden': 'word',
    })
    symlinkSync(work.secretPath, join(work.root, 'link'))
    symlinkSync(work.base, join(work.root, 'folder-link'))
    expect((await search(work, { query: 'word' }, { maxFileBytes: 1000 })).text).toBe('.hidden:1: word')
    expect((await search(work, { query: 'secret' })).text).toBe('Nothing was found.')
  })

  test('has a bound for results, for characters and for a line', async () => {
    const work = workspace({ 'a.txt': 'word\n'.repeat(300), 'b.txt': `word${'x'.repeat(1000)}` })
    const lines = (await search(work, { query: 'word' })).text.split('\n')
    expect(lines).toHaveLength(101)
    expect(lines.at(-1)).toContain('and more')
    expect((await search(work, { query: 'word', maxResults: 1000 }, { maxCharacters: 200 })).text.length).toBeLessThan(300)
    expect((await search(work, { query: 'wordx' })).text).toBe(`b.txt:1: word${'x'.repeat(296)}…`)
  })

  test('ends with the signal in the middle', async () => {
    const work = workspace(Object.fromEntries(Array.from({ length: 200 }, (_value, index) => [`${index}.txt`, 'word'])))
    const controller = new AbortController()
    const reason = new Error('enough')
    const tool = searchFilesTool(filesSetup({ workspace: work.root }), means)
    const searching = (async () =>
      tool.execute({ query: 'word', maxResults: 1000 }, {
        signal: controller.signal,
        sessionKey: 'a',
        agentId: 'b',
        context: undefined,
      } as never))()
    controller.abort(reason)
    await expect(searching).rejects.toBe(reason)
  })
})

describe('an expression', () => {
  const clock = new ManualClock()
  const means: SearchMeans = { clock, ripgrep: async () => undefined }
  const search = (work: TemporaryWorkspace, query: string): Promise<CalledTool> =>
    callTool(searchFilesTool(filesSetup({ workspace: work.root }), means), { query, regex: true })

  it('is matched line by line', async () => {
    const work = workspace({ 'a.txt': 'abc\r\nac\nb\n', 'b.txt': 'xaxc' })
    expect((await search(work, '^a.?c$')).text).toBe('a.txt:1: abc\na.txt:2: ac')
    expect((await search(work, 'a\\wc')).text).toBe('a.txt:1: abc\nb.txt:1: xaxc')
  })

  it('that is none fails in words', async () => {
    const { isError, text } = await search(workspace(), '(a')
    expect({ isError, text }).toEqual({ isError: true, text: expect.stringMatching(/no regular expression: .*Set regex to false/) })
  })

  it('that takes for ever is stopped, and holds up nothing meanwhile', async () => {
    const work = workspace({ 'a.txt': `${'a'.repeat(60)}!` })
    const searching = search(work, '^(a+)+$')
    await vi.waitFor(() => expect(clock.nextTimerInMs).toBe(regexTimeoutMs))
    await clock.advance(regexTimeoutMs)
    expect(await searching).toMatchObject({ isError: true, text: expect.stringContaining('takes too long') })
    expect(clock.pendingTimers).toBe(0)
  })
})

it('takes no ripgrep that a model may have written', async () => {
  const work = workspace({ 'bin/rg': '#!/bin/sh\n' })
  mkdirSync(join(work.base, 'other'))
  const { chmodSync } = await import('node:fs')
  chmodSync(join(work.root, 'bin/rg'), 0o755)
  symlinkSync(join(work.root, 'bin/rg'), join(work.base, 'other/rg'))
  const path = [join(work.root, 'bin'), join(work.base, 'other'), 'bin', '.'].join(':')
  expect(await findRipgrep(work.root, path)).toBeUndefined()
  expect(await findRipgrep(join(work.base, 'elsewhere'), path)).toBe(join(work.root, 'bin/rg'))
})

it.each<readonly [name: string, pattern: string, matches: boolean]>([
  ['a.ts', '*.ts', true],
  ['a.tsx', '*.ts', false],
  ['.ts', '*.ts', true],
  ['abc', 'a?c', true],
  ['ac', 'a?c', false],
  ['a+b', 'a+b', true],
  ['aXbXc', 'a*b*c', true],
  ['abab', '*ab', true],
  ['', '*', true],
  ['a', '', false],
  [`${'a'.repeat(5000)}b`, `${'*a'.repeat(90)}*c`, false],
])('matches %s by %s: %s', (name, pattern, matches) => {
  expect(matchesName(name, pattern)).toBe(matches)
})
