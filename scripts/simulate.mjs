// Simulated lives, one for each seed, from source. Of BeamClaw as a whole, or of actor trees alone:
// `npm run simulate -- [sessions] --seeds 1000 [--seed 1] [--steps 80] [--without kill-branch,abort]`
// `npm run simulate -- actors --seeds 20000 [--seed 1] [--steps 60]`
// `npm run simulate -- cluster --seeds 1000 [--seed 1] [--nodes 3] [--steps 120] [--without freeze,store-outage]`
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureInstalled, fail, root, run } from './lib/workspace.mjs'

// The workspace's own Node, which runs TypeScript, starts this file again to do the work.
if (process.env.BEAMCLAW_SIMULATE !== '1') {
  ensureInstalled()
  const nodeArgs = ['--conditions=beamclaw:source', '--disable-warning=ExperimentalWarning', join(root, 'scripts', 'simulate.mjs')]
  run('node', [...nodeArgs, ...process.argv.slice(2)], { env: { BEAMCLAW_SIMULATE: '1' } })
  process.exit(0)
}

if (process.argv[2] === 'gateway') process.exit(await (await import('./simulate/gateway/main.ts')).main(process.argv.slice(3)))
if (process.argv[2] === 'conversations') process.exit(await (await import('./simulate/conversations/main.ts')).main(process.argv.slice(3)))
if (process.argv[2] === 'content') {
  await (await import('./lib/simulate-content.mjs')).runContentSimulation(process.argv.slice(3))
  process.exit(0)
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string' },
    without: { type: 'string' },
    nodes: { type: 'string' },
  },
})
const what = positionals[0] ?? 'sessions'
if (!['sessions', 'actors', 'cluster'].includes(what) || positionals.length > 1)
  fail(`there is no simulation "${positionals.join(' ')}"; known are sessions, actors, cluster, content, conversations and gateway`)
if (what === 'actors' && values.without !== undefined) fail('--without is for sessions and cluster')
if (what !== 'cluster' && values.nodes !== undefined) fail('--nodes is for cluster')
const first = wholeNumber('seed', values.seed ?? '1')
const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '500' : '1'))
const steps = values.steps === undefined ? {} : { steps: wholeNumber('steps', values.steps) }
const nodes = values.nodes === undefined ? {} : { nodes: wholeNumber('nodes', values.nodes) }
const without = values.without?.split(',') ?? []

const simulateOne = await simulationOf(what)
const startedAt = performance.now()
const failed = []
const total = {}
for (let done = 1; done <= count; done++) {
  const seed = first + done - 1
  try {
    const report = await simulateOne(seed)
    for (const [name, value] of Object.entries(report))
      if (name !== 'seed' && typeof value === 'number') total[name] = (total[name] ?? 0) + value
    if (count === 1) console.log(report.trace.join('\n'))
  } catch (error) {
    failed.push(seed)
    if (count === 1 && error.trace !== undefined) console.error(error.trace.join('\n'))
    console.error(`\n${error.name === 'SimulationFailure' ? error.message : error.stack}\n`)
    console.error(`Repeat it with: npm run simulate -- ${what} --seed ${seed}`)
  }
  if (done % 500 === 0 || done === count) {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const sums = Object.entries(total).map(([name, value]) => `${value} ${name}, `)
    console.log(`${done} of ${count} seeds, ${failed.length} failed, ${sums.join('')}${seconds} s`)
  }
}
if (failed.length > 0) fail(`these seeds failed: ${failed.slice(0, 50).join(', ')}`)

async function simulationOf(name) {
  if (name === 'sessions') {
    const { simulate } = await import('../packages/testkit/src/simulator/simulate.ts')
    return (seed) => simulate({ seed, ...steps, without })
  }
  if (name === 'cluster') {
    const { simulateCluster } = await import('../packages/testkit/src/simulator/cluster/simulate-cluster.ts')
    return (seed) => simulateCluster({ seed, ...nodes, ...steps, without })
  }
  const { simulateActors } = await import('../packages/testkit/src/simulator/actors/simulate-actors.ts')
  return (seed) => simulateActors({ seed, ...steps })
}

function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number, received "${text}"`)
}
