/** What a host waits for when it imports an entry, beyond starting Node. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Bench, median, type Result } from './lib/result.ts'

const rounds = 15

interface Manifest {
  readonly publishConfig: { readonly exports: Readonly<Record<string, { readonly default: string }>> }
}

/** The entries of which a time is asked, each with the milliseconds that it may take. */
const entries: readonly { readonly folder: string; readonly entry: string; readonly atMost?: number }[] = [
  { folder: 'core', entry: '.', atMost: 15 },
  { folder: 'core', entry: './actor', atMost: 15 },
  { folder: 'providers', entry: './openai', atMost: 80 },
  { folder: 'providers', entry: './anthropic', atMost: 80 },
  { folder: 'providers', entry: './demo' },
  { folder: 'store-fs', entry: '.' },
  { folder: 'gateway-ws', entry: '.' },
  { folder: 'cli', entry: '.' },
]

/** Milliseconds of a fresh process that runs `code`. */
function processMs(code: string): number {
  const startedAt = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`a process failed: ${stderr}`)
  return performance.now() - startedAt
}

/** The statement that loads the built file of an entry. */
function importOf(folder: string, entry: string): string {
  const home = new URL(`../packages/${folder}/`, import.meta.url)
  const { publishConfig } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8')) as Manifest
  const { default: file } = publishConfig.exports[entry] ?? { default: `no-entry/${entry}` }
  return `import '${pathToFileURL(fileURLToPath(new URL(file, home))).href}'`
}

export const imports: Bench = {
  name: 'imports',
  async run() {
    const cases = entries.map((one) => ({ ...one, code: importOf(one.folder, one.entry), beyondMs: [] as number[] }))
    for (const { code } of cases) processMs(code)
    for (let round = 0; round < rounds; round++) {
      for (const { code, beyondMs } of cases) {
        // In pairs, so that a slow moment of the machine meets both.
        const emptyMs = processMs('')
        beyondMs.push(processMs(code) - emptyMs)
      }
    }
    return cases.map(({ folder, entry, atMost, beyondMs }): Result => {
      const value = median(beyondMs)
      const metric = `import of packages/${folder}${entry.slice(1)}`
      return { bench: 'imports', metric, value, unit: 'ms', score: value, ...(atMost === undefined ? {} : { target: { atMost } }) }
    })
  },
}
