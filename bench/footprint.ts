/** The size of the primitives in a bundle. `npm run packages` asserts the size of an installation, `imports.ts` measures the time to import. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Bench } from './lib/result.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Kilobytes of the package of actors, bundled, minified and compressed. */
function bundleKilobytes(): number {
  const { stdout } = spawnSync('size-limit', ['--json'], { cwd: root, encoding: 'utf8' })
  const [{ size } = { size: Number.NaN }] = JSON.parse(stdout) as { readonly size: number }[]
  return size / 1_000
}

export const footprint: Bench = {
  name: 'footprint',
  async run() {
    const value = bundleKilobytes()
    const metric = 'actor, bundled and gzipped'
    return [{ bench: 'footprint', metric, value, unit: 'kB', score: value, target: { atMost: 30 } }]
  },
}
