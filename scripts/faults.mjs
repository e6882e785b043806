// The drills of docs/faults.md, by row: `npm run faults -- F09 --times 200 [--seed 7]`, `npm run faults -- F11`; without a name, all but
// the long ones, which are the storm, `npm run faults -- F42 [--clients 5000] [--nodes 3]`, nodes over a Redis to which things happen at random,
// `npm run faults -- random [--seconds 60] [--sessions 60] [--seed 7]`, and the soak, `npm run faults -- F50 [--minutes 30] [--sessions 1000] [--seed 7]`.
// A table at the end says what became of each row.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { catalogue } from './faults/catalogue.mjs'
import { runVitest, step } from './lib/steps.mjs'
import { ensureSystemPackages } from './lib/system-packages.mjs'
import { ensureInstalled, fail, root, run } from './lib/workspace.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    ['times', 'seed', 'minutes', 'seconds', 'sessions', 'clients', 'nodes'].map((name) => [name, { type: 'string' }]),
  ),
})
const names = positionals.length === 0 ? Object.keys(catalogue).filter((name) => catalogue[name].script === undefined) : positionals
for (const name of names)
  if (!Object.hasOwn(catalogue, name)) fail(`there is no drill "${name}"; known are ${Object.keys(catalogue).join(', ')}`, 2)
const times = wholeNumber('times', values.times)
const seed = wholeNumber('seed', values.seed)

const rows = Object.fromEntries(names.map((name) => [name, { outcome: 'not run', seconds: undefined }]))
// Before the last line, which is that of the steps.
process.prependListener('exit', () => console.table(rows))

await step('install', ensureInstalled)
await step('system packages', ensureSystemPackages)
for (const name of names) {
  const startedAt = performance.now()
  rows[name].outcome = 'failed'
  await drill(name)
  rows[name] = { outcome: 'kept', seconds: Math.round((performance.now() - startedAt) / 100) / 10 }
}

/** Carries out one row. Ends the process when a promise is broken. */
async function drill(name) {
  const { files, pattern, script, options } = catalogue[name]
  if (script !== undefined) return step(name, () => run('node', [join(root, script), ...given(options)]))
  // Also the variations that are left out of `npm test`.
  const env = {
    FAULT_ALL: '1',
    ...(times === undefined ? {} : { FAULT_TIMES: times }),
    ...(seed === undefined ? {} : { FAULT_SEED: seed }),
  }
  const only = pattern === undefined ? [] : ['-t', pattern]
  await step(name, () => runVitest(`faults ${name}`, ['--reporter=default', ...files, ...only], { env }))
}

/** Returns the options that are not undefined. */
function given(options) {
  return options.flatMap((option) => {
    const value = wholeNumber(option, values[option])
    return value === undefined ? [] : [`--${option}`, value]
  })
}

function wholeNumber(option, text) {
  if (text === undefined || /^[1-9]\d{0,8}$/.test(text)) return text
  fail(`--${option} must be a whole number from 1`, 2)
}
