/** Ids that count, so that the same test sees the same names every time. */
import type { IdGenerator } from '@beamclaw/core'

/** Makes `<prefix>-1`, `<prefix>-2`, …; a prefix that `next` is given goes before the one given here. Unique in this generator only. */
export function sequentialIds(prefix = 'id'): IdGenerator {
  let count = 0
  return { next: (given = prefix) => `${given}-${++count}` }
}
