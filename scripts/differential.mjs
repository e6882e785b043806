// Random scripts on OTP's supervisors and on ours: `npm run differential -- --seeds 1000 [--seed 1] [--record FILE]`. Needs Erlang (Debian: erlang-base).
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureInstalled, fail, root, run } from './lib/workspace.mjs'

// The workspace's own Node, which runs TypeScript, starts this file again to do the work.
if (process.env.BEAMCLAW_DIFFERENTIAL !== '1') {
  ensureInstalled()
  const nodeArgs = ['--conditions=beamclaw:source', '--disable-warning=ExperimentalWarning', join(root, 'scripts', 'differential.mjs')]
  run('node', [...nodeArgs, ...process.argv.slice(2)], { env: { BEAMCLAW_DIFFERENTIAL: '1' } })
  process.exit(0)
}

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' }, record: { type: 'string' } } })
const first = wholeNumber('seed', values.seed ?? '1')
const count = wholeNumber('seeds', values.seeds ?? (values.seed === undefined ? '500' : '1'))

const { compareSeeds, hasErlang, recordSeeds } = await import('./differential/differential.ts')
if (!hasErlang()) fail('Erlang is not installed. On Debian: apt-get install -y --no-install-recommends erlang-base')

const seeds = Array.from({ length: count }, (_, index) => first + index)
if (values.record !== undefined) {
  writeFileSync(values.record, recordSeeds(seeds))
  process.exit(0)
}
const failed = []
const atOnce = 200
for (let done = 0; done < count; done += atOnce) {
  const differences = await compareSeeds(seeds.slice(done, done + atOnce))
  for (const [name, difference] of differences) {
    failed.push(name)
    if (failed.length <= 5) console.error(`\n${difference}\nRepeat it with: npm run differential -- --seed ${name.split('/')[1]}`)
  }
  console.log(`${Math.min(count, done + atOnce)} of ${count} scripts, ${failed.length} differ`)
}
if (failed.length > 0) fail(`these scripts differ: ${failed.slice(0, 50).join(', ')}`)

function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number, received "${text}"`)
}
