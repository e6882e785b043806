/** Random texts as users, tools and models write them, with characters that break naive code. */
import type { Random } from '../../../packages/core/src/index.ts'
import { integerBetween, pickOne } from '../../../packages/testkit/src/seeded-random.ts'

const high = '\ud83d'
const low = '\ude00'
const astral = high + low

/** Returns a short text: plain, of emoji, with half a surrogate pair, with control characters, or blank. */
export function oddText(random: Random): string {
  const plain = `word ${integerBetween(random, 0, 99)}`
  return pickOne(random, [
    plain,
    plain,
    astral.repeat(5),
    `a${high}`,
    `${low}b`,
    `${high}${high}${low}`,
    'nul \0 \u0007',
    ' ',
    '👩‍👩‍👧‍👦',
    '',
  ])
}

/** Returns a long text of characters that take two code units each, shifted by a random number of units. */
export function longText(random: Random, characters: number): string {
  const start = 'x'.repeat(integerBetween(random, 0, 3))
  return random.next() < 0.5
    ? `${start}${astral.repeat(Math.ceil(characters / 2))}`
    : `${start}${'word '.repeat(Math.ceil(characters / 5))}`
}
