/** What a command in a sandbox costs beyond one that is spawned without any, and one in namespaces beyond one on the host. */
import { spawn } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PreparedCommand, Sandbox } from '@beamclaw/core'
import { BubblewrapSandbox, LocalSandbox } from '@beamclaw/tools'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

const warmUp = 30
const rounds = 300

async function msOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** As sandboxes start it: pipes, a group of its own, no variable of the host; until its output has ended. */
function bare(cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('/usr/bin/true', [], { cwd, env: { PATH: '/usr/bin' }, detached: true, stdio: 'pipe' })
    child.stdout.resume()
    child.stderr.resume()
    child.once('error', reject).once('close', () => resolve())
  })
}

function run(sandbox: Sandbox, command: PreparedCommand): Promise<void> {
  return new Promise((resolve, reject) => {
    sandbox.spawn(command, { listener: { onOutput: () => undefined, onExit: () => resolve() } }).catch(reject)
  })
}

export const exec: Bench = {
  name: 'exec',
  async run() {
    const workspace = realpathSync(mkdtempSync(join(tmpdir(), 'beamclaw-exec-')))
    try {
      return await measure(workspace)
    } finally {
      rmSync(workspace, { recursive: true })
    }
  },
}

async function measure(workspace: string): Promise<readonly Result[]> {
  const request = { argv: ['true'], workspace } as const
  const local = new LocalSandbox()
  const namespaces = new BubblewrapSandbox()
  const hasNamespaces = (await namespaces.probe()).isAvailable
  const [onHost, inside] = [await local.prepare(request), hasNamespaces ? await namespaces.prepare(request) : undefined]
  const times = { bare: [] as number[], local: [] as number[], whole: [] as number[], namespaces: [] as number[] }
  for (let round = -warmUp; round < rounds; round++) {
    const one = {
      bare: await msOf(() => bare(workspace)),
      local: await msOf(() => run(local, onHost)),
      whole: await msOf(async () => run(local, await local.prepare(request))),
      namespaces: inside === undefined ? Number.NaN : await msOf(() => run(namespaces, inside)),
    }
    if (round >= 0) for (const name of ['bare', 'local', 'whole', 'namespaces'] as const) times[name].push(one[name])
  }
  const reference = { name: 'a bare spawn', value: median(times.bare) }
  const ratio = (metric: string, values: readonly number[], atMost?: number): Result => ({
    ...{ bench: 'exec', metric, value: median(values), unit: 'ms', reference, score: medianRatio(values, times.bare) },
    ...(atMost === undefined ? {} : { target: { atMost } }),
  })
  const beyond = median(times.namespaces.map((value, index) => value - (times.local[index] ?? Number.NaN)))
  return [
    ratio('`true` on the host, prepared before', times.local, 1.3),
    ratio('`true` on the host, prepared each time', times.whole),
    ...(hasNamespaces
      ? [
          ratio('`true` in bubblewrap, prepared before', times.namespaces),
          { bench: 'exec', metric: 'bubblewrap beyond the host', value: beyond, unit: 'ms', score: beyond, target: { atMost: 30 } },
        ]
      : []),
  ]
}
