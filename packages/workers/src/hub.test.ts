import { describe, expect, test } from 'vitest'
import { type Connection, Hub } from './hub.ts'
import type { ToWorker } from './messages.ts'
import { allShards, shardOfLease } from './shards.ts'

interface Fake {
  readonly connection: Connection
  readonly got: ToWorker[]
}

function connect(hub: Hub, ...ids: string[]): readonly Fake[] {
  const entries = ids.map((id) => {
    const got: ToWorker[] = []
    return {
      ref: { id: id as never, incarnation: `${id}-life` },
      got,
      line: { send: (message: object) => void got.push(message as ToWorker) },
    }
  })
  return hub.connect(entries).map((connection, index) => ({ connection, got: entries[index]?.got ?? [] }))
}

function counts(hub: Hub): Readonly<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const owner of hub.shards) found[owner?.id ?? 'none'] = (found[owner?.id ?? 'none'] ?? 0) + 1
  return found
}

const join = { t: 'op', id: 1, what: { op: 'join', wire: [1, 1], records: [1, 1] } }

describe('the map of shards', () => {
  test('is dealt evenly, kept before it is told, and dealt anew when a worker ends', () => {
    const order: string[] = []
    const hub = new Hub({ keep: (owners) => void order.push(`kept ${new Set(owners.map((owner) => owner?.id)).size}`) })
    const [one, two, three] = connect(hub, 'a', 'b', 'c') as [Fake, Fake, Fake]
    expect(counts(hub)).toEqual({ a: 6, b: 5, c: 5 })
    for (const { connection } of [one, two, three]) connection.hear(join)
    expect(order).toEqual(['kept 3'])
    one.connection.ended()
    one.connection.ended()
    expect(order).toEqual(['kept 3', 'kept 2'])
    expect(counts(hub)).toEqual({ b: 8, c: 8 })
    expect(two.got.at(-1)).toMatchObject({ t: 'view', shards: hub.shards, gone: ['a-life'] })
  })

  test('is dealt and told although a full disk keeps it from being kept', () => {
    const told: string[] = []
    const keep = (): void => {
      throw new Error('ENOSPC: no space left on device, write')
    }
    const hub = new Hub({ keep, logger: { log: (_level, event) => void told.push(event) } })
    const [one, two] = connect(hub, 'a', 'b') as [Fake, Fake]
    for (const { connection } of [one, two]) connection.hear(join)
    one.connection.ended()
    expect(counts(hub)).toEqual({ b: 16 })
    expect(two.got.at(-1)).toMatchObject({ t: 'view', shards: hub.shards, gone: ['a-life'] })
    expect(new Set(told)).toEqual(new Set(['workers.map-not-kept']))
  })

  test('gives nothing to a worker that is still being started while another one is ready, and all to one that is alone', () => {
    const hub = new Hub()
    const [one, two] = connect(hub, 'a', 'b') as [Fake, Fake]
    one.connection.hear(join)
    two.connection.hear(join)
    two.connection.ended()
    connect(hub, 'b')
    expect(counts(hub)).toEqual({ a: 16 })
    one.connection.ended()
    expect(counts(hub)).toEqual({ b: 16 })
  })

  test('a worker that came back gets the shards of the next one that ends', () => {
    const hub = new Hub()
    const [, two, three] = connect(hub, 'a', 'b', 'c') as [Fake, Fake, Fake]
    for (const { connection } of [two, three]) connection.hear(join)
    two.connection.ended()
    const [again] = connect(hub, 'b') as [Fake]
    again.connection.hear(join)
    three.connection.ended()
    // Of the ten of the one that ended; the other six are at the one that lives.
    expect(counts(hub)).toEqual({ a: 6, b: 10 })
  })
})

describe('a shard that moves between workers that run', () => {
  /** A hub whose timers are run by hand. */
  function timed() {
    const timers: (() => void)[] = []
    const setTimer = (callback: () => void) => {
      timers.push(callback)
      return { cancel: () => void timers.splice(timers.indexOf(callback), 1) }
    }
    const hub = new Hub({ setTimer })
    const pass = (): void => {
      for (const callback of timers.splice(0)) callback()
    }
    return { hub, pass, timers }
  }

  const asked = ({ got }: Fake): readonly number[] => got.flatMap((message) => (message.t === 'yield' ? [message.shard] : []))
  const yielded = (shard: number) => ({ t: 'op', id: 9, what: { op: 'yielded', shard } })

  test('is asked for once its heir has stood long enough, one after the other, until both have as many', () => {
    const { hub, pass } = timed()
    const [one] = connect(hub, 'a') as [Fake]
    one.connection.hear(join)
    pass()
    const [two] = connect(hub, 'b') as [Fake]
    expect(counts(hub)).toEqual({ a: 16 })
    two.connection.hear(join)
    expect(asked(one)).toEqual([])
    pass()
    for (let count = 1; count <= 8; count++) {
      expect(asked(one)).toHaveLength(count)
      one.connection.hear(yielded(asked(one).at(-1) ?? -1))
    }
    expect(asked(one)).toHaveLength(8)
    expect(counts(hub)).toEqual({ a: 8, b: 8 })
  })

  test('leaves its sessions that are in memory with the worker that has them, until they are released', () => {
    const { hub, pass } = timed()
    const [one] = connect(hub, 'a') as [Fake]
    one.connection.hear(join)
    const key = 'default:agent:main:a'
    one.connection.hear({ t: 'op', id: 77, what: { op: 'acquire', key, above: 0 } })
    const [two] = connect(hub, 'b') as [Fake]
    two.connection.hear(join)
    one.connection.hear({ t: 'op', id: 2, what: { op: 'announce', state: 'draining' } })
    pass()
    for (let move = 0; move < 16; move++) one.connection.hear(yielded(asked(one).at(-1) ?? -1))
    expect(counts(hub)).toEqual({ b: 16 })
    expect(two.got.at(-1)).toMatchObject({ mixed: [shardOfLease(key)] })
    const ask = (what: object) => {
      two.connection.hear({ t: 'op', id: 3, what })
      return two.got.at(-1)
    }
    expect(ask({ op: 'locate', key })).toMatchObject({ result: { node: { id: 'a' }, isOwner: true } })
    expect(ask({ op: 'acquire', key, above: 0 })).toMatchObject({ t: 'failed', error: { code: 'fenced' } })
    const granted = one.got.find((message) => message.t === 'done' && message.id === 77)
    const { nonce } = (granted as unknown as { readonly result: { readonly nonce: string } }).result
    one.connection.hear({ t: 'op', id: 4, what: { op: 'release', key, nonce } })
    expect(two.got.at(-1)).toMatchObject({ t: 'view', mixed: [] })
    expect(ask({ op: 'acquire', key, above: 0 })).toMatchObject({ t: 'done' })
  })

  test('stays where it is when its heir has died meanwhile, and goes nowhere once the workers are being stopped', () => {
    const { hub, pass, timers } = timed()
    const [one] = connect(hub, 'a') as [Fake]
    one.connection.hear(join)
    const [two] = connect(hub, 'b') as [Fake]
    two.connection.hear(join)
    pass()
    two.connection.ended()
    one.connection.hear(yielded(asked(one)[0] ?? -1))
    expect(counts(hub)).toEqual({ a: 16 })
    const [again] = connect(hub, 'b') as [Fake]
    again.connection.hear(join)
    hub.stop()
    expect(timers).toEqual([])
    one.connection.hear(yielded(3))
    expect(counts(hub)).toEqual({ a: 16 })
  })
})

describe('what a worker may claim', () => {
  test('a session is granted to the worker of its shard alone', () => {
    const hub = new Hub()
    const workers = connect(hub, 'a', 'b') as [Fake, Fake]
    for (const index of allShards) {
      const key = `default:agent:main:chat-${index}`
      const outcomes = workers.map(({ connection, got }) => {
        connection.hear({ t: 'op', id: index, what: { op: 'acquire', key, above: 0 } })
        return got.at(-1)?.t
      })
      // Also when the other one asks first.
      const isOfFirst = hub.shards[shardOfLease(key) ?? -1]?.id === 'a'
      expect(outcomes).toEqual(isOfFirst ? ['done', 'failed'] : ['failed', 'done'])
    }
  })

  test('epochs are above the clock, so that those of the next parent are above those of this one', () => {
    const hub = new Hub({ now: () => 5_000_000 })
    const [{ connection, got }] = connect(hub, 'a') as [Fake]
    const epochAbove = (above: number): unknown => {
      connection.hear({ t: 'op', id: 1, what: { op: 'acquire', key: 'default:agent:main:a', above } })
      const reply = got.at(-1) as { readonly result?: { readonly epoch: number }; readonly error?: { readonly code: string } }
      return reply.result?.epoch ?? reply.error?.code
    }
    expect(epochAbove(0)).toBe(5_000_000)
    expect(epochAbove(0)).toBe(5_000_001)
    expect(epochAbove(6_000_000)).toBe(6_000_001)
    expect(epochAbove(Number.MAX_SAFE_INTEGER)).toBe('invalid-option')
    expect(epochAbove(0)).toBe(6_000_002)
  })
})

describe('forged messages', () => {
  const forged: readonly unknown[] = [
    undefined,
    null,
    7,
    'join',
    [],
    { t: 'view', members: [], shards: [], gone: [] },
    { t: 'op' },
    { t: 'op', id: 1, what: { op: 'toString' } },
    { t: 'op', id: -1, what: { op: 'leave' } },
    { t: 'op', id: 1, what: { op: 'acquire', key: 'x'.repeat(5_000), above: 0 } },
    { t: 'op', id: 1, what: { op: 'acquire', key: 'a', above: Number.NaN } },
    { t: 'op', id: 1, what: { op: 'join', wire: 'all', records: [1, 1] } },
    { t: 'op', id: 1, what: { op: 'announce', load: -1 } },
    { t: 'op', id: 1, what: { op: 'yielded' } },
    { t: 'op', id: 1, what: { op: 'yielded', shard: -1 } },
    { t: 'op', id: 1, what: { op: 'release', key: 'a', nonce: 1 } },
    { t: 'op', id: 1, what: { op: 'release', key: 'a', nonce: 'a', to: 'b' } },
    { t: 'mail', kind: 'shout', scope: 'host', id: 1, to: 'b-life', text: '1' },
    { t: 'mail', kind: 'tell', scope: 'parent', id: 0, to: 'b-life', text: '1' },
    { t: 'mail', kind: 'tell', scope: 'host', id: 0, to: 'b-life', text: { toString: 'x' } },
  ]
  test.each(forged.map((message) => [JSON.stringify(message)?.slice(0, 80), message]))('%s is ignored', (_, message) => {
    const hub = new Hub()
    const [one, two] = connect(hub, 'a', 'b') as [Fake, Fake]
    one.connection.hear(join)
    two.connection.hear(join)
    const before = [one.got.length, two.got.length]
    one.connection.hear(message)
    expect([one.got.length, two.got.length]).toEqual(before)
  })

  test('thousands of them are told once', () => {
    const told: string[] = []
    const [one] = connect(new Hub({ logger: { log: (_level, event) => void told.push(event) } }), 'a') as [Fake]
    for (let count = 0; count < 1_000; count++) one.connection.hear({ t: 'junk', count })
    expect(told).toEqual(['workers.unreadable-message'])
  })

  test('mail names the worker on whose line it came, whatever it says', () => {
    const hub = new Hub()
    const [one, two] = connect(hub, 'a', 'b') as [Fake, Fake]
    const from = { id: 'b', incarnation: 'b-life' }
    one.connection.hear({ t: 'mail', kind: 'ask', scope: 'store', id: 1, to: 'b-life', text: '1', from })
    expect(two.got.at(-1)).toMatchObject({ from: { id: 'a', incarnation: 'a-life' } })
  })
})
