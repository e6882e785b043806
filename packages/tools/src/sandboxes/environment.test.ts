import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkEnvironment, environmentOf } from './environment.ts'

const corpus: { readonly refused: readonly string[]; readonly allowed: readonly string[] } = JSON.parse(
  readFileSync(new URL('./testing/environment-corpus.json', import.meta.url), 'utf8'),
)
const refusal = { code: 'command-refused', kind: 'forbidden' }
const call = (env: unknown) => () => checkEnvironment(env as Record<string, string>)

describe('the corpus of variables', () => {
  it('has at least 120 names', () => expect(corpus.refused.length + corpus.allowed.length).toBeGreaterThanOrEqual(120))
  it.each(corpus.refused)('%j is refused, and the rest with it', (name) => {
    expect(
      call(
        Object.fromEntries([
          ['GREETING', 'hello'],
          [name, 'x'],
        ]),
      ),
    ).toThrow(expect.objectContaining(refusal))
  })
  it.each(corpus.allowed)('%j is passed on', (name) => {
    expect(checkEnvironment({ [name]: 'x' })).toEqual({ [name]: 'x' })
  })
})

describe('values of variables', () => {
  it.each([
    ['a NUL', 'a\0b'],
    ['no text', 7],
    ['undefined', undefined],
    ['32 KiB and one more', 'x'.repeat(32 * 1024 + 1)],
  ])('with %s are refused', (_, value) => expect(call({ A: value })).toThrow(expect.objectContaining(refusal)))
  it('are refused when there are too many, or too much in all', () => {
    const many = (count: number, size: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`V${index}`, 'x'.repeat(size)]))
    expect(call(many(257, 1))).toThrow(expect.objectContaining(refusal))
    expect(call(many(5, 30_000))).toThrow(expect.objectContaining(refusal))
    expect(Object.keys(checkEnvironment(many(256, 100)))).toHaveLength(256)
  })
  it('are not shown in the error', () => {
    expect(call({ LD_PRELOAD: 'hunter2' })).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hunter2') }))
  })
})

describe('the environment of a command', () => {
  it('is the base and the variables of the caller, and nothing of the host', () => {
    const env = environmentOf('/workspace', '/tmp', false, { GREETING: 'hello' })
    expect(Object.keys(env).sort()).toEqual(['GIT_CONFIG_GLOBAL', 'GREETING', 'HOME', 'LANG', 'PATH', 'SHLVL', 'TERM', 'TMPDIR'])
    expect(env).toMatchObject({ HOME: '/workspace', TMPDIR: '/tmp', TERM: 'dumb' })
    expect(env.PATH).toMatch(/^\/usr\/local\/bin:/)
  })
})
