import type { IdGenerator, Random } from '../ports/services.ts'

/** Version 4 UUIDs, after the prefix and a dash where there is one. */
export class RandomIds implements IdGenerator {
  next(prefix?: string): string {
    const id = crypto.randomUUID()
    return prefix === undefined ? id : `${prefix}-${id}`
  }
}

/** `Math.random`. */
export const systemRandom: Random = { next: () => Math.random() }
