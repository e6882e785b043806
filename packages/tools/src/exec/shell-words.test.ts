/** What is read as plain commands is what real shells run. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plainCommands } from './shell-words.ts'

const shells = [['/bin/sh', '-c'], ...(hasBash() ? [['/bin/bash', '--norc', '--noprofile', '-c']] : [])]
let folder = ''
let record = ''

function hasBash(): boolean {
  return spawnSync('/bin/bash', ['-c', 'true']).status === 0
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shell-words-'))
  record = join(folder, 'record')
  // Writes its arguments down in one write, so that those of two programs of a pipe do not mix.
  const program = `#!/bin/sh\nwords=; [ $# = 0 ] || words=$(printf '%s\\037' "$@"; echo .)\nprintf '%s\\036' "$words" >> '${record}'\n`
  for (const name of ['p', 'q']) {
    writeFileSync(join(folder, name), program)
    chmodSync(join(folder, name), 0o755)
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Returns the arguments of all programs that a shell runs for a text. */
function executed([shell, ...options]: readonly string[], text: string): readonly (readonly string[])[] {
  writeFileSync(record, '')
  try {
    execFileSync(shell as string, [...options, text], { cwd: folder, env: { PATH: folder }, stdio: 'ignore', timeout: 10_000 })
  } catch {
    // A command that fails is recorded all the same.
  }
  const runs = readFileSync(record, 'utf8').split('\x1e').slice(0, -1)
  return runs.map((words) => words.split('\x1f').slice(0, -1))
}

describe('texts that are read as plain commands', () => {
  const token = fc.constantFrom(
    ...[
      'p',
      'q',
      ' ',
      ' ',
      ' ',
      'a',
      '-l',
      "'",
      '"',
      "'x y'",
      '"x y"',
      ';',
      '&&',
      '||',
      '|',
      '&',
      '\n',
      '\t',
      '!',
      'time',
      'nohup',
      '=',
      'a=b',
    ],
    ...[
      '$',
      '$a',
      '`',
      '\\',
      '~',
      '*',
      '?',
      '[',
      ']',
      '{',
      '}',
      ',',
      '(',
      ')',
      '<',
      '>',
      '#',
      '%',
      '^',
      '@',
      '+',
      ':',
      '/',
      '.',
      '..',
      'é',
      '\r',
      '\u00a0',
    ],
    ...[
      'if',
      'then',
      'fi',
      'do',
      'eval',
      'exec',
      '$(p)',
      '$' + '{a}',
      "$'a'",
      'EOF',
      '<<',
      '2>',
      '\\\n',
      'coproc',
      'function',
      '[[',
      ']]',
      '0',
      '-',
      '--',
    ],
  )

  test('run nothing else in real shells', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.array(token, { maxLength: 9 }), (tokens) => {
        const text = `p ${tokens.join('')}`
        const commands = plainCommands(text)
        // What the shell does with other words than the two programs is refused by the rules of commands.
        if (commands === undefined || commands.some(([name]) => name !== 'p' && name !== 'q')) return
        accepted++
        const known = commands.map(([, ...args]) => JSON.stringify(args))
        for (const shell of shells) for (const args of executed(shell, text)) expect(known).toContain(JSON.stringify(args))
      }),
      { numRuns: 1_500, seed: 13 },
    )
    expect(accepted).toBeGreaterThan(20)
  }, 60_000)

  test.each([
    ['p \'a b\' "c d" e\'f\'"g"', [['a b', 'c d', 'efg']]],
    ['p a|q b&&p c;q', [['a'], ['b'], ['c'], []]],
  ])('%j', (text, args) => {
    expect(plainCommands(text)?.map(([, ...rest]) => rest)).toEqual(args)
    for (const shell of shells) expect([...executed(shell, text)].sort()).toEqual([...args].sort())
  })
})
