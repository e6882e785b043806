import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BeamClawError, type Logger } from '@beamclaw/core'
import { expectRejection } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WorkerParentOptions } from './parent-options.ts'
import { isSharded } from './shard-directory.ts'
import { WorkerParent } from './worker-parent.ts'

const parentScript = fileURLToPath(new URL('testing/run-parent.ts', import.meta.url))
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

async function start(args: readonly string[], more: Partial<WorkerParentOptions> = {}): Promise<WorkerParent> {
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
  await parent.start()
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
    const parent = await start(['memory', 'worker-2'], { backoffMs: 60_000 })
    await until(() => events.some((event) => event.startsWith('workers.died')))
    const { owners } = JSON.parse(readFileSync(join(path, 'shards.json'), 'utf8')) as { readonly owners: readonly string[] }
    expect(new Set(owners.map((owner) => owner.split('/')[0]))).toEqual(new Set(['worker-1']))
    expect(parent.pids).toHaveLength(1)
  })

  test('gives up when workers die again and again, and leaves none', async () => {
    const parent = await start(['exit'], { backoffMs: 1, withinMs: 60_000 })
    const error = await parent.ended.catch((reason: unknown) => reason)
    expect(BeamClawError.isInstance(error, 'restart-limit')).toBe(true)
    await until(() => parent.pids.length === 0)
    expect(events.filter((event) => event === 'workers.died 3')).toHaveLength(3)
    expect(events).toContain('workers.gave-up')
  })

  test('stop ends every worker, and is done once', async () => {
    const parent = await start(['serve'], { workers: 3 })
    const { pids } = parent
    expect(pids).toHaveLength(3)
    await Promise.all([parent.stop(), parent.stop()])
    await parent.ended
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test.each([0, -1, 1.5, 129, 1_000, Number.NaN, 'many' as 'auto'])('refuses %s workers', (workers) => {
    expect(() => new WorkerParent({ path, entry, workers })).toThrow(/"workers" must be a whole number from 1 to 128/)
  })

  test('refuses a directory of a single process, and one of another version, and changes neither', async () => {
    mkdirSync(join(path, 'default'))
    await expect(start(['serve'])).rejects.toThrow(/has data of a single process \(default\).*beamclaw workers split/)
    expect([isSharded(path), readdirSync(path)]).toEqual([false, ['default']])
    writeFileSync(join(path, 'shards.json'), '{"format":2,"shards":32}')
    await expect(start(['serve'])).rejects.toThrow(/is of another version/)
    writeFileSync(join(path, 'shards.json'), '{')
    await expect(start(['serve'])).rejects.toThrow(/cannot be read/)
  })

  test('refuses a directory that another parent has, and gets it once that one has ended', async () => {
    const first = await start(['serve'])
    const error = await expectRejection(start(['serve']), 'store-locked')
    expect(error.message).toContain(`is in use by process ${process.pid}`)
    expect(first.pids).toHaveLength(2)
    const next = start(['serve'], { lockWaitMs: 20_000 })
    await first.stop()
    expect((await next).pids).toHaveLength(2)
  })

  test('gets the directory of a parent that was killed, while the workers of that one may still run', async () => {
    const killed = spawn(process.execPath, ['--conditions=beamclaw:source', parentScript, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [pids] = (await once(killed.stdout, 'data')) as [Buffer]
    await expectRejection(start(['serve']), 'store-locked')
    for (const pid of JSON.parse(pids.toString()) as readonly number[]) process.kill(pid, 'SIGSTOP')
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    expect((await start(['serve'])).pids).toHaveLength(2)
    for (const pid of JSON.parse(pids.toString()) as readonly number[]) process.kill(pid, 'SIGKILL')
  })

  test('ends its workers when its lock was taken from it', async () => {
    const parent = await start(['serve'])
    rmSync(join(path, '.lock'))
    const error = await parent.ended.catch((reason: unknown) => reason)
    expect(BeamClawError.isInstance(error, 'store-locked')).toBe(true)
    await until(() => parent.pids.length === 0)
  })
})
