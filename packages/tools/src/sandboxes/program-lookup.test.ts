/** Scripts of real files: what an interpreter would load is found whatever runs the interpreter, and is bound until the start. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalSandbox } from './local-sandbox.ts'
import { scriptWords } from './program-lookup.ts'

let folder = ''
const toHost = (word: string): string => (isAbsolute(word) ? word : join(folder, word))
const found = ([program = '', ...args]: readonly string[]): readonly string[] =>
  scriptWords(`/usr/bin/${program}`, args, toHost).map((path) => path.slice(folder.length + 1))

function write(path: string, text = ''): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'lookup-')))
  for (const path of ['a.sh', 'b.sh', 'mod.js', 'x.py', 'tool/__main__.py', 'pack/sub.py', 'lib/index.js', 'data.txt']) write(path)
  write('app/package.json', '{ "main": "dist/start" }')
  write('app/dist/start.js')
  write('broken/package.json', '{')
  write('broken/index.cjs')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the scripts of a command', () => {
  test.each([
    ['bash a.sh', ['a.sh']],
    ['ionice bash a.sh', ['a.sh']],
    ['ionice -c 3 nice -n 5 bash a.sh b.sh', ['a.sh', 'b.sh']],
    ['bash --rcfile=a.sh b.sh', ['a.sh', 'b.sh']],
    ['run-parts a.sh', ['a.sh']],
    ['node mod', ['mod.js']],
    ['node ./mod', ['mod.js']],
    ['timeout 5 node ./mod', ['mod.js']],
    ['node -r ./mod -e 1', ['mod.js']],
    ['node -r./mod -e 1', ['mod.js']],
    ['node --require=./mod x.py', ['mod.js', 'x.py']],
    ['node -r ./mod -r ./mod', ['mod.js']],
    ['node lib', ['lib/index.js']],
    ['node ./app', ['app/package.json', 'app/dist/start.js']],
    ['node ./broken', ['broken/package.json', 'broken/index.cjs']],
    ['python3 -m tool', ['tool/__main__.py']],
    ['python3 -m pack.sub', ['pack/sub.py']],
    ['ruby -e 1', []],
    ['node -e 1 ./new-file', []],
    ['node --test ./nowhere', []],
    ['python3 /dev/stdin', []],
    ['cat a.sh data.txt', []],
    ['ls mod', []],
  ])('%s', (command, files) => expect(found(command.split(' '))).toEqual(files))

  test.each(['node ./nowhere', 'ionice node ./nowhere', 'node --import ./nowhere -e 1', 'python3 ../nowhere', 'node ./pack'])(
    '%s is refused: what it would run cannot be told',
    (command) => expect(() => found(command.split(' '))).toThrow(expect.objectContaining({ code: 'command-refused' })),
  )
})

describe.skipIf(process.platform === 'win32')('a module', () => {
  test('that has changed, or stands before another one now, is not run', async () => {
    const sandbox = new LocalSandbox()
    const listener = { onOutput: () => {}, onExit: () => {} }
    const request = { argv: ['env', 'node', './late'] as [string, ...string[]], workspace: folder }
    write('late.js', '1')
    const prepared = await sandbox.prepare(request)
    expect(prepared.scripts?.map(({ path }) => path)).toEqual([join(folder, 'late.js')])
    write('late', '2')
    await expect(sandbox.spawn(prepared, { listener })).rejects.toMatchObject({ code: 'command-refused' })
    rmSync(join(folder, 'late'))
    write('late.js', '3')
    await expect(sandbox.spawn(prepared, { listener })).rejects.toMatchObject({ code: 'command-refused' })
  })
})
