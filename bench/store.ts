/** Durable appends against raw write + fdatasync on as many files, and how fast a journal is read again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

async function rawAppends(folder: string, files: number, each: number): Promise<number> {
  const line = `${JSON.stringify(record(1))}\n`
  const handles: FileHandle[] = await Promise.all(
    Array.from({ length: files }, (_, index) => open(join(folder, `raw-${files}-${index}`), 'a')),
  )
  try {
    return await timed(handles, each, async (handle) => {
      await handle.write(line)
      await handle.datasync()
    })
  } finally {
    await Promise.all(handles.map((handle) => handle.close()))
  }
}

async function storeAppends(logs: readonly AppendLog[], next: { seq: number }, each: number): Promise<number> {
  const first = next.seq
  next.seq += each
  return timed(logs, each, (log, index) => log.append([record(first + index)]))
}

async function appends(folder: string, files: number, each: number): Promise<Result> {
  const store = new FsStore({ path: join(folder, `store-${files}`), maxOpenFiles: 1_024 })
  const token = { epoch: 1, nonce: 'bench' }
  const logs = await Promise.all(Array.from({ length: files }, (_, index) => store.openLog([defaultTenant, 'bench', String(index)], token)))
  const next = { seq: 1 }
  const ours: number[] = []
  const raw: number[] = []
  for (let round = 0; round < rounds; round++) {
    ours.push(await storeAppends(logs, next, each))
    raw.push(await rawAppends(folder, files, each))
  }
  await store.stop()
  return {
    bench: 'store',
    metric: `durable appends, ${files} log${files === 1 ? '' : 's'}`,
    value: median(ours),
    unit: 'appends/s',
    reference: { name: 'write + fdatasync', value: median(raw) },
    score: medianRatio(ours, raw),
    target: { atLeast: 0.8 },
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
        await appends(folder, 1, 2_000),
        await appends(folder, 64, 150),
        await appends(folder, 500, 30),
        await recovery(folder, 100_000),
      ]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
