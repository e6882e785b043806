/** A process with idle sessions that had one conversation each; reports the memory of each. */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent, type RunningBeamClaw, type Store, silentLogger } from '@beamclaw/core'
import { FsStore, nodeFileSystem } from '@beamclaw/store-fs'
import { median } from './result.ts'
import { shortAnswers } from './short-answers.ts'

/** Sessions beside which a run is timed. */
const crowds = [1, 1_000, 100_000]
const warmUp = 2_000
const atOnce = 64
const sleepAfterMs = 20
const movedAfterMs = 30_000
const timed = { rounds: 5, runs: 60, pauseMs: 200 }

export interface IdleSessions {
  readonly heapBytesEach: number
  readonly rssMegabytes: number
  /** Milliseconds of a run beside so many sleeping sessions. */
  readonly runMs: readonly { readonly others: number; readonly ms: number }[]
}

/** Measures `count` sessions in a process of its own. */
export async function measureIdleSessions(count: number): Promise<IdleSessions> {
  const child = fork(fileURLToPath(import.meta.url), ['measure', String(count)], {
    execArgv: [...process.execArgv.filter((flag) => flag !== '--expose-gc'), '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as IdleSessions))
    child.once('exit', (code) => reject(new Error(`the process with the sessions ended with ${code}`)))
  })
}

/** A store whose writes are all made and never synced: how long they take is not the question here. */
export function unsyncedStore(path: string): FsStore {
  const skip = async (): Promise<void> => {}
  return new FsStore({ path, sync: 'os', fileSystem: { ...nodeFileSystem, sync: skip, datasync: skip } })
}

/** BeamClaw over `store`, with a model that answers at once and sessions that sleep at once. */
export async function clawWithSleepers(store: Store): Promise<RunningBeamClaw> {
  return new BeamClaw({
    providers: { local: shortAnswers },
    agents: [defineAgent({ id: 'main', model: 'local/short', compactAboveTokens: 1_000_000_000 })],
    store,
    sessions: { passivateAfterMs: sleepAfterMs },
    services: { logger: silentLogger },
  }).start()
}

/** Has sessions `from` up to, not including, `to` talk once; resolves when all sleep. */
export async function talkOnce(claw: RunningBeamClaw, from: number, to: number): Promise<void> {
  let next = from
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < to) await claw.session(`agent:main:sleeper-${next++}`).send('hello there').result()
    }),
  )
  for (let index = Math.max(from, to - atOnce); index < to; index++) await asleep(claw, `agent:main:sleeper-${index}`)
}

/** Resolves when a session has left memory. A look at it keeps it awake for as long as it sleeps late, so looks are rare. */
export async function asleep(claw: RunningBeamClaw, key: string): Promise<void> {
  while ((await claw.session(key).inspect()).isAwake) await new Promise((resolve) => setTimeout(resolve, 3 * sleepAfterMs))
}

/** Milliseconds of a run, the median of `count` in one session, one after the other. */
export async function medianRunMs(claw: RunningBeamClaw, name: string, count: number): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < count; index++) {
    const startedAt = performance.now()
    await claw.session(`agent:main:${name}`).send('hello there').result()
    times.push(performance.now() - startedAt)
  }
  return median(times)
}

/** Milliseconds of a run: the lowest of some medians, taken apart from each other, because a machine that has other things to do only adds. */
export async function timeRun(claw: RunningBeamClaw, name: string): Promise<number> {
  const medians: number[] = []
  for (let round = 0; round < timed.rounds; round++) {
    if (round > 0) await new Promise((resolve) => setTimeout(resolve, timed.pauseMs))
    medians.push(await medianRunMs(claw, name, timed.runs))
  }
  return Math.min(...medians)
}

async function settledHeap(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return process.memoryUsage().heapUsed
}

async function measure(count: number): Promise<IdleSessions> {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-idle-'))
  try {
    await using claw = await clawWithSleepers(unsyncedStore(folder))
    const runMs: { others: number; ms: number }[] = []
    await medianRunMs(claw, 'warm-up', warmUp)
    let up = 0
    let before = 0
    for (const others of [...crowds.filter((crowd) => crowd < count), count]) {
      await talkOnce(claw, up, others)
      up = others
      // What so many runs have written is still being moved; a run beside that is another question.
      if (others > 10_000) await new Promise((resolve) => setTimeout(resolve, movedAfterMs))
      const heap = await settledHeap()
      if (others === 1) before = heap
      runMs.push({ others, ms: await timeRun(claw, `beside-${others}`) })
    }
    return { heapBytesEach: ((await settledHeap()) - before) / count, rssMegabytes: process.memoryUsage.rss() / 1_000_000, runMs }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[2] === 'measure') {
  process.send?.(await measure(Number(process.argv[3])))
  process.disconnect()
}
