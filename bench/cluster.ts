/** Many nodes over one Redis: failover, migration, calls, events and throughput, with the defaults of the cluster. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClusterNode, type Measurement, type NodeStorage, pieces } from './lib/cluster-node.ts'
import { hasRedis, RedisProcess } from './lib/redis-process.ts'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

const deaths = 20
const idle = 26
const rounds = 5
/** Rounds of throughput before the first that counts. A third of the runs is at each of three nodes: fewer rounds compare their compilers with that of one node, which has had all. */
const warmUp = 30
const crowd = 64
const each = 15

const sessionsNamed = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `agent:main:${name}-${index}`)

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Nodes of one cluster, started one by one. */
class Cluster {
  readonly nodes: ClusterNode[] = []
  readonly #redis: string
  readonly #prefix: string
  #started = 0

  constructor(redis: string, prefix: string) {
    this.#redis = redis
    this.#prefix = prefix
  }

  async add(): Promise<ClusterNode> {
    const storage: NodeStorage = { redis: this.#redis, prefix: this.#prefix, id: `node-${this.#started++}` }
    const node = await ClusterNode.start(storage)
    this.nodes.push(node)
    return node
  }

  /** Resolves once each node sees all. */
  async settled(): Promise<void> {
    for (const node of this.nodes)
      while ((await node.measure({ do: 'members' }))[0] !== this.nodes.length) await new Promise((resolve) => setTimeout(resolve, 20))
  }

  /** The sessions of these that the node owns. */
  async owned(node: ClusterNode, sessions: readonly string[]): Promise<readonly string[]> {
    return (await node.measure({ do: 'owned', sessions })).map((index) => sessions[index] as string)
  }

  async kill(node: ClusterNode): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1)
    await node.kill()
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
  }
}

async function clusterOf(redis: string, prefix: string, count: number): Promise<Cluster> {
  const cluster = new Cluster(redis, prefix)
  for (let index = 0; index < count; index++) await cluster.add()
  await cluster.settled()
  return cluster
}

/** Kills a node, and asks another one at once for a session of it. */
async function failover(cluster: Cluster): Promise<Result> {
  const times: number[] = []
  for (let death = 0; death < deaths; death++) {
    const [asker, victim] = cluster.nodes as [ClusterNode, ClusterNode]
    const sessions = sessionsNamed(`dies-${death}`, 12)
    await asker.measure({ do: 'asks', sessions, atOnce: true })
    const lost = await cluster.owned(victim, sessions)
    await cluster.kill(victim)
    times.push(...(await asker.measure({ do: 'asks', sessions: lost.slice(0, 1) })))
    await cluster.add()
    await cluster.settled()
  }
  const value = percentile(times, 0.95) / 1_000
  return {
    bench: 'cluster',
    metric: `kill -9 to next answer, p95 of ${deaths} (p50 ${(median(times) / 1_000).toFixed(2)} s)`,
    value,
    unit: 's',
    score: value,
    target: { atMost: 3 },
  }
}

/** Drains a node: what the next message to a session at rest costs more, and how long callers wait who ask in that moment. */
async function migration(cluster: Cluster): Promise<Result[]> {
  const more: number[] = []
  const waits: number[] = []
  for (let round = 0; round < 3; round++) {
    const [asker, source] = cluster.nodes as [ClusterNode, ClusterNode]
    const sessions = sessionsNamed(`moves-${round}`, 3 * idle)
    await asker.measure({ do: 'asks', sessions, atOnce: true })
    const moving = await cluster.owned(source, sessions)
    const before = await asker.measure({ do: 'asks', sessions: moving })
    const [called, resting] = [moving.filter((_, index) => index % 2 === 0), moving.filter((_, index) => index % 2 === 1)]
    const draining = source.measure({ do: 'drain' })
    waits.push(...(await asker.measure({ do: 'asks', sessions: called, atOnce: true })))
    await draining
    const usual = median(before)
    more.push(...(await asker.measure({ do: 'asks', sessions: resting })).map((time) => Math.max(0, time - usual)))
    await cluster.kill(source)
    await cluster.add()
    await cluster.settled()
  }
  const pause = median(more)
  const wait = percentile(waits, 0.99)
  return [
    { bench: 'cluster', metric: 'migration of a session at rest, p50', value: pause, unit: 'ms', score: pause, target: { atMost: 5 } },
    {
      bench: 'cluster',
      metric: `a caller while its session moves, p99 of ${waits.length} (p50 ${median(waits).toFixed(1)} ms)`,
      value: wait,
      unit: 'ms',
      score: wait,
      target: { atMost: 50 },
    },
  ]
}

async function calls(cluster: Cluster): Promise<Result[]> {
  const [node] = cluster.nodes as [ClusterNode]
  await node.measure({ do: 'requests', count: 500 })
  const times = await node.measure({ do: 'requests', count: 3_000 })
  const [p50, p99] = [median(times), percentile(times, 0.99)]
  return [
    { bench: 'cluster', metric: 'a call to another node, idle, p50', value: p50, unit: 'ms', score: p50, target: { atMost: 0.5 } },
    { bench: 'cluster', metric: 'a call to another node, idle, p99', value: p99, unit: 'ms', score: p99, target: { atMost: 3 } },
  ]
}

/** What a streamed event costs more, on both nodes together, when a node that does not own its session follows it. */
async function events(cluster: Cluster): Promise<Result> {
  const [reader, owner] = cluster.nodes as [ClusterNode, ClusterNode]
  const sessions = sessionsNamed('streams', 120)
  await owner.measure({ do: 'asks', sessions, atOnce: true })
  const owned = await cluster.owned(owner, sessions)
  const [alone, followed] = [owned.slice(0, 10), owned.slice(10, 20)]
  await reader.measure({ do: 'follow', sessions: followed })
  const cpuOf = async (sessions: readonly string[]): Promise<number> => {
    const sum = async (): Promise<number> => {
      const parts = await Promise.all([reader, owner].map((node) => node.measure({ do: 'cpu' })))
      return parts.reduce((total, [part = 0]) => total + part, 0)
    }
    const before = await sum()
    await owner.measure({ do: 'streams', sessions })
    // What is on its way to the reader has arrived.
    await new Promise((resolve) => setTimeout(resolve, 200))
    return (await sum()) - before
  }
  const costs: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const bare = await cpuOf(alone)
    const read = await cpuOf(followed)
    // The first round compiles.
    if (round > 0) costs.push((read - bare) / (followed.length * pieces))
  }
  const value = median(costs)
  return { bench: 'cluster', metric: 'an event to another node, both sides', value, unit: 'µs', score: value, target: { atMost: 3 } }
}

const perSecond = (milliseconds: number, runs: number): number => runs / (milliseconds / 1_000)

/** Runs per second of one node, all sessions at once. */
async function crowdRuns(node: ClusterNode, round: number): Promise<number> {
  const what: Measurement = { do: 'runs', sessions: sessionsNamed(`crowd-${round}`, crowd), each }
  return perSecond((await node.measure(what))[0] as number, crowd * each)
}

/** Three nodes against one, with messages that enter anywhere and at the nodes of their sessions; then one node over Redis against one over files. */
async function throughput(redis: string, folder: string): Promise<Result[]> {
  const [three, one] = [await clusterOf(redis, 'three', 3), await clusterOf(redis, 'one', 1)]
  const files = await ClusterNode.start({ folder })
  const rates = { anywhere: [] as number[], there: [] as number[], one: [] as number[], files: [] as number[] }
  const all = async (parts: readonly (readonly string[])[]): Promise<number> => {
    const startedAt = performance.now()
    await Promise.all(three.nodes.map((node, index) => node.measure({ do: 'runs', sessions: parts[index] as readonly string[], each })))
    return perSecond(performance.now() - startedAt, crowd * each)
  }
  try {
    for (let round = 0; round < warmUp + 2 * rounds; round++) {
      const sessions = sessionsNamed(`crowd-${round}`, crowd)
      const anywhere = await all(three.nodes.map((_, index) => sessions.filter((__, at) => at % 3 === index)))
      const there = await all(await Promise.all(three.nodes.map((node) => three.owned(node, sessions))))
      const [single, onFiles] = [await crowdRuns(one.nodes[0] as ClusterNode, round), await crowdRuns(files, round)]
      if (round < warmUp) continue
      rates.anywhere.push(anywhere)
      rates.there.push(there)
      rates.one.push(single)
      rates.files.push(onFiles)
    }
  } finally {
    await Promise.all([three.stop(), one.stop(), files.kill()])
  }
  const row = (metric: string, values: readonly number[], name: string, references: readonly number[], atLeast: number): Result => ({
    bench: 'cluster',
    metric,
    value: median(values),
    unit: 'runs/s',
    reference: { name, value: median(references) },
    score: medianRatio(values, references),
    target: { atLeast },
  })
  return [
    row('3 nodes, messages enter anywhere', rates.anywhere, '1 node', rates.one, 0.85),
    row('3 nodes, messages enter where their sessions are', rates.there, '1 node', rates.one, 0.85),
    row('1 node over Redis, AOF always', rates.one, '1 node over files', rates.files, 0.5),
  ]
}

export const cluster: Bench = {
  name: 'cluster',
  async run() {
    if (!hasRedis) {
      console.error('redis-server is not installed on this machine: nothing was measured')
      return []
    }
    await using redis = await RedisProcess.start()
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    try {
      const rows = await throughput(redis.url, folder)
      const nodes = await clusterOf(redis.url, 'faults', 3)
      try {
        rows.push(...(await calls(nodes)), await events(nodes), ...(await migration(nodes)), await failover(nodes))
      } finally {
        await nodes.stop()
      }
      return rows
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
