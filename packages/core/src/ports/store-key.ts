/** The names of what is stored. */
import type { TenantId } from '../base/ids.ts'

/**
 * Where something is kept: the tenant, then 1 to 8 names of 1 to 512 characters. Any character is allowed in a name; the adapter encodes.
 * Two keys are the same when all their parts are.
 */
export type StoreKey = readonly [tenant: TenantId, ...names: string[]]
