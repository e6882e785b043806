// Simulated lives of BeamClaw, one for each seed, from source: `npm run simulate -- --seeds 1000 [--seed 1] [--steps 80] [--without kill-branch,abort]`.
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

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, steps: { type: 'string' }, without: { type: 'string' } },
})
const first = wholeNumber('seed', values.seed ?? '1')
const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '500' : '1'))
const steps = values.steps === undefined ? {} : { steps: wholeNumber('steps', values.steps) }
const without = values.without?.split(',') ?? []

const { simulate } = await import('../packages/testkit/src/simulator/simulate.ts')
const startedAt = performance.now()
const failed = []
const total = { crashes: 0, messages: 0, records: 0 }
for (let done = 1; done <= count; done++) {
  const seed = first + done - 1
  try {
    const report = await simulate({ seed, ...steps, without })
    for (const name of Object.keys(total)) total[name] += report[name]
    if (count === 1) console.log(report.trace.join('\n'))
  } catch (error) {
    failed.push(seed)
    if (count === 1 && error.trace !== undefined) console.error(error.trace.join('\n'))
    console.error(`\n${error.name === 'SimulationFailure' ? error.message : error.stack}\n`)
    console.error(`Repeat it with: npm run simulate -- --seed ${seed}`)
  }
  if (done % 500 === 0 || done === count) {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`${done} of ${count} seeds, ${failed.length} failed, ${total.crashes} crashes, ${total.records} records, ${seconds} s`)
  }
}
if (failed.length > 0) fail(`these seeds failed: ${failed.slice(0, 50).join(', ')}`)

function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number, received "${text}"`)
}
