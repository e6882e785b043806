import type { IdGenerator } from '@beamclaw/core'

/** Random ids; used when a provider is not given a generator. */
export class DefaultIds implements IdGenerator {
  next(prefix = ''): string {
    return prefix + crypto.randomUUID().replaceAll('-', '').slice(0, 24)
  }
}
