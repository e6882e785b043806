import { BeamClawError, type ModelPrice, type Provider, silentLogger, type Usage, zeroUsage } from '@beamclaw/core'
import {
  collectAnswer,
  flushEventLoop,
  ManualClock,
  type ScriptedAnswer,
  ScriptedProvider,
  textAnswer,
  textRequest,
} from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { FallbackProvider } from '../../fallback/fallback-provider.ts'
import { guarded } from '../../guarded.ts'
import { UsageLedger } from './usage-ledger.ts'
import type { UsageLedgerOptions } from './usage-ledger-options.ts'

const prices = { 'acme/*': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 } }
const million = 1_000_000
const half = { type: 'text-delta', text: 'x'.repeat(40) } as const
const down = new BeamClawError('provider-server', 'Down')

function answer(usage: Partial<Usage>): ScriptedAnswer {
  return { parts: textAnswer('fine', usage) }
}

function ledger(options: UsageLedgerOptions = {}, clock = new ManualClock()) {
  const made = new UsageLedger({ prices, services: { clock, logger: silentLogger }, ...options })
  const provider = new ScriptedProvider({ otherwise: answer({ inputTokens: 100, outputTokens: 10 }) })
  const wrap = (agent = 'ops', tenant = 'north') => guarded(provider, [made.guard({ provider: 'acme', agent, tenant })])
  const total = () => made.report()[0]
  return { ledger: made, clock, provider, wrap, total }
}

describe('a ledger', () => {
  test('counts calls, tokens of each kind and their cost', async () => {
    const { provider, wrap, total } = ledger()
    const parts = { reasoningTokens: 400, longCacheWriteTokens: 500 }
    provider.add(answer({ inputTokens: million, outputTokens: million, cacheReadTokens: million, cacheWriteTokens: million, ...parts }))
    expect((await collectAnswer(wrap())).text).toBe('fine')
    expect(total()).toEqual({
      of: {},
      requests: 1,
      failures: 0,
      refused: 0,
      estimated: 0,
      unpriced: 0,
      inputTokens: million,
      outputTokens: million,
      cacheReadTokens: million,
      cacheWriteTokens: million,
      ...parts,
      costUsd: 22.05,
    })
  })

  test('does not count a call that a guard behind it refused: it never reached the service', async () => {
    const { ledger: made, provider } = ledger()
    const refused = new BeamClawError('provider-rate-limit', 'Too many', { details: { refusedBy: 'rate-limiter' } })
    const full = { enter: () => Promise.reject(refused) }
    expect((await collectAnswer(guarded(provider, [made.guard({ provider: 'acme' }), full]))).error).toBe(refused)
    expect(made.report()[0]).toMatchObject({ requests: 0, failures: 0 })
  })

  test('tells them apart by provider, model, agent, tenant and day', async () => {
    const { ledger: made, provider, clock, wrap } = ledger()
    await collectAnswer(wrap('ops', 'north'))
    await collectAnswer(wrap('ops', 'south'), { model: 'large' })
    await collectAnswer(guarded(provider, [made.guard({ provider: 'other' })]))
    await clock.advance(86_400_000)
    await collectAnswer(wrap('chat', 'north'))
    await collectAnswer(wrap('chat', 'north'), { agent: 'scout' })
    const counted = (by: 'provider' | 'model' | 'agent' | 'tenant' | 'day') =>
      Object.fromEntries(made.report({ by }).map(({ of, requests }) => [of[by], requests]))
    expect(counted('provider')).toEqual({ acme: 4, other: 1 })
    expect(counted('model')).toEqual({ large: 1, small: 4 })
    expect(counted('agent')).toEqual({ chat: 1, none: 1, ops: 2, scout: 1 })
    expect(counted('tenant')).toEqual({ default: 1, north: 3, south: 1 })
    expect(counted('day')).toEqual({ '2026-01-01': 3, '2026-01-02': 2 })
  })

  test('counts with other prices once it has them, and keeps the old ones when the new ones are none', async () => {
    const { ledger: made, wrap, total } = ledger()
    await collectAnswer(wrap())
    made.setPrices({ 'acme/*': { input: 10_000, output: 0 } })
    await collectAnswer(wrap())
    expect(() => made.setPrices({ acme: { input: 1, output: 1 } })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    await collectAnswer(wrap())
    expect(total()?.costUsd).toBeCloseTo(0.000_45 + 1 + 1, 9)
  })

  test('says how many calls had no price', async () => {
    const { ledger: made, provider } = ledger()
    await collectAnswer(guarded(provider, [made.guard({ provider: 'unknown' })]))
    expect(made.report()).toMatchObject([{ requests: 1, unpriced: 1, costUsd: 0, inputTokens: 100 }])
  })

  test('takes the price that the provider knows of a model where its own table has none', async () => {
    const { ledger: made, provider } = ledger({ budgets: [{ id: 'all', maxCostUsd: 20 }] })
    const told = { input: 1, output: 2, longCacheWrite: 3 }
    const tells = (price: ModelPrice): Provider => ({
      doStream: (request, options) => provider.doStream(request, options),
      modelFacts: (model) => (model === 'small' ? { price } : {}),
    })
    const usage = { inputTokens: million, outputTokens: million, cacheWriteTokens: million, longCacheWriteTokens: million }
    const cost = async (id: string, price: ModelPrice, model = 'small') => {
      provider.add(answer(usage))
      const { error } = await collectAnswer(guarded(tells(price), [made.guard({ provider: id })]), { model })
      return error?.details.limit ?? made.report({ where: { provider: id } })[0]?.costUsd
    }
    expect(await cost('told', told)).toBe(6)
    // The table of the ledger counts first, also by its name for all models of a provider.
    expect(await cost('acme', { input: 7, output: 7 })).toBe(21.75)
    // A budget cannot be kept by numbers that are none.
    expect(await cost('other', told, 'large')).toBe('price')
    for (const input of [Number.NaN, -1, Number.POSITIVE_INFINITY]) expect(await cost('wrong', { input, output: 1 })).toBe('price')
    expect(made.report({ where: { provider: 'told' } })[0]).toMatchObject({ requests: 1, unpriced: 0 })
  })

  test.each<[string, () => object]>([
    ['throws', () => expect.fail('Not known')],
    ['returns nothing', () => undefined as never],
    ['returns no price', () => ({ price: null })],
  ])('counts a call without a price when the provider %s where it is to tell one', async (_what, modelFacts) => {
    const { ledger: made, provider } = ledger()
    const odd: Provider = { doStream: (request, options) => provider.doStream(request, options), modelFacts }
    expect((await collectAnswer(guarded(odd, [made.guard({ provider: 'odd' })]))).text).toBe('fine')
    expect(made.report()[0]).toMatchObject({ requests: 1, unpriced: 1, costUsd: 0 })
  })

  test('counts a call on the day it ends', async () => {
    const { ledger: made, clock, provider, wrap } = ledger()
    provider.add(async function* () {
      await clock.advance(86_400_000)
      yield* textAnswer('late')
    })
    await collectAnswer(wrap())
    expect(made.report({ by: 'day' })).toMatchObject([{ of: { day: '2026-01-02' }, requests: 1 }])
  })

  test('counts as soon as the last part is there, though nobody asks on', async () => {
    const { wrap, total } = ledger()
    const parts = wrap().doStream(textRequest, { signal: new AbortController().signal })
    await parts[Symbol.asyncIterator]().next()
    expect(total()?.requests).toBe(0)
    await parts[Symbol.asyncIterator]().next()
    expect(total()?.requests).toBe(1)
  })

  test('is not spoilt by a provider that counts wrong', async () => {
    const { provider, wrap, total } = ledger()
    provider.add(answer({ inputTokens: Number.NaN, outputTokens: -5, cacheReadTokens: 1.4, cacheWriteTokens: undefined as never }))
    await collectAnswer(wrap())
    expect(total()).toMatchObject({ inputTokens: 0, outputTokens: 0, cacheReadTokens: 1, cacheWriteTokens: 0 })
  })

  test('keeps a bounded number of rows and days', async () => {
    const { ledger: made, clock, wrap } = ledger({ maxRowsPerDay: 3, daysKept: 31 })
    for (let model = 0; model < 10; model++) await collectAnswer(wrap(), { model: `model-${model}` })
    expect(made.report({ by: 'model' }).map(({ of, requests }) => [of.model, requests])).toEqual([
      ['(other)', 7],
      ['model-0', 1],
      ['model-1', 1],
      ['model-2', 1],
    ])
    for (let day = 0; day < 40; day++) {
      await clock.advance(86_400_000)
      await collectAnswer(wrap())
    }
    const days = made.report({ by: 'day' })
    expect(days).toHaveLength(31)
    expect(days.at(-1)?.of.day).toBe('2026-02-10')
  })
})

describe('a call that has no proper end', () => {
  test('is a failure that costs nothing when it failed before it said anything', async () => {
    const { provider, wrap, total } = ledger()
    provider.add({ error: down })
    expect((await collectAnswer(wrap())).error).toBe(down)
    expect(total()).toMatchObject({ requests: 1, failures: 1, estimated: 0, inputTokens: 0, costUsd: 0 })
  })

  test('costs what was sent and seen when it broke off', async () => {
    const { provider, wrap, total } = ledger()
    provider.add({ parts: [half], error: down })
    await collectAnswer(wrap())
    expect(total()).toMatchObject({ requests: 1, failures: 1, estimated: 1, inputTokens: 6, outputTokens: 10 })
  })

  test('is no failure when its consumer left, and costs what was sent and seen', async () => {
    const { provider, wrap, total } = ledger()
    provider.add({ parts: [half], hang: true })
    for await (const _ of wrap().doStream(textRequest, { signal: new AbortController().signal })) break
    expect(total()).toMatchObject({ requests: 1, failures: 0, estimated: 1, inputTokens: 6, outputTokens: 10 })
  })

  test('costs what was sent when it was aborted before anything came', async () => {
    const { provider, wrap, total } = ledger()
    provider.add({ hang: true })
    const abort = new AbortController()
    const heard = collectAnswer(wrap(), {}, abort.signal)
    await flushEventLoop()
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
    expect(total()).toMatchObject({ requests: 1, failures: 0, estimated: 1, inputTokens: 6, outputTokens: 0 })
  })

  test('is not counted when it was aborted before it was made', async () => {
    const { provider, wrap, total } = ledger()
    await collectAnswer(wrap(), {}, AbortSignal.abort())
    expect(provider.calls).toEqual([])
    expect(total()?.requests).toBe(0)
  })
})

describe('a budget', () => {
  const budgets = [{ id: 'north', tenant: 'north', maxTokens: 1_000 }]

  test('that has no room turns the call away before it is made, and counts that', async () => {
    const { provider, wrap, total } = ledger({ budgets })
    const { error } = await collectAnswer(wrap(), { maxOutputTokens: 995 })
    expect(error).toMatchObject({ code: 'provider-billing', details: { budget: 'north', limit: 'maxTokens', refusedBy: 'usage-ledger' } })
    expect(provider.calls).toEqual([])
    expect(total()).toMatchObject({ requests: 0, refused: 1 })
    expect((await collectAnswer(wrap('ops', 'south'), { maxOutputTokens: 995 })).text).toBe('fine')
  })

  test('is set aside while a call is under way, so that two cannot spend what is left for one', async () => {
    const { provider, wrap } = ledger({ budgets })
    provider.add({ hang: true })
    const abort = new AbortController()
    const first = collectAnswer(wrap(), { maxOutputTokens: 600 }, abort.signal)
    await flushEventLoop()
    expect((await collectAnswer(wrap(), { maxOutputTokens: 600 })).error?.code).toBe('provider-billing')
    abort.abort()
    await first
    expect((await collectAnswer(wrap(), { maxOutputTokens: 600 })).text).toBe('fine')
  })

  test('is charged what a call used, not what was set aside', async () => {
    const { wrap } = ledger({ budgets })
    for (let call = 0; call < 4; call++) expect((await collectAnswer(wrap(), { maxOutputTokens: 500 })).text).toBe('fine')
    expect((await collectAnswer(wrap(), { maxOutputTokens: 900 })).error?.code).toBe('provider-billing')
  })

  test('gets back what was set aside for a call that failed', async () => {
    const { provider, wrap } = ledger({ budgets })
    provider.add(...Array(5).fill({ error: down }))
    for (let call = 0; call < 5; call++) await collectAnswer(wrap(), { maxOutputTokens: 900 })
    expect((await collectAnswer(wrap(), { maxOutputTokens: 900 })).text).toBe('fine')
  })

  test('is not opened again by a wall clock that goes forth and back', async () => {
    let jumpMs = 0
    class JumpingClock extends ManualClock {
      override now(): number {
        return super.now() + jumpMs
      }
    }
    const clock = new JumpingClock()
    const { wrap } = ledger({ budgets: [{ id: 'day', maxRequests: 3 }] }, clock)
    for (const days of [0, 40, -1]) {
      jumpMs = days * 86_400_000
      expect((await collectAnswer(wrap())).text).toBe('fine')
    }
    for (const days of [0, 40, -1, 400]) {
      jumpMs = days * 86_400_000
      expect((await collectAnswer(wrap())).error?.details).toMatchObject({ budget: 'day', spent: { requests: 3 } })
    }
    jumpMs = 0
    await clock.advance(86_400_000)
    expect((await collectAnswer(wrap())).text).toBe('fine')
  })

  test('of a month counts every day of it', async () => {
    const clock = new ManualClock()
    const { wrap } = ledger({ budgets: [{ id: 'month', per: 'month', maxRequests: 3 }] }, clock)
    for (let day = 0; day < 3; day++) {
      expect((await collectAnswer(wrap())).text).toBe('fine')
      await clock.advance(86_400_000)
    }
    expect((await collectAnswer(wrap())).error?.details).toMatchObject({ budget: 'month', spent: { requests: 3 } })
    await clock.advance(31 * 86_400_000)
    expect((await collectAnswer(wrap())).text).toBe('fine')
  })

  test('that calls under way have set aside stays set aside when the day turns', async () => {
    const clock = new ManualClock()
    const { wrap, provider } = ledger({ budgets: [{ id: 'day', maxRequests: 1 }] }, clock)
    const hold = Promise.withResolvers<void>()
    provider.add(async function* () {
      await hold.promise
      yield* textAnswer('late')
    })
    const late = collectAnswer(wrap())
    await flushEventLoop()
    await clock.advance(86_400_000)
    expect((await collectAnswer(wrap())).error?.details).toMatchObject({ budget: 'day', reserved: { requests: 1 } })
    hold.resolve()
    expect((await late).text).toBe('late')
    expect((await collectAnswer(wrap())).error?.details).toMatchObject({ budget: 'day', spent: { requests: 1 } })
  })

  test('sets 4096 tokens of output aside for a call that does not say', async () => {
    const { ledger: made, provider } = ledger({ budgets: [{ id: 'all', maxTokens: 4_101 }] })
    expect((await collectAnswer(guarded(provider, [made.guard({ provider: 'acme' })]))).error?.code).toBe('provider-billing')
  })

  test('makes a fallback ask the next target, and leaves the first in peace', async () => {
    const { ledger: made, provider } = ledger({
      budgets: [{ id: 'dear', provider: 'dear', maxCostUsd: 0 }],
      prices: { 'dear/*': { input: 9, output: 9 } },
    })
    const cheap = new ScriptedProvider({ otherwise: 'cheap' })
    const targets = [
      { id: 'dear', provider: guarded(provider, [made.guard({ provider: 'dear' })]) },
      { id: 'cheap', provider: guarded(cheap, [made.guard({ provider: 'cheap' })]) },
    ]
    const fallback = new FallbackProvider({ targets, services: { clock: new ManualClock() } })
    expect((await collectAnswer(fallback)).text).toBe('cheap')
    expect(fallback.inspect('small')).toMatchObject([{ status: 'available' }, { status: 'available' }])
  })
})

describe('a call that is metered by hand', () => {
  const labels = { provider: 'acme', model: 'small', agent: 'ops', tenant: 'north' }
  const expected = { ...zeroUsage, inputTokens: 600 }

  test('is counted once, however often it is settled', () => {
    const { ledger: made, total } = ledger()
    const reservation = made.reserve(labels, expected)
    for (let time = 0; time < 3; time++) reservation.settle({ usage: expected })
    reservation.release()
    expect(total()).toMatchObject({ requests: 1, inputTokens: 600 })
  })

  test('is set aside and counted once, however often it comes with the same id', () => {
    const { ledger: made, total } = ledger({ budgets: [{ id: 'all', maxTokens: 1_000 }] })
    for (let time = 0; time < 3; time++) made.reserve(labels, expected, 'run-1/turn-1').settle({ usage: expected })
    expect(total()).toMatchObject({ requests: 1, inputTokens: 600, refused: 0 })
    expect(() => made.reserve(labels, expected, 'run-1/turn-2')).toThrow('has no room')
  })

  test('that was never made counts nothing', () => {
    const { ledger: made, total } = ledger({ budgets: [{ id: 'all', maxTokens: 1_000 }] })
    made.reserve(labels, expected).release()
    expect(total()?.requests).toBe(0)
    expect(() => made.reserve(labels, expected)).not.toThrow()
  })
})

describe('the options of a ledger', () => {
  test.each([
    [{ prices: { small: { input: 1, output: 1 } } }, /a price is named "<provider>\/<model>"/],
    [{ prices: { 'acme/small': { input: 1 } } }, /"output"/],
    [{ prices: { 'acme/small': { input: -1, output: 1 } } }, /"input" must be a number of at least 0/],
    [{ budgets: [{ id: 'all' }] }, /needs maxCostUsd, maxTokens or maxRequests/],
    [
      {
        budgets: [
          { id: 'all', maxTokens: 1 },
          { id: 'all', maxTokens: 1 },
        ],
      },
      /budgets\[1\].*unique/,
    ],
    [{ budgets: [{ id: 'all', maxTokens: 1, per: 'week' }] }, /"per"/],
    [{ daysKept: 7 }, /"daysKept"/],
    [{ currency: 'EUR' }, /unknown option "currency"/],
  ])('are checked when it is made: %#', (options, message) => {
    expect(() => new UsageLedger(options as never)).toThrow(message)
  })

  test('are checked where it guards and reports, too', () => {
    const { ledger: made } = ledger()
    expect(() => made.guard({} as never)).toThrow(/"provider"/)
    expect(() => made.report({ by: 'week' as never })).toThrow(/"by"/)
    expect(() => made.report({ groupBy: 'day' } as never)).toThrow(/unknown option "groupBy"/)
  })
})
