/** What calls of tools cost, and what calls that wait for a person cost while they wait. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BeamClaw,
  defineAgent,
  defineTool,
  type Provider,
  type RunningBeamClaw,
  type Store,
  SystemClock,
  silentLogger,
  type TimerHandle,
  zeroUsage,
} from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { isolatedTool } from '@beamclaw/tools'
import { type Bench, median, type Result } from './lib/result.ts'

const calls = 5_000
const warmUp = 500
const sessions = 10_000
const atOnce = 64

/** The clock of the machine, which can be put forward, and counts the timers that are pending. */
class CountingClock extends SystemClock {
  aheadMs = 0
  pending = 0

  override now(): number {
    return super.now() + this.aheadMs
  }

  override setTimer(callback: () => void, delayMs: number, background = false): TimerHandle {
    this.pending++
    let isPending = true
    const done = (): void => {
      if (isPending) this.pending--
      isPending = false
    }
    const timer = super.setTimer(
      () => {
        done()
        callback()
      },
      delayMs,
      background,
    )
    return {
      cancel: () => {
        done()
        timer.cancel()
      },
    }
  }
}

const noop = defineTool({ name: 'noop', description: 'Does nothing', execute: () => 'fine' })

/** Microseconds between the end of an answer with a call and the next request, when the tool does nothing: two records among them. */
async function noopCalls(): Promise<Result> {
  const times: number[] = []
  let answeredAt = 0
  let turn = 0
  const provider: Provider = {
    async *doStream() {
      if (answeredAt > 0) times.push(performance.now() - answeredAt)
      const isLast = ++turn % 50 === 0
      if (isLast) yield { type: 'text-delta', text: 'done' }
      // Another input each time: the same ones would count as a loop.
      else yield { type: 'tool-call', id: `c${turn}`, name: 'noop', input: { turn } }
      answeredAt = isLast ? 0 : performance.now()
      yield { type: 'finish', reason: isLast ? 'stop' : 'tool-calls', usage: zeroUsage }
    },
  }
  await using claw = await new BeamClaw({
    providers: { local: provider },
    agents: [defineAgent({ id: 'main', model: 'local/x', tools: [noop], compactAboveTokens: 1_000_000_000 })],
    services: { logger: silentLogger },
  }).start()
  for (let run = 0; times.length < calls + warmUp; run++) await claw.session(`agent:main:s${run}`).send('go').result()
  const value = median(times.slice(warmUp))
  return {
    bench: 'tools',
    metric: 'a call of a tool that does nothing, in memory, p50',
    value,
    unit: 'ms',
    score: value,
    target: { atMost: 0.1 },
  }
}

const deploy = defineTool({ name: 'deploy', description: 'Deploys', risk: 'high', approvalTimeoutMs: 600_000, execute: () => 'fine' })

const caller: Provider = {
  async *doStream({ messages }) {
    const isFirst = messages.at(-1)?.role === 'user'
    if (isFirst) yield { type: 'tool-call', id: 'a', name: 'deploy', input: {} }
    else yield { type: 'text-delta', text: 'done' }
    yield { type: 'finish', reason: isFirst ? 'tool-calls' : 'stop', usage: zeroUsage }
  },
}

function startClaw(store: Store, clock: CountingClock): Promise<RunningBeamClaw> {
  return new BeamClaw({
    providers: { local: caller },
    agents: [defineAgent({ id: 'main', model: 'local/x', tools: [deploy] })],
    store,
    sessions: { passivateAfterMs: 20 },
    services: { clock, logger: silentLogger },
  }).start()
}

const awake = (claw: RunningBeamClaw): number =>
  claw
    .tree()
    .children?.find(({ id }) => id === 'tenants')
    ?.children?.[0]?.children?.find(({ id }) => id === 'sessions')?.children?.length ?? Number.NaN

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function waitFor(holds: () => boolean): Promise<void> {
  while (!holds()) await later(20)
}

/** Ten thousand sessions whose call waits: asleep, found again by the next process, and expired there, each once. */
async function waitingCalls(folder: string): Promise<readonly Result[]> {
  const clock = new CountingClock()
  let claw = await startClaw(new FsStore({ path: folder }), clock)
  const idleTimers = clock.pending
  let asked = 0
  claw.on('approval-request', () => void asked++)
  const names = Array.from({ length: sessions }, (_, index) => `agent:main:s${index}`)
  const sendNext = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      await claw.session(name).send('go').accepted
    }
  }
  await Promise.all(Array.from({ length: atOnce }, sendNext))
  await waitFor(() => asked === sessions && awake(claw) === 0)
  // Lists of what was busy are written some seconds later.
  await later(3_000)
  const timers = clock.pending - idleTimers
  await claw.stop()
  const startedAt = performance.now()
  claw = await startClaw(new FsStore({ path: folder }), clock)
  const restartMs = performance.now() - startedAt
  const woken = awake(claw)
  await claw.stop()
  clock.aheadMs = 3_600_000
  const decided = new Map<string, number>()
  let ended = 0
  const expiresAt = performance.now()
  claw = await startClaw(new FsStore({ path: folder }), clock)
  claw.on('approval-decision', ({ id }) => void decided.set(id, (decided.get(id) ?? 0) + 1))
  claw.on('run-end', () => void ended++)
  await waitFor(() => ended >= sessions || performance.now() - expiresAt > 120_000)
  const expiryMs = performance.now() - expiresAt
  await claw.stop()
  const twice = [...decided.values()].filter((count) => count > 1).length
  const one = (metric: string, value: number, unit: string, atMost?: number): Result => ({
    ...{ bench: 'tools', metric, value, unit, score: value },
    ...(atMost === undefined ? {} : { target: { atMost } }),
  })
  return [
    one('10,000 waiting calls: timers beside those of an idle process', timers, 'timers', 10),
    one('10,000 waiting calls: restart', restartMs / 1_000, 's', 2),
    one('10,000 waiting calls: sessions awake after it', woken, 'sessions', 0),
    one('10,000 waiting calls: not decided, or twice', sessions - ended + twice, 'calls', 0),
    one('10,000 waiting calls: all expired', expiryMs / 1_000, 's'),
  ]
}

const short: Provider = {
  async *doStream({ messages }) {
    const last = messages.at(-1)
    const isLoop = last?.role === 'user' && last.content === 'loop'
    if (isLoop) yield { type: 'tool-call', id: 'a', name: 'loop', input: {} }
    else yield { type: 'text-delta', text: 'done' }
    yield { type: 'finish', reason: isLoop ? 'tool-calls' : 'stop', usage: zeroUsage }
  },
}

/** The slowest runs of other sessions, beside a tool in a loop that never ends and without it, in paired rounds. */
async function besideLoop(): Promise<Result> {
  const module = new URL('lib/endless-loop.ts', import.meta.url)
  const loop = isolatedTool({ name: 'loop', description: 'Loops', module, timeoutMs: 600_000 })
  await using claw = await new BeamClaw({
    providers: { local: short },
    agents: [defineAgent({ id: 'main', model: 'local/x', tools: [loop] })],
    services: { logger: silentLogger },
  }).start()
  const p99 = async (): Promise<number> => {
    const times: number[] = []
    for (let index = 0; index < 2_000; index++) {
      const startedAt = performance.now()
      await claw
        .session(`agent:main:s${index % 50}`)
        .send('hello')
        .result()
      times.push(performance.now() - startedAt)
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN
  }
  await p99()
  const alone: number[] = []
  const beside: number[] = []
  for (let round = 0; round < 3; round++) {
    alone.push(await p99())
    const looping = claw.session('agent:main:loop')
    const run = looping.send('loop')
    run.result().catch(() => {})
    await later(300)
    beside.push(await p99())
    await looping.abort()
  }
  const reference = { name: 'without it', value: median(alone) }
  const metric = 'p99 of runs beside an isolated tool that loops'
  return {
    bench: 'tools',
    metric,
    value: median(beside),
    unit: 'ms',
    reference,
    score: median(beside) / median(alone),
    target: { atMost: 2 },
  }
}

export const tools: Bench = {
  name: 'tools',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-tools-'))
    try {
      return [await noopCalls(), await besideLoop(), ...(await waitingCalls(folder))]
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
