import { BeamClawError, defaultTenant, MemoryStore, type StoreKey, silentLogger, zeroUsage } from '@beamclaw/core'
import { wrapStore } from '@beamclaw/core/adapter'
import { collectAnswer, flushEventLoop, ManualClock, ScriptedProvider, textAnswer } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { guarded } from '../../guarded.ts'
import { UsageLedger } from './usage-ledger.ts'
import type { UsageLedgerOptions } from './usage-ledger-options.ts'

const usageKey: StoreKey = [defaultTenant, 'usage']
const firstDay: StoreKey = [...usageKey, '2026-01-01']

function ledger(options: UsageLedgerOptions = {}, clock = new ManualClock()) {
  const made = new UsageLedger({ services: { clock, logger: silentLogger }, ...options })
  const provider = new ScriptedProvider({ otherwise: { parts: textAnswer('fine', { inputTokens: 100 }) } })
  const wrap = (agent = 'ops') => guarded(provider, [made.guard({ provider: 'acme', agent })])
  const total = () => made.report()[0]
  return { ledger: made, clock, wrap, total }
}

describe('a ledger with a store', () => {
  test('saves a while after a call, once for all calls of that while, and on stop', async () => {
    const store = new MemoryStore()
    const { ledger: made, clock, wrap } = ledger({ store })
    const stored = async () => (await store.list(usageKey)).length
    await collectAnswer(wrap())
    await collectAnswer(wrap())
    await clock.advance(4_999)
    expect(await stored()).toBe(0)
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(1)
    expect(await stored()).toBe(1)
    expect((await store.get(firstDay))?.version).toBe(1)
    await collectAnswer(wrap())
    await made.stop()
    expect((await store.get(firstDay))?.version).toBe(2)
    expect(clock.pendingTimers).toBe(0)
  })

  test('knows after a restart what was spent before, also within its budgets', async () => {
    const store = new MemoryStore()
    const budgets = [
      { id: 'day', agent: 'ops', maxRequests: 1 },
      { id: 'month', agent: 'chat', per: 'month' as const, maxRequests: 1 },
    ]
    const clock = new ManualClock()
    const before = ledger({ store, budgets }, clock)
    await collectAnswer(before.wrap('ops'))
    await collectAnswer(before.wrap('chat'))
    await before.ledger.stop()
    const sameDay = ledger({ store, budgets }, clock)
    await sameDay.ledger.start()
    expect(sameDay.total()).toMatchObject({ requests: 2, inputTokens: 200 })
    expect((await collectAnswer(sameDay.wrap('ops'))).error?.details).toMatchObject({ budget: 'day' })
    await clock.advance(86_400_000)
    const nextDay = ledger({ store, budgets }, clock)
    expect((await collectAnswer(nextDay.wrap('ops'))).text).toBe('fine')
    expect((await collectAnswer(nextDay.wrap('chat'))).error?.details).toMatchObject({ budget: 'month' })
  })

  test('sets nothing aside for a call that was aborted while the days were read, and counts nothing for it', async () => {
    const store = new MemoryStore()
    const mayList = Promise.withResolvers<void>()
    const slow = wrapStore(store, {
      list: async (prefix, options) => {
        await mayList.promise
        return store.list(prefix, options)
      },
    })
    const { ledger: made, wrap, total } = ledger({ store: slow, budgets: [{ id: 'one', maxRequests: 1 }] })
    const abort = new AbortController()
    const aborted = collectAnswer(wrap(), {}, abort.signal)
    await flushEventLoop()
    abort.abort()
    expect((await aborted).error?.code).toBe('provider-aborted')
    mayList.resolve()
    await made.start()
    await flushEventLoop()
    expect(total()).toMatchObject({ requests: 0, refused: 0, inputTokens: 0 })
    expect((await collectAnswer(wrap())).text).toBe('fine')
  })

  test('begins no load while a save is under way, and no save while a load is', async () => {
    const store = new MemoryStore()
    const calls: string[] = []
    const slow = wrapStore(store, {
      put: async (key, value, options) => {
        calls.push('save')
        await flushEventLoop()
        const version = await store.put(key, value, options)
        calls.push('saved')
        return version
      },
      list: async (prefix, options) => {
        calls.push('load')
        await flushEventLoop()
        const found = await store.list(prefix, options)
        calls.push('loaded')
        return found
      },
    })
    const { ledger: made } = ledger({ store: slow })
    const labels = { provider: 'acme', model: 'm', agent: 'ops', tenant: 'north' }
    made.reserve(labels, zeroUsage).settle({ usage: zeroUsage })
    await Promise.all([made.flush(), made.start(), made.flush()])
    expect(calls.slice(0, 4)).toEqual(['save', 'saved', 'load', 'loaded'])
    await made.stop()
  })

  test('reads the days that are kept, and leaves older ones where they are', async () => {
    const store = new MemoryStore()
    const clock = new ManualClock()
    for (let day = 0; day < 40; day++) {
      const { ledger: made, wrap } = ledger({ store }, clock)
      await collectAnswer(wrap())
      await made.stop()
      await clock.advance(86_400_000)
    }
    const { ledger: made } = ledger({ store, daysKept: 31 }, clock)
    await made.start()
    expect(made.report({ by: 'day' })).toHaveLength(30)
    expect(await store.list(usageKey)).toHaveLength(40)
  })

  test('adds up with other nodes, which keep one budget together from save to save', async () => {
    const store = new MemoryStore()
    const clock = new ManualClock()
    const budgets = [{ id: 'all', maxRequests: 4 }]
    const [first, second] = [ledger({ store, budgets }, clock), ledger({ store, budgets }, clock)]
    for (const { wrap } of [first, second, second]) expect((await collectAnswer(wrap())).text).toBe('fine')
    await clock.advance(5_000)
    await collectAnswer(first.wrap())
    expect(first.total()?.requests).toBe(2)
    await first.ledger.flush()
    expect(first.total()?.requests).toBe(4)
    expect((await collectAnswer(first.wrap())).error?.code).toBe('provider-billing')
  })

  test('loses and doubles nothing when it is saved again while it is being saved', async () => {
    class SlowStore extends MemoryStore {
      override async put(...given: Parameters<MemoryStore['put']>): Promise<number> {
        await flushEventLoop()
        return super.put(...given)
      }
    }
    const store = new SlowStore()
    const { ledger: made, clock, wrap, total } = ledger({ store })
    const saves: Promise<void>[] = []
    for (let call = 0; call < 20; call++) {
      await collectAnswer(wrap())
      saves.push(made.flush())
    }
    await Promise.all(saves)
    const after = ledger({ store }, clock)
    await after.ledger.start()
    expect([total()?.requests, after.total()?.requests]).toEqual([20, 20])
  })

  test('loses nothing that is saved while it is still being read', async () => {
    const read = Promise.withResolvers<void>()
    let reads = 0
    class SlowStore extends MemoryStore {
      override async get(...given: Parameters<MemoryStore['get']>): ReturnType<MemoryStore['get']> {
        const found = await super.get(...given)
        if (++reads === 1) await read.promise
        return found
      }
    }
    const store = new SlowStore()
    await store.put(firstDay, { format: 1, writers: {}, rows: [{ provider: 'a', model: 'b', agent: 'c', tenant: 'd', requests: 1 }] })
    const { ledger: made, total } = ledger({ store })
    const started = made.start()
    made.reserve({ provider: 'a', model: 'b', agent: 'c', tenant: 'd' }, zeroUsage).settle({ usage: zeroUsage })
    const saved = made.flush()
    await flushEventLoop()
    read.resolve()
    await Promise.all([started, saved])
    expect(total()?.requests).toBe(2)
  })

  test('loses nothing while the store fails, and tries again', async () => {
    let isBroken = true
    class BrokenStore extends MemoryStore {
      override async put(...given: Parameters<MemoryStore['put']>): Promise<number> {
        if (isBroken) throw new BeamClawError('store-io', 'Disk is gone')
        return super.put(...given)
      }
    }
    const store = new BrokenStore()
    const { ledger: made, clock, wrap, total } = ledger({ store })
    await collectAnswer(wrap())
    await clock.advance(60_000)
    expect(total()?.requests).toBe(1)
    await expect(made.flush()).rejects.toMatchObject({ code: 'store-io' })
    isBroken = false
    await clock.advance(120_000)
    const after = ledger({ store }, clock)
    await after.ledger.start()
    expect(after.total()?.requests).toBe(1)
  })

  test('that cannot be read refuses calls when there are budgets, counts in memory when there are none, and recovers', async () => {
    let isBroken = true
    class BrokenStore extends MemoryStore {
      override async list(...given: Parameters<MemoryStore['list']>): ReturnType<MemoryStore['list']> {
        if (isBroken) throw new BeamClawError('store-io', 'Disk is gone')
        return super.list(...given)
      }
    }
    const limited = ledger({ store: new BrokenStore(), budgets: [{ id: 'all', maxRequests: 9 }] })
    const open = ledger({ store: new BrokenStore() })
    expect((await collectAnswer(limited.wrap())).error).toMatchObject({
      code: 'provider-billing',
      isRetryable: true,
      cause: { code: 'store-io' },
    })
    expect((await collectAnswer(open.wrap())).text).toBe('fine')
    await expect(limited.ledger.start()).rejects.toMatchObject({ code: 'store-io' })
    isBroken = false
    expect((await collectAnswer(limited.wrap())).text).toBe('fine')
  })

  test('saves every other day when one cannot be read, and refuses calls only when that day is in the month of a budget', async () => {
    const store = new MemoryStore()
    const clock = new ManualClock()
    await store.put(firstDay, { format: 9 })
    const limited = ledger({ store, budgets: [{ id: 'all', maxRequests: 9 }] }, clock)
    expect((await collectAnswer(limited.wrap())).error?.code).toBe('provider-billing')
    await clock.advance(31 * 86_400_000)
    expect((await collectAnswer(limited.wrap())).text).toBe('fine')
    await clock.advance(60_000)
    expect(await store.get([...usageKey, '2026-02-01'])).toMatchObject({ version: 1 })
    expect((await store.get(firstDay))?.value).toEqual({ format: 9 })
  })

  test('that hangs does not keep an aborted call', async () => {
    class HangingStore extends MemoryStore {
      override list(): ReturnType<MemoryStore['list']> {
        return new Promise(() => {})
      }
    }
    const abort = new AbortController()
    const heard = collectAnswer(ledger({ store: new HangingStore() }).wrap(), {}, abort.signal)
    await flushEventLoop()
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
  })

  test('is left open for its owner', async () => {
    const store = new MemoryStore()
    const { ledger: made } = ledger({ store })
    await made.stop()
    await made.stop()
    expect(await store.list(usageKey)).toEqual([])
  })
})
