import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { RedisCluster } from './redis-cluster.ts'
import { allSee, HeardHost, quick, TestNodes, until } from './testing/cluster-nodes.ts'
import { RedisProxy } from './testing/redis-proxy.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf, rejectionOf } from './testing/rejection.ts'
import { SkewedClock } from './testing/skewed-clock.ts'
import { ToldLogger } from './testing/told-logger.ts'

describe('RedisCluster', () => {
  test('refuses options that cannot be', () => {
    const url = 'redis://localhost'
    const bad: unknown[] = [undefined, {}, { url, client: {} }, { url, heartbeatMs: 0 }, { url, heartbeatMs: 1_000, ttlMs: 2_000 }]
    bad.push({ url, weight: 0 }, { url, weight: Number.NaN }, { url, clock: {} }, { url, deadlineMs: 1 }, { url, maxDocumentBytes: 5 })
    for (const options of bad) expect(() => new RedisCluster(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(() => new RedisCluster({ url, nodeId: 'a.b' })).toThrow(expect.objectContaining({ code: 'invalid-id' }))
  })

  test('has an id made of the name of the machine', () => {
    expect(new RedisCluster({ url: 'redis://localhost' }).self.id).toMatch(/^[a-z0-9][a-z0-9_-]*$/)
  })
})

describe.skipIf(noRedis !== undefined)(`members of a cluster${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  let proxy: RedisProxy
  let nodes: TestNodes
  let prefixes = 0
  let prefix = ''
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  beforeEach(async () => {
    prefix = `members${++prefixes}`
    proxy = await RedisProxy.start(server.folder, server.socket)
    nodes = new TestNodes(server.url, prefix)
  })
  afterEach(async () => {
    await nodes.stop()
    await proxy.stop().catch(() => undefined)
  })
  afterAll(() => server.dispose())

  test('a node is among the members once it has joined, and all see each other, their state and their load', async () => {
    const a = await nodes.join('a')
    expect(a.cluster.members).toEqual([{ ...a.cluster.self, state: 'up', load: 0, wire: [1, 1], records: [1, 1] }])
    const b = await nodes.join('b', { weight: 2 })
    await allSee(a, b)
    await b.cluster.announce({ state: 'draining', load: 30 })
    await until('the change is seen', () =>
      a.cluster.members.some(({ id, state, load }) => id === 'b' && state === 'draining' && load === 15),
    )
    expect([a.host.joined, b.host.joined.toSorted()]).toEqual([
      [a.cluster.self.incarnation, b.cluster.self.incarnation],
      [a.cluster.self.incarnation, b.cluster.self.incarnation].sort(),
    ])
    expect(await outcomeOf(b.cluster.announce({ load: -1 }))).toBe('invalid-option')
  })

  test('nodes with other times to live are told of each other', async () => {
    const logger = new ToldLogger()
    const a = await nodes.join('a', { logger })
    await nodes.join('b', { ttlMs: 10 * quick.ttlMs })
    await until('the other times are told', () => logger.events.includes('store-redis.times-differ'))
    await a.cluster.announce({ load: 1 })
    await a.cluster.announce({ load: 2 })
    expect(logger.events.filter((event) => event === 'store-redis.times-differ')).toHaveLength(1)
  })

  test('a node that claims before it joined is no member, and keeps its key', async () => {
    const a = await nodes.join('a')
    const quiet = nodes.make('quiet')
    await quiet.acquire('its-key')
    const other = await nodes.join('b')
    await allSee(a, other)
    expect((await rejectionOf(a.cluster.acquire('its-key')))?.details.owner).toEqual(quiet.self)
    expect(a.host.joined).not.toContain(quiet.self.incarnation)
    await quiet.join(new HeardHost())
    await until('it is seen', () => a.cluster.members.some(({ incarnation }) => incarnation === quiet.self.incarnation))
  })

  test('stopping is heard at once, and nothing is heard of the others after it', async () => {
    const slow = { heartbeatMs: 60_000, ttlMs: 600_000 }
    const [a, b] = [await nodes.join('a', slow), await nodes.join('b', slow)]
    await until('the first one hears of the second', () => a.cluster.members.length === 2)
    await b.cluster.stop()
    await until('the end is heard', () => a.host.left.includes(b.cluster.self.incarnation))
    const heard = b.host.changes.length
    await nodes.join('c', slow)
    await until('a third one is heard', () => a.cluster.members.length === 2)
    expect(b.host.changes).toHaveLength(heard)
    expect([await outcomeOf(b.cluster.acquire('k')), await outcomeOf(b.cluster.locate('k'))]).toEqual(['store-stopped', 'store-stopped'])
    b.cluster.tell(a.cluster.self, 'late')
  })

  test('a second node of the same id is refused while the first lives, and let in after it was killed', async () => {
    const first = new TestNodes(proxy.url, prefix)
    const a = await first.join('same')
    const other = nodes.make('same')
    const error = await rejectionOf(other.join(new HeardHost()))
    expect([error?.code, error?.details.owner]).toEqual(['node-id-taken', a.cluster.self])
    expect(a.host.lives).toEqual([])
    await proxy.stop()
    await other.join(new HeardHost())
    expect(other.members.map(({ incarnation }) => incarnation)).toEqual([other.self.incarnation])
    await first.stop()
  })

  test('the death of a process is heard long before its membership ends', async () => {
    const times = { heartbeatMs: 100, ttlMs: 60_000 }
    const a = await nodes.join('a', times)
    const process = new NodeProcess(server.url, prefix, 'b', times)
    try {
      const { incarnation } = await process.next('up')
      await until('it is seen', () => a.host.joined.includes(incarnation as string))
      process.child.kill('SIGKILL')
      await until('its death is heard', () => a.host.left.includes(incarnation as string))
      expect((await a.cluster.acquire('key-of-the-process')).owner).toBe('a')
    } finally {
      process.child.kill('SIGKILL')
    }
  })

  test('a frozen process loses its keys, claims nothing as what it was, and comes back as another life', async () => {
    const times = { heartbeatMs: 100, ttlMs: 1_500, deadlineMs: 500 }
    const a = await nodes.join('a')
    const process = new NodeProcess(server.url, prefix, 'b', times)
    try {
      const { incarnation } = await process.next('up')
      await process.next('granted')
      process.child.kill('SIGSTOP')
      await until('it is taken for dead', () => a.host.left.includes(incarnation as string))
      const { token } = await a.cluster.acquire('key-of-the-process')
      process.lines.length = 0
      process.child.kill('SIGCONT')
      await process.next('isolated')
      await process.next('fenced')
      // What the old life was granted before the freeze may be printed after it, but no claim is granted any more.
      const granted = process.lines.filter(({ event, epoch }) => event === 'granted' && Number(epoch) > token.epoch)
      expect(granted).toEqual([])
      const back = a.cluster.members.find(({ id }) => id === 'b')
      expect(back?.incarnation).not.toBe(incarnation)
    } finally {
      process.child.kill('SIGKILL')
    }
  })

  test.each(['wallMs', 'monotonicMs'] as const)(
    'a process that slept by one clock (%s) grants itself nothing under its old life',
    async (name) => {
      const clock = new SkewedClock()
      // No timer notices.
      const a = await nodes.join('a', { clock, heartbeatMs: 60_000, ttlMs: 600_000 })
      const { incarnation } = a.cluster.self
      clock[name] += 400_001
      expect(await outcomeOf(a.cluster.acquire('k'))).toBe('node-isolated')
      expect(await outcomeOf(a.cluster.request(a.cluster.self, 1, { timeoutMs: 1_000 }))).toBe('node-isolated')
      expect(a.host.lives).toEqual(['isolated'])
      expect(a.cluster.members.map((member) => member.incarnation)).toEqual([incarnation])
    },
  )

  test('a node that is cut off stops before its keys have another owner, and rejoins as another life', async () => {
    const far = new TestNodes(proxy.url, prefix)
    const order: string[] = []
    const [a, b] = [await nodes.join('a', { deadlineMs: 10_000 }), await far.join('b', { deadlineMs: 10_000 })]
    await allSee(a, b)
    const before = b.cluster.self
    b.host.onIsolated = () => void order.push('isolated')
    const { onMembers } = a.host
    a.host.onMembers = (change) => {
      if (change.left.length > 0) order.push('left')
      onMembers.call(a.host, change)
    }
    // What the node says does not arrive; its channel stays open.
    proxy.swallow('requests')
    await until('it is given up', () => a.host.left.includes(before.incarnation))
    expect(order).toEqual(['isolated', 'left'])
    expect(await outcomeOf(b.cluster.acquire('k'))).toBe('node-isolated')
    expect(b.cluster.members.map(({ id }) => id).sort()).toEqual(['a', 'b'])
    proxy.cut()
    await until('it is back', () => b.host.lives.length === 1)
    expect(b.host.lives).toEqual([b.cluster.self])
    expect(b.cluster.self.incarnation).not.toBe(before.incarnation)
    await allSee(a, b)
    await far.stop()
  })

  test('a node that hears no answers stops, though the server renews it', async () => {
    const far = new TestNodes(proxy.url, prefix)
    const b = await far.join('b', { deadlineMs: 3_000 })
    const before = b.cluster.self
    proxy.swallow('replies')
    await until('it stops', () => b.host.lives.length > 0)
    expect(b.host.lives[0]).toBe('isolated')
    proxy.cut()
    await until('it is back', () => b.host.lives.length === 2)
    expect(b.cluster.self.incarnation).not.toBe(before.incarnation)
    expect(await b.cluster.request(b.cluster.self, 1, { timeoutMs: 5_000 })).toEqual({ echo: 1 })
    await far.stop()
  })

  test('connections that flap are no death', async () => {
    const [a, b] = [await nodes.join('a'), await nodes.join('b')]
    await allSee(a, b)
    await server.run(async (send) => {
      for (let round = 0; round < 60; round++) {
        await send('CLIENT', 'KILL', 'TYPE', 'pubsub')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
    await until('requests arrive again', async () => (await outcomeOf(a.cluster.request(b.cluster.self, 1, { timeoutMs: 500 }))) === 'done')
    expect([a.host.left, b.host.left, a.host.lives, b.host.lives]).toEqual([[], [], [], []])
  })

  test('a server that is away for less than the fence costs no membership', async () => {
    const times = { heartbeatMs: 100, ttlMs: 15_000, deadlineMs: 500 }
    const [a, b] = [await nodes.join('a', times), await nodes.join('b', times)]
    await allSee(a, b)
    await server.kill()
    await until('calls fail', async () => (await outcomeOf(a.cluster.acquire('k'))) === 'store-io')
    // It was not sent, which is certain.
    expect(await outcomeOf(a.cluster.request(b.cluster.self, 1, { timeoutMs: 20_000 }))).toBe('node-gone')
    await server.start()
    await until('they are back', async () => (await outcomeOf(a.cluster.request(b.cluster.self, 1, { timeoutMs: 500 }))) === 'done')
    await Promise.all([a.cluster.announce({ load: 1 }), b.cluster.announce({ load: 1 })])
    await until('both see it', () => [a, b].every(({ cluster }) => cluster.members.every(({ load }) => load === 1)))
    expect([a.host.left, b.host.left, a.host.lives, b.host.lives]).toEqual([[], [], [], []])
  })

  test('a node that comes back later than the others, after the server was away, is not dead', async () => {
    const times = { heartbeatMs: 50, ttlMs: 30_000, deadlineMs: 500 }
    const far = new TestNodes(proxy.url, prefix)
    const [a, b] = [await nodes.join('a', times), await far.join('b', times)]
    await allSee(a, b)
    await proxy.stop()
    await server.kill()
    await server.start()
    await until('the first one is back', async () => (await outcomeOf(a.cluster.announce({ load: 1 }))) === 'done')
    // Many heartbeats, in each of which the channel of the other one is closed.
    for (let beat = 0; beat < 10; beat++) {
      await new Promise((resolve) => setTimeout(resolve, times.heartbeatMs))
      await a.cluster.announce({ load: beat })
    }
    proxy = await RedisProxy.start(server.folder, server.socket)
    await until('the second one is back', async () => (await outcomeOf(b.cluster.announce({ load: 2 }))) === 'done')
    expect([a.host.left, b.host.lives]).toEqual([[], []])
    await far.stop()
  })

  test('a claim of a node that the others took for dead is refused, and is how it hears of it', async () => {
    const times = { heartbeatMs: 60_000, ttlMs: 600_000 }
    const [a, b] = [await nodes.join('a', times), await nodes.join('b', times)]
    await server.send('ZREM', `${prefix}:nodes`, a.cluster.self.incarnation)
    expect(await outcomeOf(a.cluster.acquire('k'))).toBe('node-isolated')
    expect(a.host.lives).toEqual(['isolated'])
    expect((await b.cluster.acquire('k')).owner).toBe('b')
  })

  test('a process ends by itself once its node has stopped, and timers keep none alive', async () => {
    const program = `
      import { RedisCluster } from ${JSON.stringify(new URL('./redis-cluster.ts', import.meta.url).href)}
      const cluster = new RedisCluster({ url: ${JSON.stringify(server.url)}, prefix: ${JSON.stringify(prefix)}, nodeId: 'short' })
      const host = { wire: [1, 1], records: [1, 1], onMembers() {}, onTell() {}, onRequest: () => new Promise(() => undefined) }
      await cluster.join(host)
      cluster.request(cluster.self, 1, { timeoutMs: 600_000 }).catch(() => undefined)
      await cluster.stop()`
    const child = spawn(process.execPath, ['--conditions=beamclaw:source', '--input-type=module', '-e', program], { stdio: 'inherit' })
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('a server that is away for longer isolates all, and all rejoin', async () => {
    const [a, b] = [await nodes.join('a'), await nodes.join('b')]
    await allSee(a, b)
    const before = [a.cluster.self, b.cluster.self]
    await server.kill()
    await until('both stop', () => [a, b].every(({ host }) => host.lives[0] === 'isolated'))
    await server.start()
    await allSee(a, b)
    await until('both are back', () => [a, b].every(({ host }) => host.lives.length >= 2))
    expect(before).not.toContainEqual(a.cluster.self)
    expect(await a.cluster.request(b.cluster.self, 1, { timeoutMs: 5_000 })).toEqual({ echo: 1 })
  })

  test('a server that is frozen for longer isolates all, and all rejoin when it wakes', async () => {
    const [a, b] = [await nodes.join('a'), await nodes.join('b')]
    await allSee(a, b)
    const before = [a.cluster.self, b.cluster.self]
    server.signal('SIGSTOP')
    await until('both stop', () => [a, b].every(({ host }) => host.lives[0] === 'isolated'))
    for (const { cluster } of [a, b]) expect(await outcomeOf(cluster.acquire('k'))).toBe('node-isolated')
    server.signal('SIGCONT')
    await allSee(a, b)
    await until('both are back', () => [a, b].every(({ host }) => host.lives.length >= 2))
    for (const { cluster } of [a, b]) expect(before).not.toContainEqual(cluster.self)
    expect((await a.cluster.acquire('k')).owner).toBe('a')
  })

  test('an outage is told of once, before the node gives its sessions up, and so is its end', async () => {
    const logger = new ToldLogger()
    const outage = (): readonly string[] => logger.events.filter((event) => /answered$/.test(event))
    const { host } = await nodes.join('a', { logger, ttlMs: 60_000 })
    server.signal('SIGSTOP')
    try {
      await until('it is told', () => outage().length > 0)
      await server.kill()
    } finally {
      await server.start()
    }
    await until('the end is told', () => outage().length > 1)
    expect([outage(), host.lives]).toEqual([['store-redis.unanswered', 'store-redis.answered'], []])
  })

  test('a server without memory left keeps its members, and grants keys', async () => {
    const [a, b] = [await nodes.join('a'), await nodes.join('b')]
    await allSee(a, b)
    await server.send('CONFIG', 'SET', 'maxmemory', '1')
    try {
      await b.cluster.announce({ load: 5 })
      await until('the change is seen', () => a.cluster.members.some(({ load }) => load === 5))
      await a.cluster.release(await a.cluster.acquire('k'), b.cluster.self)
      const c = await nodes.join('c')
      await allSee(a, b, c)
    } finally {
      await server.send('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('data of another cluster under the members is ignored', async () => {
    const a = await nodes.join('a')
    await server.send('ZADD', `${prefix}:nodes`, String(Date.now() + 60_000), 'strange')
    await server.send('HSET', `${prefix}:members`, 'strange', '{"no":"record"}', 'none', 'x {')
    const b = await nodes.join('b')
    await allSee(a, b)
  })

  test('a server that was emptied or replaced is refused, and gets nothing of ours', async () => {
    const logger = new ToldLogger()
    const a = await nodes.join('a', { logger })
    await server.kill()
    await rm(join(server.folder, 'appendonlydir'), { recursive: true })
    await server.start()
    await until('it is noticed', () => a.host.lives[0] === 'isolated')
    for (const call of [a.cluster.acquire('k'), a.cluster.locate('k'), a.cluster.announce({ load: 1 })])
      expect(await outcomeOf(call)).toBe('store-replaced')
    expect(await server.send('DBSIZE')).toBe(0)
    expect(logger.events.filter((event) => event === 'store-redis.replaced')).toHaveLength(1)
  })

  test('a server that was emptied while it ran is noticed too', async () => {
    const a = await nodes.join('a')
    await server.send('FLUSHALL')
    await until('it is noticed', async () => (await outcomeOf(a.cluster.acquire('k'))) === 'store-replaced')
    expect(await server.send('DBSIZE')).toBe(0)
    expect(a.host.lives).toEqual(['isolated'])
  })
})

interface Line {
  readonly event: string
  readonly incarnation?: string
  readonly epoch?: number
}

/** A node in a process of its own. */
class NodeProcess {
  readonly child: ChildProcess
  readonly lines: Line[] = []

  constructor(...[url, prefix, nodeId, times]: readonly [string, string, string, object]) {
    const program = fileURLToPath(new URL('./testing/node-process.ts', import.meta.url))
    const args = [
      '--conditions=beamclaw:source',
      '--disable-warning=ExperimentalWarning',
      program,
      url,
      prefix,
      nodeId,
      JSON.stringify(times),
    ]
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const output = createInterface({ input: this.child.stdout as NonNullable<ChildProcess['stdout']> })
    output.on('line', (line) => void this.lines.push(JSON.parse(line) as Line))
  }

  /** Resolves with the first line of the event. */
  async next(event: string): Promise<Line> {
    await until(`the process prints ${event}`, () => this.lines.some((line) => line.event === event))
    return this.lines.find((line) => line.event === event) as Line
  }
}
