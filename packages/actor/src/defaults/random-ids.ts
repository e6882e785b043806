import type { IdGenerator, Random } from '../ports/services.ts'

/** Generates version 4 UUIDs, with the prefix and a dash before them if there is a prefix. */
export class RandomIds implements IdGenerator {
  next(prefix?: string): string {
    const id = crypto.randomUUID()
    return prefix === undefined ? id : `${prefix}-${id}`
  }
}

/** Randomness by `Math.random`. */
export const systemRandom: Random = { next: () => Math.random() }
