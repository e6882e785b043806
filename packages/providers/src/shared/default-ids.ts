import type { IdGenerator } from '@beamclaw/core'

/** Random ids; the default of a provider's options. */
export class DefaultIds implements IdGenerator {
  next(prefix = ''): string {
    return prefix + crypto.randomUUID().replaceAll('-', '').slice(0, 24)
  }
}
