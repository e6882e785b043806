// How long `import '@beamclaw/core'` takes in a fresh process, beyond starting Node. Prints one line of JSON; exits 1 over the limit.
import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'

const rounds = 15
const limitMs = 40
const entry = pathToFileURL(fileURLToPath(new URL('../packages/core/dist/index.js', import.meta.url))).href

const empty = []
const loaded = []
run(`import '${entry}'`)
// Taken in turns, so that a slow moment of the machine meets both.
for (let index = 0; index < rounds; index++) {
  empty.push(run(''))
  loaded.push(run(`import '${entry}'`))
}
const baselineMs = median(empty)
const importMs = round(median(loaded) - baselineMs)
console.log(JSON.stringify({ name: 'import-time', package: '@beamclaw/core', importMs, baselineMs: round(baselineMs), limitMs, rounds }))
if (importMs > limitMs) process.exitCode = 1

function run(code) {
  const startedAt = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`cannot import ${entry}: ${stderr}`)
  return performance.now() - startedAt
}

function median(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]
}

function round(ms) {
  return Math.round(ms * 10) / 10
}
