// Everything that must hold before a change lands, cheapest first. With file names: only the tests in those files.
import { runVitest, step } from './lib/steps.mjs'
import { ensureSystemPackages } from './lib/system-packages.mjs'
import { ensureBuilt, ensureInstalled, run } from './lib/workspace.mjs'
import { runMatrix } from './matrix.mjs'

const only = process.argv.slice(2)

await step('install', ensureInstalled)
await step('system packages', ensureSystemPackages)
await step('build', ensureBuilt)
if (only.length > 0) {
  await step('tests', () => runVitest('main', ['--reporter=default', ...only]))
} else {
  await step('lint', () => run('biome', ['check', '.']))
  await step('package boundaries', () => run('turbo', ['boundaries']))
  await step('types', () => run('tsc', ['-p', 'scripts/tsconfig.json']))
  await step('unused code', () => run('knip', []))
  await step('tests', () => runVitest('main', ['--reporter=default']))
  await step('packages', () => run('node', ['scripts/check-packages.mjs']))
  await step('size', () => run('size-limit', []))
  await step('other runtimes', runMatrix)
}
