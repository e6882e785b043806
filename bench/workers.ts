/** Workers over one data directory: two against one, one against a process without workers, and a kill under runs. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterNode } from './lib/cluster-node.ts'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'
import { slowMs, type WorkerNode, Workers } from './lib/worker-node.ts'

const rounds = 7
/** Rounds before the first that counts: with fewer, two workers that have half of the runs each are compared while they compile. */
const warmUp = 15
const crowd = 64
const each = 30
const deaths = 10
/** A file system in memory, where Linux has one. */
const memory = '/dev/shm'
const underWay = 50

const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

const perSecond = (milliseconds: number): number => (crowd * each) / (milliseconds / 1_000)

/** Runs per second, with each part of the sessions asked for at the worker of the same index. */
async function rateOf(nodes: readonly WorkerNode[], parts: readonly (readonly string[])[]): Promise<number> {
  const startedAt = performance.now()
  await Promise.all(nodes.map((node, index) => node.measure({ do: 'runs', sessions: parts[index] ?? [], each })))
  return perSecond(performance.now() - startedAt)
}

/** The sessions of each worker. */
async function ownedBy(nodes: readonly WorkerNode[], sessions: readonly string[]): Promise<readonly (readonly string[])[]> {
  const found = await Promise.all(nodes.map((node) => node.measure({ do: 'owned', sessions })))
  return found.map((indexes) => indexes.map((index) => sessions[index] as string))
}

/** Makes a data directory. */
function directory(folder: string, name: string): string {
  const path = join(folder, name, 'data')
  mkdirSync(path, { recursive: true })
  return path
}

async function throughput(folder: string): Promise<Result[]> {
  const [two, one] = [await Workers.start(directory(folder, 'two'), 2), await Workers.start(directory(folder, 'one'), 1)]
  const single = await ClusterNode.start({ folder: directory(folder, 'single') })
  const rates = { there: [] as number[], anywhere: [] as number[], one: [] as number[], single: [] as number[] }
  try {
    for (let round = 0; round < warmUp + rounds; round++) {
      const sessions = sessionsNamed(`crowd-${round}`, crowd)
      const here = await rateOf(two.nodes, await ownedBy(two.nodes, sessions))
      const alone = await rateOf(one.nodes, [sessions])
      const others = sessionsNamed(`others-${round}`, crowd)
      const anywhere = await rateOf(
        two.nodes,
        two.nodes.map((_, index) => others.filter((__, at) => at % 2 === index)),
      )
      const plain = perSecond((await single.measure({ do: 'runs', sessions, each }))[0] as number)
      if (round < warmUp) continue
      rates.there.push(here)
      rates.one.push(alone)
      rates.anywhere.push(anywhere)
      rates.single.push(plain)
    }
  } finally {
    await Promise.all([two.stop(), one.stop(), single.kill()])
  }
  const row = (metric: string, values: readonly number[], name: string, references: readonly number[], atLeast?: number): Result => ({
    bench: 'workers',
    metric,
    value: median(values),
    unit: 'runs/s',
    reference: { name, value: median(references) },
    score: medianRatio(values, references),
    ...(atLeast === undefined ? {} : { target: { atLeast } }),
  })
  return [
    row('2 workers, messages enter where their sessions are', rates.there, '1 worker', rates.one, 1.25),
    row('2 workers, messages enter anywhere', rates.anywhere, '1 worker', rates.one),
    row('1 worker', rates.one, 'one process without workers', rates.single),
    row('2 workers, messages enter where their sessions are', rates.there, 'one process without workers', rates.single),
  ]
}

/** Two workers against one where a sync costs nothing: what the cores give, on a machine whose disk takes no more syncs of two processes than of one. */
async function throughputInMemory(folder: string): Promise<Result> {
  const [two, one] = [await Workers.start(directory(folder, 'two'), 2), await Workers.start(directory(folder, 'one'), 1)]
  const [both, alone]: [number[], number[]] = [[], []]
  try {
    for (let round = 0; round < warmUp + rounds; round++) {
      const sessions = sessionsNamed(`crowd-${round}`, crowd)
      const rates = [await rateOf(two.nodes, await ownedBy(two.nodes, sessions)), await rateOf(one.nodes, [sessions])] as const
      if (round < warmUp) continue
      both.push(rates[0])
      alone.push(rates[1])
    }
  } finally {
    await Promise.all([two.stop(), one.stop()])
  }
  return {
    bench: 'workers',
    metric: '2 workers, messages enter where their sessions are, files in memory',
    value: median(both),
    unit: 'runs/s',
    reference: { name: '1 worker', value: median(alone) },
    score: medianRatio(both, alone),
    target: { atLeast: 1.25 },
  }
}

/** Kills the worker of sessions whose runs are under way; their callers are at the other one. */
async function failover(folder: string): Promise<Result> {
  const workers = await Workers.start(directory(folder, 'killed'), 2)
  const times: number[] = []
  try {
    for (let death = 0; death < deaths; death++) {
      const [asker, victim] = workers.nodes as [WorkerNode, WorkerNode]
      const [, owned = []] = await ownedBy([asker, victim], sessionsNamed(`dies-${death}`, 4 * underWay))
      const sessions = owned.slice(0, underWay)
      await asker.measure({ do: 'runs', sessions, each: 1 })
      const ended = asker.measure({ do: 'runs', sessions, each: 1, text: 'slow' })
      // All runs ask the model by then.
      await new Promise((resolve) => setTimeout(resolve, slowMs / 2))
      const killedAt = performance.now()
      workers.kill(victim)
      await ended
      times.push((performance.now() - killedAt) / 1_000)
      await workers.settled()
    }
  } finally {
    await workers.stop()
  }
  const value = times.toSorted((a, b) => a - b)[Math.floor(0.95 * times.length)] ?? Number.NaN
  return {
    bench: 'workers',
    metric: `kill -9 under ${underWay} runs until all have ended, p95 of ${deaths} (p50 ${median(times).toFixed(2)} s), a model of ${slowMs} ms included`,
    value,
    unit: 's',
    score: value,
    target: { atMost: 1 },
  }
}

export const workers: Bench = {
  name: 'workers',
  async run() {
    const inFolder = async <T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> => {
      const folder = mkdtempSync(join(parent, 'beamclaw-bench-'))
      try {
        return await work(folder)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    }
    const onDisk = await inFolder(tmpdir(), throughput)
    const quick = existsSync(memory) ? [await inFolder(memory, throughputInMemory)] : []
    return [...onDisk, ...quick, await inFolder(tmpdir(), failover)]
  },
}
