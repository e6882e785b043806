// The conformance suite of the protocol, client side: every scenario is passed, or is one of what is not claimed.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const require = createRequire(import.meta.url)
const suite = join(dirname(require.resolve('@modelcontextprotocol/conformance/package.json')), 'dist/index.js')
const client = fileURLToPath(new URL('./testing/conformance-client.ts', import.meta.url))
const results = mkdtempSync(join(tmpdir(), 'conformance-'))
afterAll(() => rmSync(results, { recursive: true, force: true }))

const claimed = [
  ['initialize', '2025-11-25'],
  ['tools_call', '2025-11-25'],
  ['tools_call', '2026-07-28'],
  ['sse-retry', '2025-11-25'],
  ['request-metadata', '2026-07-28'],
  ['http-standard-headers', '2026-07-28'],
  ['http-custom-headers', '2026-07-28'],
  ['http-invalid-tool-headers', '2026-07-28'],
  ['json-schema-ref-no-deref', '2026-07-28'],
  ['json-schema-2020-12-preservation', '2025-11-25'],
  ['json-schema-2020-12-preservation', '2026-07-28'],
] as const

const notClaimed = [
  { scenarios: /^auth\//, why: 'there is no OAuth: a server gets fixed headers' },
  { scenarios: /^elicitation-/, why: 'servers may not ask people' },
  { scenarios: /^sep-2322-/, why: 'its rounds are answers to what servers ask people' },
  { scenarios: /^sep-2640-/, why: 'skills of servers are an extension' },
] as const

function run(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [suite, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, output: `${stdout}\n${stderr}` }),
    )
  })
}

test.each(claimed)('%s of %s', async (scenario, revision) => {
  const command = `${process.execPath} --conditions=beamclaw:source ${client}`
  const { code, output } = await run('client', '--command', command, '--scenario', scenario, '--spec-version', revision, '-o', results)
  expect(output).toContain('OVERALL: PASSED')
  expect(code).toBe(0)
})

test('no scenario is left out without a reason', async () => {
  const { output } = await run('list', '--client')
  const names = [...output.matchAll(/^ {2}- (\S+)/gm)].map(([, name = '']) => name)
  expect(names.length).toBeGreaterThan(20)
  const known = (name: string): boolean =>
    claimed.some(([scenario]) => scenario === name) || notClaimed.some(({ scenarios }) => scenarios.test(name))
  expect(names.filter((name) => !known(name))).toEqual([])
})
