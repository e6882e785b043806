// The contracts on other test runners, as the README of the package shows it: its example runs here as it stands there.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const packageFolder = fileURLToPath(new URL('../..', import.meta.url))
const bun = fileURLToPath(new URL('../../../../node_modules/.beamclaw/matrix/node_modules/bun/bin/bun', import.meta.url))

async function exampleOfReadme(): Promise<string> {
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8')
  return /^```js\n(import \{ describe, it \} from 'node:test'\n.*?)^```$/ms.exec(readme)?.[1] ?? ''
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly status: number | null; readonly output: string }> {
  // The runner of this test must not take over the one that is started.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const status = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  return { status, output }
}

/** Runs the program in a folder in which both packages are installed. The links end outside node_modules, so that Node runs them from source. */
async function runFile(code: string, command: string, args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'beamclaw-runner-'))
  try {
    const scope = join(folder, 'node_modules', '@beamclaw')
    await mkdir(scope, { recursive: true })
    for (const name of ['core', 'testkit']) await symlink(join(packageFolder, '..', name), join(scope, name), 'junction')
    await writeFile(join(folder, 'store.test.mjs'), code)
    return await run(command, [...args, 'store.test.mjs'], folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const nodeArgs = ['--conditions=beamclaw:source', '--test', '--test-reporter=tap']

test('the example of the README keeps the contract with node:test', { timeout: 60_000 }, async () => {
  const { status, output } = await runFile(await exampleOfReadme(), process.execPath, nodeArgs)
  expect(output).toMatch(/^# pass 1\d\d$/m)
  expect(output).toContain('# fail 0')
  expect(status).toBe(0)
})

test('a mistake is shown by node:test with the promise that is not kept', { timeout: 60_000 }, async () => {
  const mistaken = (await exampleOfReadme())
    .replace('new MemoryStore()', 'Object.assign(new MemoryStore(), { list: () => new Promise(() => {}) })')
    .replace('  skip:', '  deadlineMs: 50,\n  skip:')
  const { status, output } = await runFile(mistaken, process.execPath, nodeArgs)
  expect(status).toBe(1)
  expect(output).toContain('pages through everything exactly once; still under way: store.list')
})

test.skipIf(!existsSync(bun))('the example of the README keeps the contract with bun test', { timeout: 60_000 }, async () => {
  const code = (await exampleOfReadme()).replace("'node:test'", "'bun:test'")
  const { status, output } = await runFile(code, bun, ['test', '--conditions=beamclaw:source'])
  expect(output).toContain('0 fail')
  expect(status).toBe(0)
})
