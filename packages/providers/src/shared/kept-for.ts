import type { JsonObject } from '@beamclaw/core'
import { objectOf } from './fields.ts'

/** Returns what the metadata of a part or a message keep for a service; undefined where they keep nothing for it. An import may have written anything there. */
export function keptFor(metadata: unknown, service: string): JsonObject | undefined {
  const all = objectOf(metadata)
  return all !== undefined && Object.hasOwn(all, service) ? objectOf(all[service]) : undefined
}
