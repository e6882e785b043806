/** Options of the list of busy sessions. */
import type { SystemServices } from '@beamclaw/actor'
import type { BeamClawError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { Cluster } from '../../ports/cluster.ts'
import type { Store } from '../../ports/store.ts'

/** When sessions whose run was interrupted continue: at the start of the process, or at their first use. */
export type ResumeMode = 'now' | 'on-demand'

export interface ActivityLogOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly services: SystemServices
  /** With `on-demand`, sessions that were listed as busy count as idle until they are used. @default 'now' */
  readonly resume?: ResumeMode
  /** Called before sessions are removed from the list, some seconds after their work. When it rejects, they stay listed, and it is called again later. */
  readonly beforeIdle?: (keys: readonly SessionKey[]) => Promise<void>
  /** Called when another process owns the list, and so the sessions, or when the store has failed for good. */
  readonly onLost?: (error: BeamClawError) => void
}
