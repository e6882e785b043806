/** Ids that count, so that a test sees the same ids in every run. */
import type { IdGenerator } from '@beamclaw/core'

/**
 * Returns a generator of the ids `<prefix>-1`, `<prefix>-2`, …; a prefix given to `next` takes precedence. Unique in this generator only.
 *
 * @example
 * sequentialIds('run').next() // 'run-1'
 */
export function sequentialIds(prefix = 'id'): IdGenerator {
  let count = 0
  return { next: (given = prefix) => `${given}-${++count}` }
}
