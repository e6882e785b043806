/** Ids that a person can say: `brave-otter`. */
import type { Random } from '@beamclaw/actor'
import { adjectives, animals } from './slug-words.ts'

/** Pairs that are tried before a number is added. */
const tries = 8

function pick(words: readonly string[], random: Random): string {
  return words[Math.min(words.length - 1, Math.floor(random.next() * words.length))] as string
}

/** Returns a pair of words, with a number when the pairs that come up are taken. */
export function newSlug(random: Random, isTaken: (slug: string) => boolean): string {
  let slug = ''
  for (let attempt = 0; attempt < tries; attempt++) {
    slug = `${pick(adjectives, random)}-${pick(animals, random)}`
    if (!isTaken(slug)) return slug
  }
  for (let number = 2; ; number++) if (!isTaken(`${slug}-${number}`)) return `${slug}-${number}`
}

/** Returns 24 hexadecimal digits. */
export function newMark(random: Random): string {
  return Array.from({ length: 24 }, () => Math.floor(random.next() * 16).toString(16)).join('')
}
