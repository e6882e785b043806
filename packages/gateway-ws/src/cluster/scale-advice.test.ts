import { expect, test } from 'vitest'
import { ScaleAdvice } from './scale-advice.ts'

const idle = [0.01, 0.01, 0.01]

function add(advice: ScaleAdvice, seconds: number, loads: readonly (number | undefined)[], isChanging = false): number {
  advice.add({ now: seconds * 1_000, loads, isChanging })
  return advice.desired
}

/** Adds the same sample every five seconds, and returns the advice after the last. */
function during(advice: ScaleAdvice, from: number, to: number, loads: readonly (number | undefined)[], isChanging = false): number {
  for (let seconds = from; seconds <= to; seconds += 5) add(advice, seconds, loads, isChanging)
  return advice.desired
}

test('more nodes are advised when the load has asked for them for 15 seconds, and not for a peak', () => {
  const advice = new ScaleAdvice()
  expect(add(advice, 0, [0.3, 0.3])).toBe(2)
  expect(add(advice, 1, [0.9, 0.9])).toBe(2)
  expect(add(advice, 10, [0.3, 0.5])).toBe(2)
  expect(add(advice, 11, [0.9, 0.9])).toBe(2)
  expect(add(advice, 25, [0.9, 0.9])).toBe(2)
  expect(add(advice, 26, [0.9, 0.9])).toBe(3)
})

test('fewer are advised after five minutes, never below one, and not while a node is drained', () => {
  const advice = new ScaleAdvice()
  expect(during(advice, 0, 400, [0.9, 0.8, 0.9])).toBe(5)
  expect(during(advice, 405, 600, idle)).toBe(5)
  expect(during(advice, 605, 900, [0.01, 0.01], true)).toBe(5)
  expect(during(advice, 905, 1195, idle)).toBe(5)
  expect(add(advice, 1_200, idle)).toBe(1)
  expect(add(advice, 1_205, [])).toBe(1)
})

test('a node that has come and gone leaves no trace, and in the first five minutes the advice is to keep the nodes that there are', () => {
  const advice = new ScaleAdvice()
  expect(add(advice, 0, [0, 0, 0, 0])).toBe(4)
  expect(add(advice, 5, idle)).toBe(3)
  expect(during(advice, 10, 295, idle)).toBe(3)
  expect(add(advice, 300, idle)).toBe(1)
})

test('nodes that were started at different times give the same advice once they have seen enough', () => {
  const advices = [new ScaleAdvice(), new ScaleAdvice()]
  const loadsAt = (seconds: number): readonly number[] => (seconds < 600 ? [0.9, 0.9, 0.9] : seconds < 620 ? [1, 1, 1, 1] : [0.2, 0.2, 0.2])
  for (let seconds = 0; seconds <= 1_200; seconds += 5) {
    advices.forEach((advice, index) => {
      // The second one starts later, and measures at other moments.
      if (index === 0 || seconds >= 500) add(advice, seconds + index * 2, loadsAt(seconds))
    })
    if (seconds >= 800) expect(advices[1]?.desired).toBe(advices[0]?.desired)
  }
  expect(advices.map(({ desired }) => desired)).toEqual([1, 1])
})

test('a node that does not answer counts as one that has the load which it is to have', () => {
  const advice = new ScaleAdvice()
  expect(
    during(
      advice,
      0,
      700,
      Array.from({ length: 7 }, () => undefined),
    ),
  ).toBe(7)
})
