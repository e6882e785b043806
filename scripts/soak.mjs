// Row F50 of docs/faults.md: `npm run soak -- [--minutes 30] [--sessions 1000] [--seed 7]`, or `npm run faults -- F50`.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureInstalled, fail, root, run } from './lib/workspace.mjs'

// The workspace's own Node, which runs TypeScript, starts this file again to do the work.
if (process.env.BEAMCLAW_SOAK !== '1') {
  ensureInstalled()
  const nodeArgs = ['--conditions=beamclaw:source', '--disable-warning=ExperimentalWarning', join(root, 'scripts', 'soak.mjs')]
  run('node', [...nodeArgs, ...process.argv.slice(2)], { env: { BEAMCLAW_SOAK: '1' } })
  process.exit(0)
}

const { values } = parseArgs({ options: { minutes: { type: 'string' }, sessions: { type: 'string' }, seed: { type: 'string' } } })
const minutes = wholeNumber('minutes', values.minutes ?? '30')
const sessions = wholeNumber('sessions', values.sessions ?? '1000')
const seed = wholeNumber('seed', values.seed ?? String(Date.now() % 1_000_000))

const { soak } = await import('../tests/system/soak/soak.ts')
console.log(`soak: ${sessions} sessions for ${minutes} minutes, seed ${seed}`)
const problems = await soak({ minutes, sessions, seed, report: (line) => console.log(line) })
for (const problem of problems.slice(0, 50)) console.error(problem)
if (problems.length > 0) fail(`${problems.length} problems`)
console.log('all promises kept')

function wholeNumber(name, text) {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number from 1, received "${text}"`, 2)
}
