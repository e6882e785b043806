// Row F42 of docs/faults.md: `npm run faults -- F42 [--clients 5000] [--nodes 3]`. With several nodes over one Redis, one of them is killed.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fail, run } from './lib/workspace.mjs'

// The workspace's own Node, which runs TypeScript, starts this file again to do the work.
if (process.env.BEAMCLAW_STORM !== '1') {
  const nodeArgs = ['--conditions=beamclaw:source', '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)]
  run('node', [...nodeArgs, ...process.argv.slice(2)], { env: { BEAMCLAW_STORM: '1' } })
  process.exit(0)
}

const { values } = parseArgs({ options: { clients: { type: 'string', default: '5000' }, nodes: { type: 'string', default: '1' } } })
if (!/^[1-9]\d{0,4}$/.test(values.clients)) fail(`--clients must be a whole number from 1 to 99999, received "${values.clients}"`, 2)
if (!/^[1-9]$/.test(values.nodes)) fail(`--nodes must be a whole number from 1 to 9, received "${values.nodes}"`, 2)

const [clients, nodes] = [Number(values.clients), Number(values.nodes)]
const report = (line) => console.log(line)
console.log(`storm: ${clients} clients, ${nodes === 1 ? 'one gateway' : `${nodes} gateways over one Redis`}`)
const problems = await stormOf()
for (const problem of problems.slice(0, 50)) console.error(problem)
if (problems.length > 0) fail(`${problems.length} problems`)
console.log('all promises kept')

async function stormOf() {
  if (nodes === 1) return (await import('../tests/system/storm/storm.ts')).storm({ clients, report })
  return (await import('../tests/system/storm/storm-over-nodes.ts')).stormOverNodes({ clients, nodes, report })
}
