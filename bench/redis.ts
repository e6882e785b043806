/** The store in Redis: appends against bare `RPUSHX` of the same client, one append alone, and a page of a long log. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppendLog, defaultTenant, type LogEntry } from '@beamclaw/core'
import { RedisStore } from '@beamclaw/store-redis'
import { createClient } from '@redis/client'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

const rounds = 9
const text = 'x'.repeat(300)
const token = { epoch: 1, nonce: 'bench' }

function record(seq: number): LogEntry {
  return { seq, type: 'model-response', id: `bench.${seq}`, ts: 1_700_000_000_000, data: { runId: 'run-1', text } }
}

/** Makes `each` appends on each of the writers, all writers at once; returns appends per second. */
async function timed(writers: number, each: number, append: (writer: number, index: number) => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let index = 0; index < each; index++) await append(writer, index)
    }),
  )
  return (writers * each) / ((performance.now() - startedAt) / 1_000)
}

/** A connection like that of the store, without the store. */
async function bareClient(socket: string) {
  const client = createClient({ socket: { path: socket, tls: false } })
  await client.connect()
  return client
}

type BareClient = Awaited<ReturnType<typeof bareClient>>

async function appends(store: RedisStore, client: BareClient, writers: number, each: number, atLeast: number): Promise<Result> {
  const open = (_: unknown, index: number): Promise<AppendLog> => store.openLog([defaultTenant, `bench${writers}`, String(index)], token)
  const logs = await Promise.all(Array.from({ length: writers }, open))
  const lists = logs.map((_, index) => `bare:${writers}:${index}`)
  for (const list of lists) await client.sendCommand(['RPUSH', list, 'header'])
  const line = JSON.stringify(record(1))
  const ours: number[] = []
  const bare: number[] = []
  let seq = 1
  for (let round = 0; round < rounds; round++) {
    const first = seq
    ours.push(await timed(writers, each, (writer, index) => (logs[writer] as AppendLog).append([record(first + index)])))
    bare.push(await timed(writers, each, (writer) => client.sendCommand(['RPUSHX', lists[writer] as string, line])))
    seq += each
  }
  return {
    bench: 'redis',
    metric: `durable appends, ${writers} log${writers === 1 ? '' : 's'}, AOF always`,
    value: median(ours),
    unit: 'appends/s',
    reference: { name: 'bare RPUSHX of ready text, same client', value: median(bare) },
    score: medianRatio(ours, bare),
    target: { atLeast },
  }
}

async function page(store: RedisStore): Promise<Result> {
  const key = [defaultTenant, 'bench', 'long'] as const
  const count = 100_000
  const log = await store.openLog(key, token)
  for (let seq = 1; seq <= count; seq += 1_000) await log.append(Array.from({ length: 1_000 }, (_, index) => record(seq + index)))
  const times: number[] = []
  for (let round = 0; round < 200; round++) {
    const startedAt = performance.now()
    const found = await store.readLog(key, { fromSeq: 1 + ((round * 7_919) % (count - 200)), limit: 200 })
    times.push(performance.now() - startedAt)
    if (found?.records.length !== 200) throw new Error(`read ${found?.records.length} of 200 records`)
  }
  const value = median(times)
  return { bench: 'redis', metric: 'a page of 200 records out of 100,000, p50', value, unit: 'ms', score: value, target: { atMost: 2 } }
}

async function start(folder: string, socket: string): Promise<ChildProcess> {
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always']
  const server = spawn('redis-server', settings, { stdio: 'ignore' })
  while (spawnSync('redis-cli', ['-s', socket, 'PING']).status !== 0) await new Promise((resolve) => setTimeout(resolve, 20))
  return server
}

export const redis: Bench = {
  name: 'redis',
  async run() {
    if (spawnSync('redis-server', ['--version']).status !== 0) {
      console.error('redis-server is not installed on this machine: nothing was measured')
      return []
    }
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    const socket = join(folder, 'redis.sock')
    const server = await start(folder, socket)
    const store = new RedisStore({ url: `unix://${socket}`, deadlineMs: 60_000 })
    const client = await bareClient(socket)
    try {
      return [await appends(store, client, 1, 1_000, 0.7), await appends(store, client, 500, 100, 1.2), await page(store)]
    } finally {
      await store.stop()
      client.destroy()
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
