import { expect, test } from 'vitest'
import { integerBetween, pickOne, seededRandom } from './seeded-random.ts'
import { sequentialIds } from './sequential-ids.ts'

test('the same seed gives the same numbers, another one others', () => {
  const numbers = (seed: number): number[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 1_000 }, () => random.next())
  }
  expect(numbers(1)).toEqual(numbers(1))
  expect(
    numbers(1)
      .slice(0, 3)
      .map((number) => Math.round(number * 1_000)),
  ).toMatchInlineSnapshot(`
    [
      368,
      82,
      821,
    ]
  `)
  for (const seed of [0, 1, 2, -5, 2 ** 31]) {
    const all = numbers(seed)
    expect(all.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(Math.abs(all.reduce((sum, number) => sum + number, 0) / all.length - 0.5)).toBeLessThan(0.05)
    expect(all).not.toEqual(numbers(seed + 1))
  }
})

test('whole numbers reach both ends, and every item is picked', () => {
  const random = seededRandom(7)
  const seen = new Set(Array.from({ length: 200 }, () => integerBetween(random, -1, 2)))
  expect([...seen].toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2])
  expect(new Set(Array.from({ length: 100 }, () => pickOne(random, 'abc'.split('')))).size).toBe(3)
  expect(() => pickOne(random, [])).toThrow(RangeError)
})

test('sequential ids count, each with its prefix', () => {
  const ids = sequentialIds('run')
  expect([ids.next(), ids.next('call'), ids.next()]).toEqual(['run-1', 'call-2', 'run-3'])
  expect(sequentialIds().next()).toBe('id-1')
})
