import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

describe('a token bucket', () => {
  test('starts full and refills evenly', () => {
    const bucket = new TokenBucket(60, 0)
    bucket.take(60, 0)
    expect(bucket.waitMs(1, 0)).toBe(1_000)
    expect(bucket.level(30_000)).toBe(30)
    expect(bucket.level(600_000)).toBe(60)
  })

  test('lets more than it can hold be taken when it is full, and then waits until that has come in', () => {
    const bucket = new TokenBucket(60, 0)
    expect(bucket.waitMs(100, 0)).toBe(0)
    bucket.take(100, 0)
    expect(bucket.level(0)).toBe(-40)
    expect(bucket.waitMs(1, 0)).toBe(41_000)
  })

  test('takes back what was not used, up to full', () => {
    const bucket = new TokenBucket(60, 0)
    bucket.take(10, 0)
    bucket.take(-100, 0)
    expect(bucket.level(0)).toBe(60)
  })

  test('keeps what lies in it when the rate changes, as far as it fits', () => {
    const bucket = new TokenBucket(60, 0)
    bucket.take(60, 0)
    bucket.setRate(120, 30_000)
    expect(bucket.level(30_000)).toBe(30)
    expect(bucket.level(60_000)).toBe(90)
    bucket.setRate(10, 60_000)
    expect(bucket.level(60_000)).toBe(10)
  })

  test('gives out, to those who wait as told, in any stretch of time at most what it holds and what came in', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(5_000), amount: fc.integer({ min: 1, max: 50 }) }), { maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 1_000 }), steps, (perMinute, wanted) => {
        const bucket = new TokenBucket(perMinute, 0)
        const taken: { readonly at: number; readonly amount: number }[] = []
        let now = 0
        for (const { wait, amount } of wanted) {
          now += wait
          now += bucket.waitMs(amount, now)
          expect(bucket.waitMs(amount, now)).toBe(0)
          bucket.take(amount, now)
          taken.push({ at: now, amount })
        }
        for (const [index, first] of taken.entries()) {
          let sum = 0
          for (const { at, amount } of taken.slice(index)) {
            sum += amount
            expect(sum).toBeLessThanOrEqual(perMinute + ((at - first.at) * perMinute) / 60_000 + 0.001)
          }
        }
      }),
    )
  })
})
