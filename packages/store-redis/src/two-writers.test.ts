import type { AppendLog, LogEntry, StoreKey } from '@beamclaw/core'
import { storeKey } from '@beamclaw/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RedisStore } from './redis-store.ts'
import { RedisProxy } from './testing/redis-proxy.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'
import { outcomeOf } from './testing/rejection.ts'

/** One step of a writer: what it does, and whether the next step begins before this one is done. */
interface Step {
  readonly writer: 0 | 1
  readonly does: 'open' | 'append' | 'snapshot' | 'drop' | 'read'
  readonly waits: boolean
  /** Whether the connections are cut before it. */
  readonly cuts: boolean
}

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    writer: fc.constantFrom(0 as const, 1 as const),
    does: fc.constantFrom(
      'open' as const,
      'append' as const,
      'append' as const,
      'append' as const,
      'snapshot' as const,
      'drop' as const,
      'read' as const,
    ),
    waits: fc.boolean(),
    cuts: fc.constant(false),
  }),
  { minLength: 5, maxLength: 40 },
)

describe.skipIf(noRedis !== undefined)(`two writers of one log${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.dispose())

  /** Runs the steps; resolves with what was acknowledged, in the order of the seqs. */
  async function play(stores: readonly RedisStore[], key: StoreKey, plan: readonly Step[], proxy?: RedisProxy): Promise<LogEntry[]> {
    const outcomes = ['done', 'fenced', 'log-gap', ...(proxy === undefined ? [] : ['store-io'])]
    const logs: (AppendLog | undefined)[] = [undefined, undefined]
    const next = [1, 1]
    const acknowledged: LogEntry[] = []
    const underWay: Promise<unknown>[] = []
    let epoch = 0
    for (const [index, { writer, does, waits, cuts }] of plan.entries()) {
      if (cuts) proxy?.cut()
      const step = async (): Promise<void> => {
        const log = logs[writer]
        if (does === 'open') {
          const opened = await (stores[writer] as RedisStore).openLog(key, { epoch: ++epoch, nonce: `${writer}` })
          next[writer] = ((await (stores[writer] as RedisStore).readLog(key))?.lastSeq ?? 0) + 1
          logs[writer] = opened
        } else if (does === 'append') {
          const seq = (next[writer] as number)++
          const record = { seq, type: 'note', id: `${writer}-${index}`, ts: index, data: {} }
          await log?.append([record])
          if (log !== undefined) acknowledged.push(record)
        } else if (does === 'read') await log?.read()
        else
          await log?.snapshot({ seq: does === 'drop' ? 0 : (next[writer] as number) - 1, state: index }, { dropRecords: does === 'drop' })
      }
      const outcome = outcomeOf(step())
      underWay.push(outcome)
      if (waits) expect(outcomes).toContain(await outcome)
    }
    for (const outcome of await Promise.all(underWay)) expect(outcomes).toContain(outcome)
    return acknowledged.sort((a, b) => a.seq - b.seq)
  }

  test('whatever the order of openings and appends, the log is what was acknowledged, and nothing else', async () => {
    let plans = 0
    const stores = [new RedisStore({ url: server.url }), new RedisStore({ url: server.url })]
    try {
      await fc.assert(
        fc.asyncProperty(steps, async (plan) => {
          const key = storeKey('sessions', 'main', `plan-${++plans}`)
          const acknowledged = await play(stores, key, plan)
          const page = await (stores[0] as RedisStore).readLog(key)
          expect(page?.records ?? []).toEqual(acknowledged)
        }),
        { numRuns: 300 },
      )
    } finally {
      for (const store of stores) await store.stop()
    }
  }, 60_000)

  test('whatever the connections do meanwhile, each acknowledged record is there once, and no other in its place', async () => {
    let plans = 0
    const proxy = await RedisProxy.start(server.folder, server.socket)
    const stores = [new RedisStore({ url: proxy.url }), new RedisStore({ url: proxy.url })]
    const withCuts = steps.chain((plan) =>
      fc
        .array(fc.nat(9), { minLength: plan.length, maxLength: plan.length })
        .map((lots) => plan.map((step, at) => ({ ...step, cuts: lots[at] === 0 }))),
    )
    try {
      await fc.assert(
        fc.asyncProperty(withCuts, async (plan) => {
          const key = storeKey('sessions', 'main', `cut-${++plans}`)
          const acknowledged = await play(stores, key, plan, proxy)
          await (stores[0] as RedisStore).openLog(key, { epoch: 1_000, nonce: 'last' })
          const records = (await (stores[0] as RedisStore).readLog(key))?.records ?? []
          expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index + 1))
          expect(new Set(records.map(({ id }) => id)).size).toBe(records.length)
          for (const record of acknowledged) expect(records[record.seq - 1]).toEqual(record)
        }),
        { numRuns: 60 },
      )
    } finally {
      for (const store of stores) await store.stop()
      await proxy.stop()
    }
  }, 120_000)
})
