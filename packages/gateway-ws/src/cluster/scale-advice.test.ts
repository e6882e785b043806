import { expect, test } from 'vitest'
import { ScaleAdvice } from './scale-advice.ts'

const asked = (advice: ScaleAdvice, seconds: number, loads: readonly number[], isDraining = false): number =>
  advice.desired({ now: seconds * 1_000, loads, isDraining })

test('more nodes are advised when the load has asked for them for 15 seconds, and not for a peak', () => {
  const advice = new ScaleAdvice()
  expect(asked(advice, 0, [0.3, 0.3])).toBe(2)
  expect(asked(advice, 1, [0.9, 0.9])).toBe(2)
  expect(asked(advice, 10, [0.3, 0.5])).toBe(2)
  expect(asked(advice, 11, [0.9, 0.9])).toBe(2)
  expect(asked(advice, 25, [0.9, 0.9])).toBe(2)
  expect(asked(advice, 26, [0.9, 0.9])).toBe(3)
})

test('fewer are advised after five minutes, never below one, and not while a node is drained', () => {
  const advice = new ScaleAdvice()
  expect(asked(advice, 0, [0.9, 0.8, 0.9])).toBe(3)
  expect(asked(advice, 20, [0, 0, 0])).toBe(3)
  expect(asked(advice, 300, [0, 0], true)).toBe(3)
  expect(asked(advice, 310, [0, 0])).toBe(3)
  expect(asked(advice, 609, [0, 0])).toBe(3)
  expect(asked(advice, 610, [0, 0])).toBe(1)
})
