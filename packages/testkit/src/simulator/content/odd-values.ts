/** Unexpected values, and valid values with an unexpected part. */
import type { Random } from '@beamclaw/core'
import { integerBetween, pickOne } from '../../seeded-random.ts'

/** The error that a getter of an odd value throws. */
export class OddError extends Error {
  override readonly name = 'OddError'
}

const makers: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => '',
  () => 'odd',
  () => 'x'.repeat(20_000),
  () => '\ud800',
  () => '\u0000',
  () => '__proto__',
  () => [],
  () => [null],
  () => new Array(3),
  () => [[[]]],
  () => ({}),
  () => ({ type: 'text' }),
  () => ({ type: 'file' }),
  () => ({ type: 'image', mediaType: 'image/png' }),
  () => ({ type: 'image', mediaType: 'image/png', data: 'A'.repeat(8_000) }),
  () => ({ type: 'image', mediaType: 'image/png', data: '*'.repeat(8_000) }),
  () => ({ type: 'image', mediaType: 'image/png', blob: 'a'.repeat(64), size: 6_000 }),
  () => ({ type: 'tool-call' }),
  () => ({ length: 2 }),
  () => JSON.parse('{"__proto__":{"type":"text"},"constructor":5}') as unknown,
  () => Object.create(null) as unknown,
  () => Symbol('odd'),
  () => 10n,
  () => () => 'odd',
  () => new Date(Number.NaN),
  () => new Map([['type', 'text']]),
  () => Buffer.from('odd'),
  cyclic,
  deep,
  touchy,
  () => ({
    toJSON: () => {
      throw new OddError('this value is no JSON')
    },
  }),
]

/** Returns an unexpected value. */
export function oddValue(random: Random): unknown {
  return pickOne(random, makers)()
}

/** Returns an unexpected value that a store can hold. */
export function oddJson(random: Random): unknown {
  for (;;) {
    try {
      const text = JSON.stringify(oddValue(random))
      if (text !== undefined) return JSON.parse(text)
    } catch {
      // Another one.
    }
  }
}

/** A copy of a good value in which one thing, anywhere in it, is odd, gone or there twice. */
export function spoiled(random: Random, value: unknown, odd: (random: Random) => unknown): unknown {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (keys.length === 0 || random.next() < 0.15) return odd(random)
  const key = pickOne(random, keys)
  const inner = (value as Record<string, unknown>)[key]
  if (Array.isArray(value)) {
    const index = Number(key)
    const dice = random.next()
    if (dice < 0.1) return value.toSpliced(index, 1)
    if (dice < 0.2) return value.toSpliced(index, 0, inner)
    if (dice < 0.25) return value.toReversed()
    return value.with(index, spoiled(random, inner, odd))
  }
  if (random.next() < 0.15) return Object.fromEntries(Object.entries(value as object).filter(([name]) => name !== key))
  if (random.next() < 0.1) return { ...(value as object), [`odd-${integerBetween(random, 1, 9)}`]: odd(random) }
  return { ...(value as object), [key]: spoiled(random, inner, odd) }
}

function cyclic(): unknown {
  const value: unknown[] = []
  value.push({ value })
  return value
}

function deep(): unknown {
  let value: unknown = 'bottom'
  for (let level = 0; level < 20_000; level++) value = [value]
  return value
}

/** Returns an object whose properties throw. */
function touchy(): unknown {
  return Object.defineProperty({ type: 'text' }, 'text', {
    enumerable: true,
    get: () => {
      throw new OddError('this value does not like to be looked at')
    },
  })
}
