import { type AppendLog, type Lease, type NodeRef, parseNodeId } from '@beamclaw/core'
import { logRecords, storeKey } from '@beamclaw/testkit'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { clusterNames } from './cluster-names.ts'
import { ownedClient } from './node-redis-client.ts'
import { Ownership } from './ownership.ts'
import { RedisLink } from './redis-link.ts'
import { RedisStore } from './redis-store.ts'
import { momentOf, SelfFence } from './self-fence.ts'
import { allSee, type TestNode, TestNodes, until } from './testing/cluster-nodes.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf, rejectionOf } from './testing/rejection.ts'
import { SkewedClock } from './testing/skewed-clock.ts'

describe.skipIf(noRedis !== undefined)(`owners of keys${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let nodes: TestNodes
  let prefixes = 0
  let prefix = ''
  let all: [TestNode, TestNode, TestNode]
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  beforeEach(async () => {
    prefix = `owners${++prefixes}`
    nodes = new TestNodes(server.url, prefix)
    // None of them dies of a busy machine.
    const times = { ttlMs: 15_000, deadlineMs: 5_000 }
    all = [await nodes.join('a', times), await nodes.join('b', times), await nodes.join('c', times)]
    await allSee(...all)
  })
  afterEach(() => nodes.stop())
  afterAll(() => server.dispose())

  const ownerName = (key: string): string => clusterNames(prefix).owner(key)

  test('of three nodes that claim 200 keys at once each key goes to one, whom the others are told', async () => {
    const claims = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        Promise.all(
          all.map(async ({ cluster }) => {
            const lease = await cluster.acquire(`key-${index}`).catch((error: { readonly details: { readonly owner: NodeRef } }) => error)
            return 'token' in lease ? { granted: cluster.self } : { refused: lease.details.owner }
          }),
        ),
      ),
    )
    for (const [index, outcomes] of claims.entries()) {
      const granted = outcomes.flatMap((outcome) => ('granted' in outcome ? [outcome.granted] : []))
      expect(granted).toHaveLength(1)
      for (const outcome of outcomes) if ('refused' in outcome) expect(outcome.refused).toEqual(granted[0])
      expect(await all[(index % 3) as 0].cluster.locate(`key-${index}`)).toMatchObject({ node: granted[0], isOwner: true })
    }
  })

  test('a free key has the same place for all, and never at a draining node', async () => {
    const [a, b, c] = all
    const places = async (): Promise<NodeRef[]> => {
      const located = await Promise.all(
        Array.from({ length: 60 }, (_, index) => Promise.all(all.map(({ cluster }) => cluster.locate(`free-${index}`)))),
      )
      for (const [first, ...rest] of located) for (const other of rest) expect(other).toEqual(first)
      return located.flatMap(([first]) => (first === undefined ? [] : [first.node]))
    }
    expect(new Set((await places()).map(({ id }) => id))).toEqual(new Set(['a', 'b', 'c']))
    await b.cluster.announce({ state: 'draining' })
    await until('it is seen', () => all.every(({ cluster }) => cluster.members.some(({ state }) => state === 'draining')))
    expect(new Set((await places()).map(({ id }) => id))).toEqual(new Set(['a', 'c']))
    await Promise.all([a, c].map(({ cluster }) => cluster.announce({ state: 'draining' })))
    await until('it is seen', () => all.every(({ cluster }) => cluster.members.every(({ state }) => state === 'draining')))
    expect(await places()).toHaveLength(60)
  })

  test('a key that was handed over is for one node alone, and free to all after five seconds', async () => {
    const [a, b, c] = all
    await a.cluster.release(await a.cluster.acquire('k'), b.cluster.self)
    expect(await c.cluster.locate('k')).toMatchObject({ node: b.cluster.self, isOwner: false })
    for (const { cluster } of [a, c]) expect((await rejectionOf(cluster.acquire('k')))?.details.owner).toEqual(b.cluster.self)
    const lease = await b.cluster.acquire('k')
    const handedAt = await timeOf(server)
    await b.cluster.release(lease, a.cluster.self)
    await until('the hint is over', async () => (await outcomeOf(c.cluster.acquire('k'))) === 'done')
    expect((await timeOf(server)) - handedAt).toBeGreaterThanOrEqual(5_000)
  })

  test('a key that was handed to a node that left is free', async () => {
    const [a, b, c] = all
    await a.cluster.release(await a.cluster.acquire('k'), b.cluster.self)
    await b.cluster.stop()
    expect((await c.cluster.locate('k')).node.id).not.toBe('b')
    expect((await c.cluster.acquire('k')).owner).toBe('c')
  })

  test('a late release of an older lease, or of a lease of another node, changes nothing', async () => {
    const [a, b] = all
    const old = await a.cluster.acquire('k')
    const present = await a.cluster.acquire('k')
    await a.cluster.release(old, b.cluster.self)
    await b.cluster.release(present)
    expect(await b.cluster.locate('k')).toMatchObject({ node: a.cluster.self, isOwner: true })
    await a.cluster.release(present)
    await a.cluster.release(present)
    expect((await b.cluster.locate('k')).isOwner).toBe(false)
  })

  test('epochs never fall, also for a key that the server has forgotten', async () => {
    const [a, b] = all
    let last = 0
    for (let round = 0; round < 60; round++) {
      const { cluster } = round % 2 === 0 ? a : b
      const lease = await cluster.acquire('k', round === 7 ? last + 50 : 0)
      expect(lease.token.epoch).toBeGreaterThan(last)
      last = lease.token.epoch
      await cluster.release(lease)
      if (round > 20) await until('its time is over', async () => (await timeOf(server)) > last)
      if (round > 20) await server.send('DEL', ownerName('k'))
    }
    for (const bad of [-1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER])
      expect(await outcomeOf(a.cluster.acquire('k', bad))).toBe('invalid-option')
    const highest = await a.cluster.acquire('high', 2 ** 52)
    expect(highest.token.epoch).toBe(2 ** 52 + 1)
    expect((await a.cluster.acquire('high')).token.epoch).toBe(2 ** 52 + 2)
  })

  test('the server forgets a free key in an hour, and one whose owner is gone in a day', async () => {
    const [a] = all
    const lease = await a.cluster.acquire('k')
    const hour = 3_600_000
    const left = async (): Promise<number> => Number(await server.send('PTTL', ownerName('k')))
    expect(await left()).toBeGreaterThan(23 * hour)
    expect(await left()).toBeLessThanOrEqual(24 * hour)
    await a.cluster.release(lease)
    expect(await left()).toBeGreaterThan(hour / 2)
    expect(await left()).toBeLessThanOrEqual(hour)
    // An epoch ahead of the clock is kept until the clock has passed it.
    const ahead = await a.cluster.acquire('k', (await timeOf(server)) + 48 * hour)
    await a.cluster.release(ahead)
    expect(await left()).toBeGreaterThan(48 * hour)
  })

  test('a node has the server keep what it holds, and nothing else', async () => {
    const clock = new SkewedClock()
    const names = clusterNames(prefix)
    const link = new RedisLink({
      client: ownedClient({ url: server.url, silenceMs: 5_000 }),
      where: server.url,
      deadlineMs: 5_000,
      clock,
      check: async () => undefined,
    })
    const self = { id: parseNodeId('own'), incarnation: 'own-life' }
    await server.send('ZADD', names.nodes, '99999999999999', self.incarnation)
    const life = { self, fence: new SelfFence(clock, 60_000, momentOf(clock)), unsubscribe: async () => undefined, written: '' }
    const membership = { life, isolate: () => undefined }
    const ownership = new Ownership({ link, names, id: self.id, membership, ttlMs: 60_000, clock, keepMs: 60_000 })
    const left = async (key: string): Promise<number> => Number(await server.send('PTTL', ownerName(key)))
    await ownership.claim('held', 0)
    await ownership.claim('lost', 0)
    await ownership.release(await ownership.claim('free', 0), undefined)
    await server.send('HSET', ownerName('lost'), 'n', 'of another lease')
    for (const key of ['held', 'lost', 'free']) await server.send('PEXPIRE', ownerName(key), '20000')
    await ownership.keep()
    expect(await left('held')).toBeLessThanOrEqual(20_000)
    clock.monotonicMs += 30_001
    await ownership.keep()
    expect(await left('held')).toBeGreaterThan(50_000)
    for (const key of ['lost', 'free']) expect(await left(key)).toBeLessThanOrEqual(20_000)
    await link.stop()
  })

  test('a node that is isolated gets its keys back as its next life, unless another one has them', async () => {
    const [a, b] = all
    const before = [await a.cluster.acquire('mine'), await a.cluster.acquire('theirs')]
    const { self } = a.cluster
    // As the others do with a dead one.
    await server.send('ZREM', clusterNames(prefix).nodes, self.incarnation)
    await b.cluster.acquire('theirs')
    await until('it is back', () => a.host.lives.length === 2)
    expect(a.host.lives).toEqual(['isolated', a.cluster.self])
    expect((await a.cluster.acquire('mine')).token.epoch).toBeGreaterThan(before[0]?.token.epoch ?? 0)
    expect((await rejectionOf(a.cluster.acquire('theirs')))?.details.owner).toEqual(b.cluster.self)
  })
})

async function timeOf(server: RedisServer): Promise<number> {
  const [seconds, micros] = (await server.send('TIME')) as readonly string[]
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

/** One step of the plan: what a node does, or what happens to it. */
interface Step {
  readonly node: 0 | 1 | 2
  readonly key: 0 | 1
  readonly does: 'claim' | 'write' | 'release' | 'hand' | 'die' | 'restart'
  readonly waits: boolean
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    node: fc.constantFrom(0 as const, 1 as const, 2 as const),
    key: fc.constantFrom(0 as const, 1 as const),
    does: fc.constantFrom(
      ...(['claim', 'claim', 'claim', 'write', 'write', 'write', 'write', 'release', 'hand', 'die', 'restart'] as const),
    ),
    waits: fc.boolean(),
  }),
  { minLength: 10, maxLength: 60 },
)

describe.skipIf(noRedis !== undefined)(`owners of logs${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.dispose())

  test('whatever nodes claim, release and die, a log has what was acknowledged, and one lease writes at a time', async () => {
    let plans = 0
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const run = new OwnedLogs(server, `plan${++plans}`)
        await run.start()
        try {
          for (const step of plan) {
            const done = run.step(step)
            if (step.waits) await done
          }
          await run.check()
        } finally {
          await run.stop()
        }
      }),
      { numRuns: 40, seed: 20_261_123 },
    )
  }, 120_000)
})

interface Owned {
  readonly lease: Lease
  readonly log: AppendLog
  next: number
}

/** Nodes that open logs with their leases, and what was acknowledged to them. */
class OwnedLogs {
  readonly #server: RedisServer
  readonly #prefix: string
  readonly #nodes: TestNodes
  readonly #store: RedisStore
  readonly #live: TestNode[] = []
  readonly #owned = new Map<string, Owned>()
  readonly #acknowledged = new Map<number, { readonly epoch: number; readonly id: string; readonly seq: number }[]>()
  readonly #underWay: Promise<void>[] = []
  #records = 0

  constructor(server: RedisServer, prefix: string) {
    this.#server = server
    this.#prefix = prefix
    this.#nodes = new TestNodes(server.url, prefix)
    this.#store = new RedisStore({ url: server.url, prefix })
  }

  async start(): Promise<void> {
    for (const id of ['n0', 'n1', 'n2']) this.#live.push(await this.#nodes.join(id))
  }

  step(step: Step): Promise<void> {
    const done = this.#do(step)
    this.#underWay.push(done)
    return done
  }

  /** Each acknowledged record is in its log, where it was acknowledged; the epochs of records never fall. */
  async check(): Promise<void> {
    await Promise.all(this.#underWay)
    for (const [key, acknowledged] of this.#acknowledged) {
      const { records = [] } = (await this.#store.readLog(storeKey('sessions', String(key)))) ?? {}
      for (const { id, seq } of acknowledged) expect(records[seq - 1]?.id).toBe(id)
      const epochs = records.map(({ id }) => Number(id.split('-')[0]))
      expect(epochs).toEqual(epochs.toSorted((x, y) => x - y))
    }
  }

  async stop(): Promise<void> {
    await this.#nodes.stop()
    await this.#store.stop()
  }

  async #do({ node, key, does }: Step): Promise<void> {
    const { cluster } = this.#live[node] as TestNode
    const name = `${cluster.self.incarnation}/${key}`
    const owned = this.#owned.get(name)
    try {
      if (does === 'claim') {
        const lease = await cluster.acquire(`log-${key}`)
        const log = await this.#store.openLog(storeKey('sessions', String(key)), lease.token)
        const next = ((await log.read()).records.at(-1)?.seq ?? 0) + 1
        this.#owned.set(name, { lease, log, next })
      } else if (does === 'die') {
        // As the others do with a dead one; the node does not know it yet.
        await this.#server.send('ZREM', clusterNames(this.#prefix).nodes, cluster.self.incarnation)
      } else if (does === 'restart') {
        await cluster.stop()
        this.#live[node] = await this.#nodes.join(`n${node}`)
      } else if (owned !== undefined && does === 'write') {
        const seq = owned.next++
        const id = `${owned.lease.token.epoch}-${++this.#records}`
        await owned.log.append(logRecords(seq).map((record) => ({ ...record, id })))
        const list = this.#acknowledged.get(key) ?? []
        list.push({ epoch: owned.lease.token.epoch, id, seq })
        this.#acknowledged.set(key, list)
      } else if (owned !== undefined) {
        const to = this.#live[(node + 1) % 3]?.cluster.self
        await cluster.release(owned.lease, does === 'hand' ? to : undefined)
      }
    } catch (error) {
      expect(['fenced', 'log-gap', 'node-isolated', 'store-stopped', 'store-io', 'node-id-taken']).toContain(
        (error as { readonly code?: string }).code ?? String(error),
      )
    }
  }
}
