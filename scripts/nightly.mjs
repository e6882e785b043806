// Every machine that looks for mistakes, in turns, with fresh seeds: `npm run nightly -- --minutes 60 [--seed 1] [--only actors,gateway]`.
// Prints the command that repeats a failure, and ends with 1 when there was one.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureInstalled, fail, root, toolEnvironment } from './lib/workspace.mjs'

// `seeds`: about ten seconds of work, so that each machine has its turn in a short night, too.
const machines = [
  { name: 'sessions', script: 'simulate', words: [], seeds: 500 },
  { name: 'cluster', script: 'simulate', words: ['cluster'], seeds: 100 },
  { name: 'actors', script: 'simulate', words: ['actors'], seeds: 500 },
  { name: 'content', script: 'simulate', words: ['content'], seeds: 100 },
  { name: 'conversations', script: 'simulate', words: ['conversations'], seeds: 100 },
  { name: 'gateway', script: 'simulate', words: ['gateway'], seeds: 20 },
  { name: 'differential', script: 'differential', words: [], seeds: 400, needs: 'escript' },
]

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } } })
const minutes = positive('minutes', values.minutes ?? '60')
let seed = positive('seed', values.seed ?? String(1 + (Date.now() % 900_000_000)))
const chosen = values.only === undefined ? machines : values.only.split(',').map((name) => machineNamed(name))

ensureInstalled()
const startedAt = performance.now()
const failures = []
const done = new Map()
console.log(`Fresh seeds from ${seed} on, for ${minutes} minutes.`)
while (performance.now() - startedAt < minutes * 60_000) {
  for (const machine of chosen) {
    if (machine.needs !== undefined && spawnSync(machine.needs, [], { stdio: 'ignore' }).error) {
      if (!done.has(machine.name)) console.log(`${machine.name}: left out, "${machine.needs}" is not installed`)
      done.set(machine.name, 0)
      continue
    }
    runOnce(machine)
    seed += machine.seeds
    if (performance.now() - startedAt >= minutes * 60_000) break
  }
}
for (const [name, seeds] of done) console.log(`${name}: ${seeds} seeds`)
if (failures.length > 0) fail(`failed:\n${failures.join('\n')}`)
console.log('Nothing failed.')

function runOnce({ name, script, words, seeds }) {
  const args = [...words, '--seed', String(seed), '--seeds', String(seeds)]
  const result = spawnSync('node', [join(root, 'scripts', `${script}.mjs`), ...args], {
    encoding: 'utf8',
    env: toolEnvironment(),
    // A machine that hangs is a finding, too.
    timeout: 15 * 60_000,
  })
  done.set(name, (done.get(name) ?? 0) + seeds)
  if (result.status === 0) return
  const command = `npm run ${script} -- ${args.join(' ')}`
  failures.push(`  ${command}`)
  console.error(`\n── ${name} failed: ${command}\n${(result.stdout + result.stderr).slice(-6_000)}`)
}

function machineNamed(name) {
  const machine = machines.find((one) => one.name === name)
  return machine ?? fail(`--only takes ${machines.map((one) => one.name).join(', ')}, received "${name}"`)
}

function positive(name, text) {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  return fail(`--${name} must be a whole number from 1, received "${text}"`)
}
