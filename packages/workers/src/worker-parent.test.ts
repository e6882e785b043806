import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BeamClawError, type Logger } from '@beamclaw/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WorkerParentOptions } from './parent-options.ts'
import { isSharded } from './shard-directory.ts'
import { WorkerParent } from './worker-parent.ts'

const entry = fileURLToPath(new URL('testing/worker-entry.ts', import.meta.url))

let path: string
let parents: WorkerParent[]
let events: string[]

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'beamclaw-parent-'))
  parents = []
  events = []
})

afterEach(async () => {
  await Promise.all(parents.map((parent) => parent.stop({ signal: 'SIGKILL' })))
  rmSync(path, { recursive: true, force: true })
})

const logger: Logger = { log: (_, event, fields) => void events.push(`${event} ${fields?.with ?? ''}`.trim()) }

function start(args: readonly string[], more: Partial<WorkerParentOptions> = {}): WorkerParent {
  const parent = new WorkerParent({
    path,
    entry,
    args,
    workers: 2,
    execArgv: ['--conditions=beamclaw:source', '--max-old-space-size=64'],
    environment: { NODE_OPTIONS: '' },
    logger,
    ...more,
  })
  parents.push(parent)
  parent.start()
  return parent
}

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 10) {
    if (waited > 20_000) throw new Error(`not within 20 s: ${events.join(', ')}`)
    await sleep(10)
  }
}

describe('WorkerParent', () => {
  test('starts a worker again that ran out of memory, and the other one has its shards', async () => {
    const parent = start(['memory', 'worker-2'], { backoffMs: 60_000 })
    await until(() => events.some((event) => event.startsWith('workers.died')))
    const { owners } = JSON.parse(readFileSync(join(path, 'shards.json'), 'utf8')) as { readonly owners: readonly string[] }
    expect(new Set(owners.map((owner) => owner.split('/')[0]))).toEqual(new Set(['worker-1']))
    expect(parent.pids).toHaveLength(1)
  })

  test('gives up when workers die again and again, and leaves none', async () => {
    const parent = start(['exit'], { backoffMs: 1, withinMs: 60_000 })
    const error = await parent.ended.catch((reason: unknown) => reason)
    expect(BeamClawError.isInstance(error, 'restart-limit')).toBe(true)
    await until(() => parent.pids.length === 0)
    expect(events.filter((event) => event === 'workers.died 3')).toHaveLength(3)
    expect(events).toContain('workers.gave-up')
  })

  test('stop ends every worker, and is done once', async () => {
    const parent = start(['serve'], { workers: 3 })
    const { pids } = parent
    expect(pids).toHaveLength(3)
    await Promise.all([parent.stop(), parent.stop()])
    await parent.ended
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test.each([0, -1, 1.5, 129, 1_000, Number.NaN, 'many' as 'auto'])('refuses %s workers', (workers) => {
    expect(() => new WorkerParent({ path, entry, workers })).toThrow(/"workers" must be a whole number from 1 to 128/)
  })

  test('refuses a directory of a single process, and one of another version, and changes neither', () => {
    mkdirSync(join(path, 'default'))
    expect(() => start(['serve'])).toThrow(/has data of a single process \(default\)/)
    expect(isSharded(path)).toBe(false)
    writeFileSync(join(path, 'shards.json'), '{"format":2,"shards":32}')
    expect(() => start(['serve'])).toThrow(/is of another version/)
    writeFileSync(join(path, 'shards.json'), '{')
    expect(() => start(['serve'])).toThrow(/cannot be read/)
  })
})
