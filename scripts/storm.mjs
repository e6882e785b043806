// Row F42 of docs/faults.md: `npm run faults -- F42 [--clients 5000]`.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fail, run } from './lib/workspace.mjs'

// The workspace's own Node, which runs TypeScript, starts this file again to do the work.
if (process.env.BEAMCLAW_STORM !== '1') {
  const nodeArgs = ['--conditions=beamclaw:source', '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)]
  run('node', [...nodeArgs, ...process.argv.slice(2)], { env: { BEAMCLAW_STORM: '1' } })
  process.exit(0)
}

const { values } = parseArgs({ options: { clients: { type: 'string', default: '5000' } } })
if (!/^[1-9]\d{0,4}$/.test(values.clients)) fail(`--clients must be a whole number from 1 to 99999, received "${values.clients}"`, 2)

const { storm } = await import('../tests/system/storm/storm.ts')
console.log(`storm: ${values.clients} clients`)
const problems = await storm({ clients: Number(values.clients), report: (line) => console.log(line) })
for (const problem of problems.slice(0, 50)) console.error(problem)
if (problems.length > 0) fail(`${problems.length} problems`)
console.log('all promises kept')
