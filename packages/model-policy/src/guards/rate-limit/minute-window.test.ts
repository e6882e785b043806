import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MinuteWindow } from './minute-window.ts'

describe('a minute window', () => {
  test('has room again a minute after each taking', () => {
    const window = new MinuteWindow(60)
    window.take(40, 0)
    window.take(20, 10_000)
    expect(window.waitMs([1], 10_000)).toBe(50_000)
    expect(window.level(59_999)).toBe(0)
    expect(window.level(60_000)).toBe(40)
    expect(window.level(70_000)).toBe(60)
  })

  test('foretells when the last of several has its turn', () => {
    const window = new MinuteWindow(2)
    window.take(1, 0)
    window.take(1, 30_000)
    expect(window.waitMs([1], 30_000)).toBe(30_000)
    expect(window.waitMs([1, 1], 30_000)).toBe(60_000)
    expect(window.waitMs([1, 1, 1], 30_000)).toBe(90_000)
  })

  test('lets more than it can hold be taken when the minute before holds nothing', () => {
    const window = new MinuteWindow(60)
    expect(window.waitMs([100], 0)).toBe(0)
    window.take(100, 0)
    expect(window.level(0)).toBe(-40)
    expect(window.waitMs([1], 0)).toBe(60_000)
    expect(window.waitMs([100], 1_000)).toBe(59_000)
  })

  test('takes back what was not used, and counts what was used beyond from then on', () => {
    const window = new MinuteWindow(60)
    const first = window.take(50, 0)
    window.settle(first, 10, 20_000)
    expect(window.level(20_000)).toBe(50)
    const second = window.take(10, 20_000)
    window.settle(second, 40, 50_000)
    expect(window.level(50_000)).toBe(10)
    expect(window.level(80_000)).toBe(30)
    window.settle(first, 0, 80_000)
    expect(window.level(80_000)).toBe(30)
  })

  test('keeps what the minute holds when the limit changes', () => {
    const window = new MinuteWindow(60)
    window.take(60, 0)
    window.setLimit(120)
    expect(window.level(30_000)).toBe(60)
    window.setLimit(10)
    expect(window.level(30_000)).toBe(-50)
    expect(window.level(60_000)).toBe(10)
  })

  test('gives out, to those who wait as told, at most the limit in any minute', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(5_000), amount: fc.integer({ min: 1, max: 50 }) }), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 1_000 }), steps, (limit, wanted) => {
        const window = new MinuteWindow(limit)
        const taken: { readonly at: number; readonly amount: number }[] = []
        let now = 0
        for (const { wait, amount } of wanted) {
          now += wait
          now += window.waitMs([amount], now)
          expect(window.waitMs([amount], now)).toBe(0)
          window.take(amount, now)
          taken.push({ at: now, amount })
        }
        for (const first of taken) {
          const minute = taken.filter(({ at }) => at >= first.at && at < first.at + 60_000)
          expect(minute.reduce((sum, { amount }) => sum + amount, 0)).toBeLessThanOrEqual(limit)
        }
      }),
    )
  })
})
