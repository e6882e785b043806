import { addUsage, zeroUsage } from '@beamclaw/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { costOf, costOfRun, nanoPerUsd, priceOf } from './price-table.ts'

const price = { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 }

describe('a price', () => {
  test('is in dollars for a million tokens of each kind', () => {
    const million = 1_000_000
    const cost = (usage: object) => costOf({ ...zeroUsage, ...usage }, price) / nanoPerUsd
    expect(cost({ inputTokens: million })).toBe(3)
    expect(cost({ outputTokens: million })).toBe(15)
    expect(cost({ cacheReadTokens: million })).toBe(0.3)
    expect(cost({ cacheWriteTokens: million })).toBe(3.75)
  })

  test('of cached tokens is that of input when nobody says otherwise', () => {
    const usage = { ...zeroUsage, cacheReadTokens: 10, cacheWriteTokens: 10 }
    expect(costOf(usage, { input: 3, output: 15 })).toBe(60_000)
  })

  test('is found by provider and model, then by provider', () => {
    const prices = { 'acme/small': { input: 1, output: 1 }, 'acme/*': { input: 2, output: 2 } }
    expect(priceOf(prices, 'acme', 'small')?.input).toBe(1)
    expect(priceOf(prices, 'acme', 'large')?.input).toBe(2)
    expect(priceOf(prices, 'other', 'small')).toBeUndefined()
    expect(priceOf(prices, 'constructor', 'name')).toBeUndefined()
  })

  test('adds up: two calls cost what one call of both would, to a billionth', () => {
    const tokens = fc.nat(1_000_000)
    const usage = fc.record({ inputTokens: tokens, outputTokens: tokens, cacheReadTokens: tokens, cacheWriteTokens: tokens })
    fc.assert(
      fc.property(usage, usage, (a, b) => {
        expect(Math.abs(costOf(addUsage(a, b), price) - costOf(a, price) - costOf(b, price))).toBeLessThanOrEqual(1)
      }),
    )
  })
})

test('a run costs what each of its models does, and nobody knows what where one has no price', () => {
  const million = { ...zeroUsage, inputTokens: 1_000_000 }
  const usageByModel = [
    { model: 'acme/large', usage: million },
    { model: 'other/small', usage: { ...zeroUsage, outputTokens: 1_000_000 } },
  ]
  const run = { usage: million, usageByModel }
  const prices = { 'acme/*': { input: 3, output: 15 }, 'other/small': { input: 1, output: 2 } }
  expect(costOfRun(run, prices)).toBe(5)
  expect(costOfRun(run, { 'acme/*': { input: 3, output: 15 } })).toBeUndefined()
  expect(costOfRun({ usage: million, usageByModel: [] }, prices)).toBeUndefined()
  expect(costOfRun({ usage: zeroUsage, usageByModel: [] }, prices)).toBe(0)
})
