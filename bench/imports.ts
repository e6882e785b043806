/** What a host waits for when it imports an entry, beyond importing a module that is empty. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Bench, median, type Result } from './lib/result.ts'

const rounds = 15

interface Manifest {
  readonly publishConfig: { readonly exports: Readonly<Record<string, { readonly default: string }>> }
}

/** The entries of which a time is asked, each with the milliseconds that it may take. */
const entries: readonly { readonly folder: string; readonly entry: string; readonly atMost?: number }[] = [
  { folder: 'actor', entry: '.', atMost: 15 },
  { folder: 'core', entry: '.', atMost: 15 },
  { folder: 'core', entry: './actor', atMost: 15 },
  { folder: 'providers', entry: './openai', atMost: 80 },
  { folder: 'providers', entry: './anthropic', atMost: 80 },
  { folder: 'providers', entry: './openai-responses', atMost: 80 },
  { folder: 'providers', entry: './demo' },
  { folder: 'store-fs', entry: '.' },
  { folder: 'gateway-ws', entry: '.' },
  { folder: 'cli', entry: '.' },
]

/** Milliseconds that a fresh process takes to import the module at `url`. */
function importMs(url: string): number {
  const code = `const startedAt = performance.now(); await import('${url}'); console.log(performance.now() - startedAt)`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`a process failed: ${stderr}`)
  return Number(stdout)
}

/** The address of the built file of an entry. */
function urlOf(folder: string, entry: string): string {
  const home = new URL(`../packages/${folder}/`, import.meta.url)
  const { publishConfig } = JSON.parse(readFileSync(new URL('package.json', home), 'utf8')) as Manifest
  const { default: file } = publishConfig.exports[entry] ?? { default: `no-entry/${entry}` }
  return new URL(file, home).href
}

export const imports: Bench = {
  name: 'imports',
  async run() {
    const cases = entries.map((one) => ({ ...one, url: urlOf(one.folder, one.entry), beyondMs: [] as number[] }))
    for (const { url } of cases) importMs(url)
    for (let round = 0; round < rounds; round++) {
      for (const { url, beyondMs } of cases) {
        // In pairs, so that a slow moment of the machine meets both.
        const emptyMs = importMs('data:text/javascript,')
        beyondMs.push(importMs(url) - emptyMs)
      }
    }
    return cases.map(({ folder, entry, atMost, beyondMs }): Result => {
      const value = median(beyondMs)
      const metric = `import of packages/${folder}${entry.slice(1)}`
      return { bench: 'imports', metric, value, unit: 'ms', score: value, ...(atMost === undefined ? {} : { target: { atMost } }) }
    })
  },
}
