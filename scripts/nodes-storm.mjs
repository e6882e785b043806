// Many nodes over a Redis while things happen to them at random: `npm run faults -- random [--seconds 60] [--sessions 60] [--seed 7]`.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { fail, run } from './lib/workspace.mjs'

// The workspace's own Node, which runs TypeScript, starts this file again to do the work.
if (process.env.BEAMCLAW_NODES_STORM !== '1') {
  const nodeArgs = ['--conditions=beamclaw:source', '--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url)]
  run('node', [...nodeArgs, ...process.argv.slice(2)], { env: { BEAMCLAW_NODES_STORM: '1' } })
  process.exit(0)
}

const { values } = parseArgs({ options: { seconds: { type: 'string' }, sessions: { type: 'string' }, seed: { type: 'string' } } })
const seconds = wholeNumber('seconds', values.seconds ?? '60')
const sessions = wholeNumber('sessions', values.sessions ?? '60')
const seed = wholeNumber('seed', values.seed ?? String((Date.now() % 1_000_000) + 1))

const { nodesStorm } = await import('../tests/system/nodes-storm/nodes-storm.ts')
console.log(`random faults: ${sessions} sessions for ${seconds} seconds, seed ${seed}`)
const { faults, runs, lost, doubled, gaps, innocentPoison, answerMs, problems } = await nodesStorm({
  seconds,
  sessions,
  seed,
  report: (line) => console.log(line),
})
console.table(faults)
console.table({ 'runs checked': runs, lost, doubled, gaps, 'innocent poison': innocentPoison })
console.log(`answers: p50 ${answerMs.p50} ms, p99 ${answerMs.p99} ms, longest ${answerMs.longest} ms, faults included`)
for (const problem of problems.slice(0, 50)) console.error(problem)
if (problems.length > 0) fail(`${problems.length} problems`)
console.log('all promises kept')
// Clients that were cut off may still wait for an answer.
process.exit(0)

function wholeNumber(name, text) {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number from 1, received "${text}"`, 2)
}
