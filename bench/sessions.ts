/** The cost of sessions over files: idle, waking, long, many, and interrupted ones. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BeamClaw, defineAgent, type Provider, silentLogger } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { asleep, clawWithSleepers, measureIdleSessions, medianRunMs, talkOnce, timeRun, unsyncedStore } from './lib/idle-sessions.ts'
import type { Bench, Result } from './lib/result.ts'
import { shortAnswers } from './lib/short-answers.ts'

const sleepers = 100_000
const wakings = 1_000
const interrupted = 1_000
const histories = [10, 1_000, 10_000]

function result(metric: string, value: number, unit: string, atMost: number): Result {
  return { bench: 'sessions', metric, value, unit, score: value, target: { atMost } }
}

/** Returns the ratio of the last of `times` to the first. */
function growth(metric: string, times: readonly number[]): Result {
  const [first = Number.NaN] = times
  const value = times.at(-1) ?? Number.NaN
  const reference = { name: times.map((ms) => ms.toPrecision(3)).join(' / '), value: first }
  return { bench: 'sessions', metric, value, unit: 'ms', reference, score: value / first, target: { atMost: 1.3 } }
}

async function idle(): Promise<Result[]> {
  const { heapBytesEach, rssMegabytes, runMs } = await measureIdleSessions(sleepers)
  return [
    result('an idle session, heap', heapBytesEach, 'bytes', 3_072),
    result('100,000 idle sessions, RSS', rssMegabytes, 'MB', 600),
    growth(
      `a run beside ${runMs.map(({ others }) => others.toLocaleString('en-US')).join(' / ')} others`,
      runMs.map(({ ms }) => ms),
    ),
  ]
}

/** From a message to a session that sleeps until it is accepted, and so durable. */
async function waking(folder: string): Promise<Result> {
  await using claw = await clawWithSleepers(new FsStore({ path: folder }))
  await talkOnce(claw, 0, wakings)
  const times: number[] = []
  for (let index = 0; index < wakings; index++) {
    const session = claw.session(`agent:main:sleeper-${index}`)
    const startedAt = performance.now()
    const run = session.send('are you there?')
    await run.accepted
    times.push(performance.now() - startedAt)
    await run.result()
  }
  const p99 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN
  return result('waking a session, p99', p99, 'ms', 5)
}

/** A run in sessions with more and more history. */
async function longHistories(folder: string): Promise<Result> {
  await using claw = await clawWithSleepers(unsyncedStore(folder))
  await medianRunMs(claw, 'warm-up', 2_000)
  const times: number[] = []
  for (const messages of histories) {
    const name = `long-${messages}`
    await medianRunMs(claw, name, messages / 2)
    times.push(await timeRun(claw, name))
    await asleep(claw, `agent:main:${name}`)
  }
  return growth(`a run after ${histories.map((messages) => messages.toLocaleString('en-US')).join(' / ')} messages`, times)
}

const speechless: Provider = {
  async *doStream(_request, { signal }) {
    yield { type: 'text-delta', text: 'Well' }
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
  },
}

/** From a start until every run is over that the process before it was killed in. */
async function resumption(folder: string): Promise<Result> {
  const start = (provider: Provider) =>
    new BeamClaw({
      providers: { local: provider },
      agents: [defineAgent({ id: 'main', model: 'local/short' })],
      store: new FsStore({ path: folder }),
      services: { logger: silentLogger },
    }).start()
  const message = { idempotencyKey: 'only' }
  const keys = Array.from({ length: interrupted }, (_, index) => `agent:main:interrupted-${index}`)
  const first = await start(speechless)
  await Promise.all(keys.map((key) => first.session(key).send('hello', message).accepted))
  first.kill()
  await first.stop()
  const startedAt = performance.now()
  await using second = await start(shortAnswers)
  const resumed = await second.resumed
  await Promise.all(keys.map((key) => second.session(key).send('hello', message).result()))
  const seconds = (performance.now() - startedAt) / 1_000
  if (resumed !== interrupted) throw new Error(`${resumed} of ${interrupted} sessions were resumed`)
  return result('1,000 interrupted sessions, resumed and done', seconds, 's', 5)
}

export const sessions: Bench = {
  name: 'sessions',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    try {
      return [
        ...(await idle()),
        await waking(join(folder, 'waking')),
        await longHistories(join(folder, 'long')),
        await resumption(join(folder, 'interrupted')),
      ]
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
