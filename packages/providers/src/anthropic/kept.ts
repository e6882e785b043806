/** What is kept beside a part, under the name of the service. */
import type { JsonObject, ProviderMetadata } from '@beamclaw/core'
import { isKeepable } from '../shared/keepable.ts'

/** Returns the field of a part that keeps something for a service; no field where there is nothing to keep, or too much of it. */
export function kept(service: string, fields: JsonObject): { readonly providerMetadata?: ProviderMetadata } {
  return Object.keys(fields).length > 0 && isKeepable(fields) ? { providerMetadata: { [service]: fields } } : {}
}
