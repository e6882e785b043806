// Named steps with their time, and the tests they counted. Whatever happens, the last line says `N passed, N failed`.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, fail, root, stateFolder } from './workspace.mjs'

const vitestFile = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const counted = { passed: 0, failed: 0 }
const times = []
let running

// A signal would otherwise end the process without its last line.
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))
process.on('exit', (code) => {
  if (running) times.push(`${running.name} ${seconds(running.startedAt)} (failed)`)
  if (times.length > 0) console.log(`\n${times.join(' · ')}`)
  // A step without tests that failed is one failure: a red run never ends with `0 failed`.
  if (code !== 0 && counted.failed === 0) counted.failed = 1
  console.log(`\n${counted.passed} passed, ${counted.failed} failed`)
})

/** Does one part of the work under a heading; a part that fails ends the process, and so the run. */
export async function step(name, work) {
  running = { name, startedAt: performance.now() }
  console.log(`\n── ${name}`)
  await work()
  times.push(`${name} ${seconds(running.startedAt)}`)
  console.log(`── ${name}: ${seconds(running.startedAt)}`)
  running = undefined
}

/** Runs tests by vitest in the given runtime, adds up what it counted, and ends the process when it failed. */
export function runVitest(name, args, { command = 'node', commandArgs = [], env = {} } = {}) {
  const folder = join(stateFolder, 'results')
  const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.json`)
  mkdirSync(folder, { recursive: true })
  rmSync(file, { force: true })
  const status = attempt(command, [...commandArgs, vitestFile, 'run', ...args, '--reporter=json', `--outputFile.json=${file}`], { env })
  count(file)
  if (status !== 0) fail(`tests failed (${name})`, status)
}

function count(file) {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return // Vitest ended before it could write: its exit code says so.
  }
  counted.passed += report.numPassedTests
  counted.failed += report.numFailedTests
  // A file that could not even be loaded has no tests to fail.
  counted.failed += report.testResults.filter((result) => result.status === 'failed' && result.assertionResults.length === 0).length
}

function seconds(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`
}
