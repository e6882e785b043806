import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BudgetAccounts, type UsageBudget } from './usage-budget.ts'

const noon = Date.UTC(2026, 0, 31, 12)
const labels = { provider: 'acme', model: 'small', agent: 'ops', tenant: 'north' }

function accounts(...budgets: readonly UsageBudget[]): BudgetAccounts {
  const made = new BudgetAccounts(budgets)
  made.turnTo('2026-01-31')
  return made
}

function spending(tokens: number, costUsd = 0) {
  return { requests: 1, tokens, costNanoUsd: costUsd * 1e9 }
}

describe('a budget', () => {
  test('has room for what is set aside and spent together, to the last token', () => {
    const made = accounts({ id: 'all', maxTokens: 100 })
    const giveBack = made.reserve(labels, spending(60), true, noon)
    expect(() => made.reserve(labels, spending(41), true, noon)).toThrow('The budget "all" has no room')
    made.reserve(labels, spending(40), true, noon)
    giveBack()
    made.spend(labels, '2026-01-31', spending(10))
    expect(() => made.reserve(labels, spending(51), true, noon)).toThrow('has no room')
    expect(() => made.reserve(labels, spending(50), true, noon)).not.toThrow()
  })

  test('gives back once, however often it is asked', () => {
    const made = accounts({ id: 'all', maxTokens: 100 })
    const giveBack = made.reserve(labels, spending(60), true, noon)
    made.reserve(labels, spending(40), true, noon)
    giveBack()
    giveBack()
    expect(() => made.reserve(labels, spending(61), true, noon)).toThrow()
  })

  test('says which limit, what was spent, and when it starts anew', () => {
    const made = accounts({ id: 'dollars', maxCostUsd: 1 })
    made.spend(labels, '2026-01-31', spending(5, 0.75))
    const refused = expect.objectContaining({
      code: 'provider-billing',
      isRetryable: false,
      retryAfterMs: 12 * 3_600_000,
      details: {
        refusedBy: 'usage-ledger',
        budget: 'dollars',
        limit: 'maxCostUsd',
        window: '2026-01-31',
        spent: { requests: 1, tokens: 5, costUsd: 0.75 },
        reserved: { requests: 0, tokens: 0, costUsd: 0 },
        labels,
      },
    })
    expect(() => made.reserve(labels, spending(1, 0.3), true, noon)).toThrow(refused)
  })

  test('in dollars refuses what has no price', () => {
    expect(() => accounts({ id: 'dollars', maxCostUsd: 1 }).reserve(labels, spending(1), false, noon)).toThrow('has no price')
    expect(() => accounts({ id: 'tokens', maxTokens: 1 }).reserve(labels, spending(1), false, noon)).not.toThrow()
  })

  test('counts calls', () => {
    const made = accounts({ id: 'calls', maxRequests: 2 })
    made.reserve(labels, spending(1), true, noon)
    made.spend(labels, '2026-01-31', spending(1))
    expect(() => made.reserve(labels, spending(1), true, noon)).toThrow('maxRequests 2')
  })

  test('concerns the calls with its labels only', () => {
    const made = accounts({ id: 'north', tenant: 'north', agent: 'ops', maxRequests: 0 })
    expect(() => made.reserve(labels, spending(1), true, noon)).toThrow()
    expect(() => made.reserve({ ...labels, tenant: 'south' }, spending(1), true, noon)).not.toThrow()
    expect(() => made.reserve({ ...labels, agent: 'chat' }, spending(1), true, noon)).not.toThrow()
  })

  test('may be given to each tenant', () => {
    const made = accounts({ id: 'fair', each: 'tenant', maxTokens: 100 })
    made.spend(labels, '2026-01-31', spending(100))
    expect(() => made.reserve(labels, spending(1), true, noon)).toThrow()
    expect(() => made.reserve({ ...labels, tenant: 'south' }, spending(100), true, noon)).not.toThrow()
  })

  test('of a day starts anew at midnight UTC, of a month with the month', () => {
    const made = accounts({ id: 'day', agent: 'ops', maxTokens: 10 }, { id: 'month', agent: 'chat', per: 'month', maxTokens: 10 })
    const chat = { ...labels, agent: 'chat' }
    made.turnTo('2026-01-30')
    for (const of of [labels, chat]) made.spend(of, '2026-01-30', spending(10))
    expect(made.turnTo('2026-01-31')).toBe(true)
    expect(made.turnTo('2026-01-31')).toBe(false)
    // What was spent before is told anew.
    for (const of of [labels, chat]) made.spend(of, '2026-01-30', spending(10))
    expect(() => made.reserve(labels, spending(10), true, noon)).not.toThrow()
    expect(() => made.reserve(chat, spending(1), true, noon)).toThrow('until the end of the month')
    made.turnTo('2026-02-01')
    expect(() => made.reserve(chat, spending(10), true, noon)).not.toThrow()
  })

  test('does not count days that are over', () => {
    const made = accounts({ id: 'day', maxTokens: 10 })
    made.spend(labels, '2026-01-30', spending(10))
    expect(() => made.reserve(labels, spending(10), true, noon)).not.toThrow()
  })

  test('of one among several that has no room leaves the others as they were', () => {
    const made = accounts({ id: 'wide', maxTokens: 10 }, { id: 'narrow', tenant: 'north', maxTokens: 1 })
    expect(() => made.reserve(labels, spending(5), true, noon)).toThrow('"narrow"')
    expect(() => made.reserve({ ...labels, tenant: 'south' }, spending(10), true, noon)).not.toThrow()
  })

  test('forgets tenants of yesterday', () => {
    const made = accounts({ id: 'fair', each: 'tenant', maxTokens: 1 })
    for (let tenant = 0; tenant < 100; tenant++) made.spend({ ...labels, tenant: `t${tenant}` }, '2026-01-31', spending(1))
    expect(made.size).toBe(100)
    made.turnTo('2026-02-01')
    expect(made.size).toBe(0)
  })

  test('is never overspent by calls that use no more than was set aside for them, in whatever order they end', () => {
    const call = fc.record({ expected: fc.nat(60), used: fc.nat(100), endsAfter: fc.nat(5) })
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), fc.nat(200), (calls, maxTokens) => {
        const made = accounts({ id: 'all', maxTokens })
        const running: { left: number; end: () => void }[] = []
        let spent = 0
        for (const { expected, used, endsAfter } of calls) {
          for (const open of running) if (open.left-- === 0) open.end()
          try {
            const giveBack = made.reserve(labels, spending(expected), true, noon)
            const end = () => {
              giveBack()
              const tokens = Math.min(used, expected)
              made.spend(labels, '2026-01-31', spending(tokens))
              spent += tokens
            }
            running.push({ left: endsAfter, end })
          } catch {
            // Refused: nothing may have changed.
          }
          expect(spent).toBeLessThanOrEqual(maxTokens)
        }
        for (const open of running) if (open.left >= 0) open.end()
        expect(spent).toBeLessThanOrEqual(maxTokens)
        // With nothing under way, exactly what is left may be set aside.
        expect(() => made.reserve(labels, spending(maxTokens - spent), true, noon)).not.toThrow()
      }),
    )
  })
})
