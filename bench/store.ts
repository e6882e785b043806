/** Durable appends against group commit on one raw file, and how fast a journal, or a whole write-ahead log, is read again. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AppendLog, defaultTenant, type LogEntry } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

const rounds = 9
const text = 'x'.repeat(300)

function record(seq: number): LogEntry {
  return { seq, type: 'model-response', id: `bench.${seq}`, ts: 1_700_000_000_000, data: { runId: 'run-1', text } }
}

/** Operations in a second, the best of several rounds. */
async function bestOf(work: () => Promise<number>): Promise<number> {
  let best = 0
  for (let round = 0; round < rounds; round++) best = Math.max(best, await work())
  return best
}

/** Makes `each` appends on each of the writers, all writers at once; returns appends per second. */
async function timed<T>(writers: readonly T[], each: number, append: (writer: T, index: number) => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await Promise.all(
    writers.map(async (writer) => {
      for (let index = 0; index < each; index++) await append(writer, index)
    }),
  )
  return (writers.length * each) / ((performance.now() - startedAt) / 1_000)
}

/** Group commit of bytes that are ready: what waits while a write is being synced is written next, in one piece. */
async function rawAppends(folder: string, writers: number, each: number): Promise<number> {
  const line = Buffer.from(`${JSON.stringify(record(1))}${' '.repeat(80)}\n`)
  const handle = await open(join(folder, `raw-${writers}`), 'a')
  let waiting: (() => void)[] = []
  let isWriting = false
  const write = async (): Promise<void> => {
    isWriting = true
    await new Promise(setImmediate)
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await handle.write(Buffer.concat(Array.from(group, () => line)))
      await handle.datasync()
      for (const resolve of group) resolve()
    }
    isWriting = false
  }
  const append = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve)
      if (!isWriting) void write()
    })
  try {
    return await timed(
      Array.from({ length: writers }, (_, index) => index),
      each,
      append,
    )
  } finally {
    await handle.close()
  }
}

async function storeAppends(logs: readonly AppendLog[], next: { seq: number }, each: number): Promise<number> {
  const first = next.seq
  next.seq += each
  return timed(logs, each, (log, index) => log.append([record(first + index)]))
}

async function appends(folder: string, count: number, each: number, atLeast: number): Promise<Result> {
  const store = new FsStore({ path: join(folder, `store-${count}`) })
  const token = { epoch: 1, nonce: 'bench' }
  const logs = await Promise.all(Array.from({ length: count }, (_, index) => store.openLog([defaultTenant, 'bench', String(index)], token)))
  const next = { seq: 1 }
  const ours: number[] = []
  const raw: number[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(await storeAppends(logs, next, each))
    raw.push(await rawAppends(folder, count, each))
  }
  await store.stop()
  return {
    bench: 'store',
    metric: `durable appends, encoded and checksummed, ${count} log${count === 1 ? '' : 's'}`,
    value: median(ours),
    unit: 'appends/s',
    reference: { name: 'group commit of ready bytes, one raw file', value: median(raw) },
    score: medianRatio(ours, raw),
    target: { atLeast },
  }
}

/** Lets another process fill a write-ahead log and kill itself, then measures the start over what it left. */
async function startAfterKill(folder: string): Promise<Result> {
  const path = join(folder, 'killed')
  const script = fileURLToPath(new URL('./lib/fill-wal.ts', import.meta.url))
  const conditions = process.execArgv.filter((argument) => argument.startsWith('--conditions'))
  const child = spawnSync(process.execPath, [...conditions, script, path], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (child.signal !== 'SIGKILL') throw new Error(`the process that fills the log ended with ${child.status ?? child.signal}`)
  const bytes = readdirSync(join(path, 'wal')).reduce((sum, name) => sum + statSync(join(path, 'wal', name)).size, 0)
  const startedAt = performance.now()
  const store = new FsStore({ path, walMaxBytes: 1024 ** 3 })
  await store.get([defaultTenant, 'nothing', 'here'])
  const seconds = (performance.now() - startedAt) / 1_000
  await store.stop()
  return {
    bench: 'store',
    metric: `start after kill -9 with a log of ${Math.round(bytes / 1024 ** 2)} MiB`,
    value: seconds,
    unit: 's',
    score: seconds,
    target: { atMost: 1.5 },
  }
}

async function wake(folder: string): Promise<Result> {
  const path = join(folder, 'wake')
  const key = [defaultTenant, 'bench', 'large'] as const
  const writer = new FsStore({ path, sync: 'os' })
  const log = await writer.openLog(key, { epoch: 1, nonce: 'bench' })
  let seq = 0
  for (; seq < 145_000; seq += 1_000) await log.append(Array.from({ length: 1_000 }, (_, index) => record(seq + 1 + index)))
  await log.snapshot({ seq, state: { text: 'x'.repeat(10_000) } })
  await log.append(Array.from({ length: 100 }, (_, index) => record(seq + 1 + index)))
  await writer.stop()
  const times: number[] = []
  for (let epoch = 2; epoch < 2 + rounds; epoch++) {
    const store = new FsStore({ path })
    await store.get([defaultTenant, 'nothing', 'here'])
    const startedAt = performance.now()
    const opened = await store.openLog(key, { epoch, nonce: 'bench' })
    const { records } = await opened.read()
    times.push(performance.now() - startedAt)
    if (records.length !== 100) throw new Error(`read ${records.length} of 100 records`)
    await store.stop()
  }
  const bytes = statSync(join(path, 'default', 'bench', 'large.log.jsonl')).size
  return {
    bench: 'store',
    metric: `wake of a log of ${Math.round(bytes / 1e6)} MB with a snapshot near the end`,
    value: median(times),
    unit: 'ms',
    score: median(times),
    target: { atMost: 50 },
  }
}

async function recovery(folder: string, count: number): Promise<Result> {
  const path = join(folder, 'recovery')
  const key = [defaultTenant, 'bench', 'long'] as const
  const writer = new FsStore({ path, sync: 'os' })
  const log = await writer.openLog(key, { epoch: 1, nonce: 'bench' })
  for (let seq = 1; seq <= count; seq += 1_000) await log.append(Array.from({ length: 1_000 }, (_, index) => record(seq + index)))
  await writer.stop()
  let epoch = 1
  const value = await bestOf(async () => {
    const store = new FsStore({ path, sync: 'os' })
    const startedAt = performance.now()
    const opened = await store.openLog(key, { epoch: ++epoch, nonce: 'bench' })
    const { records } = await opened.read()
    if (records.length !== count) throw new Error(`read ${records.length} of ${count} records`)
    const perSecond = count / ((performance.now() - startedAt) / 1_000)
    await store.stop()
    return perSecond
  })
  return {
    bench: 'store',
    metric: 'recovery: open and read a journal',
    value,
    unit: 'records/s',
    score: value,
    target: { atLeast: 300_000 },
  }
}

export const store: Bench = {
  name: 'store',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    try {
      return [
        await appends(folder, 1, 1_000, 0.5),
        await appends(folder, 64, 300, 0.5),
        await appends(folder, 500, 100, 0.3),
        await startAfterKill(folder),
        await wake(folder),
        await recovery(folder, 100_000),
      ]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
