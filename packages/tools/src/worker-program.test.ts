// Where the program of a worker is, from source, in a build, and in the bundle of another package.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

function folder(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'beamclaw-program-')))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** Runs a copy of the code in `at`, as a bundle has it, and returns what it finds for a worker beside it. */
function foundFrom(at: string): string {
  const code = stripTypeScriptTypes(readFileSync(new URL('worker-program.ts', import.meta.url), 'utf8'))
  const call = `process.stdout.write(workerProgram(new URL('./x-worker.ts', import.meta.url)).href)`
  writeFileSync(join(at, 'bundle.mjs'), `${code}\n${call}\n`)
  return execFileSync(process.execPath, [join(at, 'bundle.mjs')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

it('is the source, where that is', () => {
  const at = folder()
  for (const name of ['x-worker.ts', 'x-worker.js']) writeFileSync(join(at, name), '')
  expect(fileURLToPath(foundFrom(at))).toBe(join(at, 'x-worker.ts'))
})

it('is the file beside the code, in a build', () => {
  const at = folder()
  writeFileSync(join(at, 'x-worker.js'), '')
  expect(fileURLToPath(foundFrom(at))).toBe(join(at, 'x-worker.js'))
})

it('is that of the installed package, in the bundle of another one', () => {
  const at = folder()
  const installed = join(at, 'node_modules/@beamclaw/tools')
  mkdirSync(join(installed, 'dist'), { recursive: true })
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ name: '@beamclaw/tools', type: 'module', exports: './dist/index.js' }))
  for (const name of ['index.js', 'x-worker.js']) writeFileSync(join(installed, 'dist', name), '')
  expect(foundFrom(at)).toBe(pathToFileURL(join(installed, 'dist/x-worker.js')).href)
})

it('throws where the package is not installed', () => {
  expect(() => foundFrom(folder())).toThrow()
})
