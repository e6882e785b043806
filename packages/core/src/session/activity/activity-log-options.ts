/** What the list of busy sessions works with. */
import type { BeamClawError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { SystemServices } from '../../defaults/services.ts'
import type { Cluster } from '../../ports/cluster.ts'
import type { Store } from '../../ports/store.ts'

/** When sessions that were left in the middle of a run go on. */
export type ResumeMode = 'now' | 'on-demand'

export interface ActivityLogOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly services: SystemServices
  /** With `on-demand`, sessions that were on record as busy count as idle until they are used. @default 'now' */
  readonly resume?: ResumeMode
  /** Called before sessions go off the record, some seconds after their work; what it rejects with is logged. */
  readonly beforeIdle?: (keys: readonly SessionKey[]) => Promise<void>
  /** Another owner has the list, and with it the sessions; or the store has failed for good. */
  readonly onLost?: (error: BeamClawError) => void
}
