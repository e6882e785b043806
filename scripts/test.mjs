// Everything that must hold before a change lands, cheapest first.
import { ensureSystemPackages } from './lib/system-packages.mjs'
import { ensureBuilt, ensureInstalled, run } from './lib/workspace.mjs'

ensureInstalled()
ensureSystemPackages()
ensureBuilt()
const only = process.argv.slice(2)
if (only.length > 0) {
  run('vitest', ['run', ...only])
} else {
  run('biome', ['check', '.'])
  run('node', ['scripts/typecheck.mjs'])
  run('vitest', ['run'])
}
