/** What many background processes leave behind, and what one that prints without end costs the conversations beside it. */
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, type ProcessOwner, ProcessTable, type Provider, type RunningBeamClaw, silentLogger, zeroUsage } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { LocalSandbox } from '@beamclaw/tools'
import type { Bench, Result } from './lib/result.ts'

const processes = 10_000
const atOnce = 20
const together = 200
const sessionKey = 'agent:main:bench'
const owner = { sessionKey, agentId: 'main', runId: 'run', callKey: 'run:1:0' } as ProcessOwner
const gigabyte = 1_000_000_000

export const processesBench: Bench = {
  name: 'processes',
  async run() {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'beamclaw-processes-')))
    try {
      return await measure(folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

const provider: Provider = {
  async *doStream() {
    yield { type: 'text-delta', text: 'fine' }
    yield { type: 'finish', reason: 'stop', usage: zeroUsage }
  },
}

async function measure(workspace: string): Promise<readonly Result[]> {
  const sandbox = new LocalSandbox()
  const table = new ProcessTable({ sandboxes: [sandbox], maxPerSession: together, maxPerTenant: together })
  await using claw = await new BeamClaw({
    providers: { local: provider },
    agents: [{ id: 'main', model: 'local/x' }],
    store: new FsStore({ path: join(workspace, 'data') }),
    parts: [table],
    services: { logger: silentLogger },
  }).start()
  await claw.session(sessionKey).send('hello').result()
  const run = async (...argv: [string, ...string[]]): Promise<void> => {
    const { id } = await table.of().start(await sandbox.prepare({ argv, workspace }), owner, { notify: false })
    await table.of().poll(id, { until: 'end', waitMs: 60_000, from: 0 })
  }
  // What is kept of ended ones fills up first.
  await workers(atOnce, 1_000, () => run('true'))
  const before = standing()
  const startedAt = performance.now()
  await workers(atOnce, processes, () => run('true'))
  const each = (performance.now() - startedAt) / processes
  const after = standing()
  // A collection that was asked for throws compiled code away, and the first uses after it are slow.
  await workers(atOnce, 200, () => run('true'))
  const crowd = await responsiveness(claw, () => workers(together, together, () => run('sleep', '1')))
  const flood = await responsiveness(claw, () => run('head', '-c', String(gigabyte), '/dev/zero'))
  const end = standing()
  const row = (metric: string, value: number, unit: string, atMost?: number): Result => ({
    ...{ bench: 'processes', metric, value, unit, score: value },
    ...(atMost === undefined ? {} : { target: { atMost } }),
  })
  return [
    row(`one of ${processes}, ${atOnce} at once`, each, 'ms'),
    row(`memory that ${processes} leave`, (after.rss - before.rss) / 1e6, 'MB', 20),
    row(`descriptors that ${processes} leave`, after.descriptors - before.descriptors, 'descriptors', 10),
    row('zombies', after.zombies + end.zombies, 'processes', 0),
    row(`inspect beside ${together} at once, the slowest`, crowd.slowest, 'ms', 50),
    row('inspect beside 1 GB of output, the slowest', flood.slowest, 'ms', 50),
    row('1 GB of output', flood.ms, 'ms'),
    row('memory that it leaves', (end.rss - after.rss) / 1e6, 'MB', 100),
  ]
}

async function workers(count: number, jobs: number, work: () => Promise<void>): Promise<void> {
  let left = jobs
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (left-- > 0) await work()
    }),
  )
}

/** Looks at the session again and again while the work is under way. */
async function responsiveness(
  claw: RunningBeamClaw,
  work: () => Promise<void>,
): Promise<{ readonly slowest: number; readonly ms: number }> {
  const startedAt = performance.now()
  let isOver = false
  const working = work().finally(() => {
    isOver = true
  })
  let slowest = 0
  while (!isOver) {
    const askedAt = performance.now()
    await claw.session(sessionKey).inspect()
    slowest = Math.max(slowest, performance.now() - askedAt)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await working
  return { slowest, ms: performance.now() - startedAt }
}

/** What this process holds. */
function standing(): { readonly rss: number; readonly descriptors: number; readonly zombies: number } {
  globalThis.gc?.()
  return { rss: process.memoryUsage().rss, descriptors: readdirSync('/proc/self/fd').length, zombies: zombies() }
}

function zombies(): number {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isZombieOfOurs(pid)).length
}

function isZombieOfOurs(pid: string): boolean {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return fields[0] === 'Z' && Number(fields[1]) === process.pid
  } catch {
    return false
  }
}
