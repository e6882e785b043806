import type { ClusterHost, JsonValue, MemberChange, NodeRef } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { expectRejection } from '../contracts/store-fixtures.ts'
import { seededRandom } from '../seeded-random.ts'
import { VirtualClock } from '../simulator/virtual-clock.ts'
import type { MemoryCluster } from './memory-cluster.ts'
import { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts'
import { randomMessageFaults } from './message-faults.ts'

const key = 'agent:ops:main'

/** A host that records its calls. */
class RecordingHost implements ClusterHost {
  readonly wire = [1, 1] as const
  readonly records = [1, 1] as const
  readonly received: JsonValue[] = []
  readonly changes: MemberChange[] = []
  readonly events: string[] = []
  answer: (body: JsonValue) => Promise<JsonValue> = async (body) => body

  async onRequest(body: JsonValue): Promise<JsonValue> {
    this.received.push(body)
    return this.answer(body)
  }

  onTell(body: JsonValue): void {
    this.received.push(body)
  }

  onMembers(change: MemberChange): void {
    this.changes.push(change)
    for (const { id } of change.joined) this.events.push(`+${id}`)
    for (const { id } of change.left) this.events.push(`-${id}`)
  }

  onIsolated(): void {
    this.events.push('isolated')
  }

  onRejoined({ incarnation }: NodeRef): void {
    this.events.push(`rejoined as ${incarnation}`)
  }
}

async function twoNodes(options: MemoryNetworkOptions = {}) {
  const clock = new ManualClock()
  const network = new MemoryNetwork({ clock, ttlMs: 3_000, heartbeatMs: 1_000, ...options })
  const [a, b] = [network.node('a'), network.node('b')]
  const [atA, atB] = [new RecordingHost(), new RecordingHost()]
  await a.join(atA)
  await b.join(atB)
  await clock.advance(1_000)
  return { clock, network, a, b, atA, atB }
}

function idsOf({ members }: MemoryCluster): string[] {
  return members.map(({ id }) => id).toSorted()
}

describe('a killed node', () => {
  test('is heard to leave after two heartbeats at most, and its keys are free then', async () => {
    const { clock, a, b, atA } = await twoNodes()
    await b.acquire(key)
    b.kill()
    await expectRejection(a.acquire(key), 'fenced')
    await clock.advance(2_000)
    expect([idsOf(a), atA.events]).toEqual([['a'], ['+b', '-b']])
    expect((await a.acquire(key)).owner).toBe('a')
  })

  test('hears and sends nothing, and gets no lease', async () => {
    const { clock, a, b, atA, atB } = await twoNodes()
    const lease = await b.acquire(key)
    const waiting = b.request(a.self, 'before', { timeoutMs: 60_000 })
    const refused = expectRejection(waiting, 'node-gone')
    b.kill()
    await refused
    a.tell(b.self, 1)
    b.tell(a.self, 2)
    await expectRejection(b.request(a.self, 3, { timeoutMs: 60_000 }), 'node-gone')
    await expectRejection(a.request(b.self, 4, { timeoutMs: 60_000 }), 'node-gone')
    await expectRejection(b.acquire(key), 'node-isolated')
    await expectRejection(b.release(lease), 'node-isolated')
    await clock.advance(60_000)
    expect([atA.received, atB.received]).toEqual([[], []])
    await a.stop()
    expect(clock.pendingTimers).toBe(0)
  })

  test('rejects what is asked of it once it is known to be dead', async () => {
    const { clock, a, b, atB } = await twoNodes()
    atB.answer = () => new Promise(() => {})
    const refused = expectRejection(a.request(b.self, 1, { timeoutMs: 60_000 }), 'node-gone')
    await clock.advance(0)
    expect(atB.received).toEqual([1])
    b.kill()
    await clock.advance(2_000)
    await refused
  })

  test('comes back as another life, which gets its keys at once', async () => {
    const { clock, network, a, b, atA } = await twoNodes()
    const before = await b.acquire(key)
    const again = network.restart('b')
    await again.join(new RecordingHost())
    const after = await again.acquire(key)
    expect(after.token.epoch).toBeGreaterThan(before.token.epoch)
    expect(after.token.nonce).not.toBe(before.token.nonce)
    expect(again.self.incarnation).not.toBe(b.self.incarnation)
    await clock.advance(1_000)
    expect([atA.events, idsOf(a)]).toEqual([
      ['+b', '+b', '-b'],
      ['a', 'b'],
    ])
  })
})

describe('a frozen node', () => {
  test('that thaws in time has only been slow', async () => {
    const { clock, a, b, atB } = await twoNodes()
    b.freeze()
    const reply = a.request(b.self, 'hi', { timeoutMs: 60_000 })
    a.tell(b.self, 'there')
    await clock.advance(1_500)
    expect(atB.received).toEqual([])
    b.thaw()
    await expect(reply).resolves.toBe('hi')
    expect(atB.received.toSorted()).toEqual(['hi', 'there'])
    await clock.advance(60_000)
    expect(atB.events).toEqual([])
  })

  test('that thaws late learns that it was taken for dead, and comes back as another incarnation that owns nothing', async () => {
    const { clock, a, b, atA, atB } = await twoNodes()
    const { self } = b
    const lease = await b.acquire(key)
    b.freeze()
    const zombie = expectRejection(b.acquire('agent:ops:other'), 'node-isolated')
    await clock.advance(4_000)
    expect(atA.events).toEqual(['+b', '-b'])
    const { token } = await a.acquire(key)
    expect(token.epoch).toBeGreaterThan(lease.token.epoch)
    b.thaw()
    expect(atB.events).toEqual(['isolated', `rejoined as ${b.self.incarnation}`])
    expect(b.self.incarnation).not.toBe(self.incarnation)
    await expectRejection(b.acquire(key), 'fenced')
    await zombie
    await clock.advance(1_000)
    expect([idsOf(a), idsOf(b)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })
})

describe('an isolated node', () => {
  test('is told before the others may claim, and again once it is back', async () => {
    const { clock, network, a, b, atA, atB } = await twoNodes()
    await b.acquire(key)
    network.isolate('b')
    await expectRejection(b.acquire(key), 'node-isolated')
    await clock.advance(2_000)
    expect(atB.events).toEqual(['isolated'])
    await expectRejection(a.acquire(key), 'fenced')
    await clock.advance(2_000)
    expect(atA.events).toEqual(['+b', '-b'])
    await a.acquire(key)
    await clock.advance(10_000)
    expect(atB.events).toEqual(['isolated'])
    network.heal('b')
    await clock.advance(1_000)
    expect(atB.events).toEqual(['isolated', `rejoined as ${b.self.incarnation}`])
    await clock.advance(1_000)
    expect(atA.events).toEqual(['+b', '-b', '+b'])
    await expect(a.request(b.self, 1, { timeoutMs: 100 })).resolves.toBe(1)
  })
})

describe('a cut', () => {
  test('of one way lets the other one pass, and both stay members', async () => {
    const { clock, network, a, b, atA, atB } = await twoNodes()
    network.cutOneWay('a', 'b')
    const lost = expectRejection(a.request(b.self, 1, { timeoutMs: 500 }), 'call-timeout')
    const unanswered = expectRejection(b.request(a.self, 2, { timeoutMs: 500 }), 'call-timeout')
    await clock.advance(60_000)
    await Promise.all([lost, unanswered])
    expect([atA.received, atB.received, idsOf(a), idsOf(b)]).toEqual([[2], [], ['a', 'b'], ['a', 'b']])
    network.heal()
    await expect(a.request(b.self, 3, { timeoutMs: 500 })).resolves.toBe(3)
  })
})

describe('faults of messages', () => {
  test('lose a request or its reply, and both end as call-timeout', async () => {
    for (const kind of ['request', 'reply'] as const) {
      const { clock, a, b, atB } = await twoNodes({ faults: (message) => (message.kind === kind ? { type: 'lose' } : undefined) })
      const lost = expectRejection(a.request(b.self, 1, { timeoutMs: 500 }), 'call-timeout')
      await clock.advance(500)
      await lost
      expect(atB.received).toEqual(kind === 'request' ? [] : [1])
    }
  })

  test('deliver a request twice, and its caller hears one reply', async () => {
    const { clock, a, b, atB } = await twoNodes({
      faults: ({ kind }) => (kind === 'request' ? { type: 'double', delayMs: 50 } : undefined),
    })
    await expect(a.request(b.self, 1, { timeoutMs: 500 })).resolves.toBe(1)
    await clock.advance(50)
    expect(atB.received).toEqual([1, 1])
  })

  test('deliver a request after its caller has given up', async () => {
    const { clock, a, b, atB } = await twoNodes({ faults: () => ({ type: 'delay', delayMs: 700 }) })
    const lost = expectRejection(a.request(b.self, 1, { timeoutMs: 500 }), 'call-timeout')
    await clock.advance(600)
    await lost
    expect(atB.received).toEqual([])
    await clock.advance(100)
    expect(atB.received).toEqual([1])
  })

  test('by chance are the same for the same seed, and tells that arrive are in order', async () => {
    const hear = async (): Promise<readonly JsonValue[]> => {
      const { clock, a, b, atB } = await twoNodes({
        faults: randomMessageFaults({ random: seededRandom(7), lose: 0.2, delay: 0.3, double: 0.2 }),
      })
      for (let n = 0; n < 200; n++) {
        a.tell(b.self, n)
        if (n % 10 === 0) await clock.advance(20)
      }
      await clock.advance(1_000)
      return atB.received
    }
    const heard = await hear()
    expect(heard.length).toBeGreaterThan(100)
    expect(heard.length).toBeLessThan(200)
    expect(heard).toEqual(heard.toSorted((x, y) => Number(x) - Number(y)))
    expect(await hear()).toEqual(heard)
  })
})

describe('a network', () => {
  test('refuses a second life of a live node, and bodies that are not JSON', async () => {
    const { network, a, b } = await twoNodes()
    await expectRejection(network.node('b').join(new RecordingHost()), 'node-id-taken')
    await expectRejection(a.request(b.self, new Date() as unknown as JsonValue, { timeoutMs: 100 }), 'invalid-message')
    expect(() => a.tell(b.self, Number.NaN)).not.toThrow()
    expect(() => new MemoryNetwork({ ttlMs: 0 })).toThrow('ttlMs')
    expect(() => network.node('not ok')).toThrow('node id')
  })

  test('counts the timers of each node as its own, and leaves none', async () => {
    const clock = new VirtualClock()
    const network = new MemoryNetwork({ clock: clock.clockOf('network'), ttlMs: 3_000, heartbeatMs: 1_000, latencyMs: 5 })
    const a = network.node('a', { clock: clock.clockOf('a') })
    const b = network.node('b', { clock: clock.clockOf('b') })
    await a.join(new RecordingHost())
    await b.join(new RecordingHost())
    const reply = a.request(b.self, 1, { timeoutMs: 500 })
    await clock.advance(10)
    expect(await reply).toBe(1)
    expect([clock.pendingTimers('a'), clock.pendingTimers('b'), clock.pendingTimers('network')]).toEqual([1, 1, 0])
    b.kill()
    await clock.advance(2_000)
    expect([idsOf(a), clock.pendingTimers('b')]).toEqual([['a'], 0])
    await a.stop()
    expect(clock.pendingTimers()).toBe(0)
  })

  test('works with the clock of the machine, and keeps no process alive', async () => {
    const network = new MemoryNetwork()
    const [a, b] = [network.node('a'), network.node('b')]
    await a.join(new RecordingHost())
    await b.join(new RecordingHost())
    await expect(a.request(b.self, { n: 1 }, { timeoutMs: 5_000 })).resolves.toEqual({ n: 1 })
    await Promise.all([a.stop(), b.stop()])
  })
})
