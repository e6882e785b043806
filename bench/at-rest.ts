/** Very many sessions over files: how fast they begin, and what they cost when they sleep. */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, defineAgent, type RunningBeamClaw, type Store, silentLogger } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { startBeside } from './lib/at-rest-process.ts'
import { type Bench, median, type Result } from './lib/result.ts'
import { shortAnswers } from './lib/short-answers.ts'

/** Sessions; fewer for a quick look. */
const many = Number(process.env.BEAMCLAW_BENCH_SESSIONS ?? 100_000)
const atOnce = 64
const pairs = 300
const longConversation = 100_000

function result(metric: string, value: number, unit: string, target: Result['target']): Result {
  return { bench: 'at-rest', metric, value, unit, score: value, ...(target === undefined ? {} : { target }) }
}

function clawOver(store: Store, passivateAfterMs = 20): Promise<RunningBeamClaw> {
  return new BeamClaw({
    providers: { local: shortAnswers },
    agents: [defineAgent({ id: 'main', model: 'local/short', compactAboveTokens: 50_000 })],
    store,
    sessions: { passivateAfterMs },
    services: { logger: silentLogger },
  }).start()
}

async function settledHeap(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return process.memoryUsage().heapUsed
}

/** Bytes that the files below `folder` take on the disk. */
async function bytesOnDisk(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512
  }
  return bytes
}

async function newSessions(folder: string): Promise<Result[]> {
  const claw = await clawOver(new FsStore({ path: folder }))
  const before = await settledHeap()
  const startedAt = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < many) await claw.session(`agent:main:new-${next++}`).send('hello there').result()
    }),
  )
  const perSecond = many / ((performance.now() - startedAt) / 1_000)
  // They leave memory, and their lines the write-ahead log.
  await new Promise((resolve) => setTimeout(resolve, 30_000))
  const heap = (await settledHeap()) - before
  await claw.stop()
  const bytes = (await bytesOnDisk(folder)) / many
  const { readyMs, rssMegabytes, firstPageMs, nextPageMs } = await startBeside(folder)
  const count = many.toLocaleString('en-US')
  return [
    result(`${count} new sessions, a run each, 64 at once`, perSecond, 'a second', { atLeast: 3_000 }),
    result(`${count} sessions asleep after use, heap`, heap / 1_000_000, 'MB', { atMost: 20 }),
    result('a session at rest, on disk', bytes, 'bytes', { atMost: 5 * 1024 }),
    result(`start to ready beside ${count} at rest`, readyMs, 'ms', { atMost: 1_000 }),
    result(`RSS after it`, rssMegabytes, 'MB', { atMost: 300 }),
    result(`first 100 of ${count} by last activity, p99`, firstPageMs, 'ms', { atMost: 20 }),
    result(`100 after another 100, p99`, nextPageMs, 'ms', { atMost: 20 }),
  ]
}

/** The first run of a session, and one more in it, in pairs. */
async function firstRuns(folder: string): Promise<Result> {
  await using claw = await clawOver(new FsStore({ path: folder }), 60_000)
  const first: number[] = []
  const second: number[] = []
  for (let index = -50; index < pairs; index++) {
    const session = claw.session(`agent:main:pair-${index + 50}`)
    for (const times of [first, second]) {
      const startedAt = performance.now()
      await session.send('hello there').result()
      if (index >= 0) times.push(performance.now() - startedAt)
    }
  }
  const [value, reference] = [median(first), median(second)]
  return {
    bench: 'at-rest',
    metric: 'the first run of a session, p50',
    value,
    unit: 'ms',
    reference: { name: 'the second run', value: reference },
    score: value / reference,
    target: { atMost: 1.3 },
  }
}

/** From a message to a session that sleeps until it is accepted. */
async function longWake(folder: string): Promise<Result[]> {
  const store = (): FsStore => new FsStore({ path: folder })
  const key = 'agent:main:long'
  const claw = await clawOver(store(), 60_000)
  const words = 'what was said '.repeat(8)
  const messages = Array.from({ length: longConversation }, (_, index) =>
    index % 2 === 0
      ? { role: 'user' as const, content: `${words}${index}` }
      : { role: 'assistant' as const, content: [{ type: 'text' as const, text: `${words}${index}` }] },
  )
  await claw.session(key).import(messages)
  // Summed up, and then some.
  for (let run = 0; run < 60; run++) await claw.session(key).send(`${words} once more`).result()
  await claw.stop()
  const again = await clawOver(store(), 60_000)
  const before = await settledHeap()
  const startedAt = performance.now()
  const run = again.session(key).send('are you there?')
  await run.accepted
  const ms = performance.now() - startedAt
  await run.result()
  const megabytes = ((await settledHeap()) - before) / 1_000_000
  await again.stop()
  const count = longConversation.toLocaleString('en-US')
  return [
    result(`waking a session with ${count} messages`, ms, 'ms', { atMost: 50 }),
    result(`heap for a session with ${count} messages`, megabytes, 'MB', { atMost: 50 }),
  ]
}

export const atRest: Bench = {
  name: 'at-rest',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    try {
      return [
        await firstRuns(join(folder, 'pairs')),
        ...(await newSessions(join(folder, 'many'))),
        ...(await longWake(join(folder, 'long'))),
      ]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
