/** Runs the named benchmarks, or all; prints a table and writes one file for each to `bench/results/`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { actors } from './actors.ts'
import { atRest } from './at-rest.ts'
import { cluster } from './cluster.ts'
import { exec } from './exec.ts'
import { footprint } from './footprint.ts'
import { gateway } from './gateway.ts'
import { imports } from './imports.ts'
import { type Bench, isMet, toTable } from './lib/result.ts'
import { processesBench } from './processes.ts'
import { redis } from './redis.ts'
import { runs } from './runs.ts'
import { sessions } from './sessions.ts'
import { start } from './start.ts'
import { store } from './store.ts'
import { streams } from './streams.ts'
import { tools } from './tools.ts'
import { workers } from './workers.ts'

const benches: readonly Bench[] = [
  footprint,
  imports,
  actors,
  runs,
  streams,
  sessions,
  atRest,
  store,
  redis,
  cluster,
  workers,
  gateway,
  exec,
  processesBench,
  tools,
  start,
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name))
if (unknown.length > 0) {
  console.error(`There is no benchmark called ${unknown.join(', ')}; known are ${benches.map((bench) => bench.name).join(', ')}`)
  process.exit(2)
}

const folder = new URL('./results/', import.meta.url)
mkdirSync(folder, { recursive: true })
const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  node: process.versions.node,
  platform: process.platform,
}
let missed = 0
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue
  console.error(`running ${bench.name} …`)
  const results = await bench.run()
  console.log(`\n${bench.name} (${machine.cores} cores, Node ${machine.node})\n\n${toTable(results)}\n`)
  writeFileSync(
    new URL(`${bench.name}.json`, folder),
    `${JSON.stringify({ bench: bench.name, at: new Date().toISOString(), machine, results }, null, 2)}\n`,
  )
  missed += results.filter((result) => isMet(result) === false).length
}
if (missed > 0) console.log(`${missed} target${missed === 1 ? '' : 's'} missed`)
