/** Reproducible random numbers. */
import type { Random } from '@beamclaw/core'

/**
 * Returns a generator of uniform numbers from 0 (included) to 1 (excluded). The same seed, a whole number, gives the same numbers on every
 * machine. Not for secrets.
 *
 * @example
 * seededRandom(1).next() // the same number in every run
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return {
    next() {
      // A Weyl sequence, whitened by two rounds of multiply and shift.
      state = (state + 0x9e3779b9) | 0
      let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
      bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
      return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32
    },
  }
}

/** Returns a random whole number from `from` to `to`, both included. */
export function integerBetween(random: Random, from: number, to: number): number {
  return from + Math.floor(random.next() * (to - from + 1))
}

/** Returns a random item. Throws a `RangeError` when there are none. */
export function pickOne<T>(random: Random, items: readonly T[]): T {
  if (items.length === 0) throw new RangeError('pickOne: there is nothing to pick from')
  return items[integerBetween(random, 0, items.length - 1)] as T
}
