/** The cost of core for a host: bytes over the wire, and time to import. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Bench, median, type Result } from './lib/result.ts'

const rounds = 15
const root = fileURLToPath(new URL('..', import.meta.url))
const entry = pathToFileURL(fileURLToPath(new URL('../packages/core/dist/index.js', import.meta.url))).href

/** Milliseconds of a fresh process that runs `code`. */
function processMs(code: string): number {
  const startedAt = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`a process failed: ${stderr}`)
  return performance.now() - startedAt
}

/** Kilobytes of core, bundled, minified and compressed, without zod. */
function bundleKilobytes(): number {
  const { stdout } = spawnSync('size-limit', ['--json'], { cwd: root, encoding: 'utf8' })
  const [{ size } = { size: Number.NaN }] = JSON.parse(stdout) as { readonly size: number }[]
  return size / 1_000
}

export const footprint: Bench = {
  name: 'footprint',
  async run() {
    const empty: number[] = []
    const loaded: number[] = []
    processMs(`import '${entry}'`)
    // Taken in turns, so that a slow moment of the machine meets both.
    for (let round = 0; round < rounds; round++) {
      empty.push(processMs(''))
      loaded.push(processMs(`import '${entry}'`))
    }
    const importMs = median(loaded) - median(empty)
    const kilobytes = bundleKilobytes()
    const results: Result[] = [
      {
        bench: 'footprint',
        metric: 'import of core, beyond starting Node',
        value: importMs,
        unit: 'ms',
        score: importMs,
        target: { atMost: 40 },
      },
      {
        bench: 'footprint',
        metric: 'core, bundled and gzipped, without zod',
        value: kilobytes,
        unit: 'kB',
        score: kilobytes,
        target: { atMost: 30 },
      },
    ]
    return results
  },
}
