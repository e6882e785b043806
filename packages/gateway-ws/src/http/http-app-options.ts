/** Dependencies of the HTTP side. */
import type { Logger, RunningBeamClaw } from '@beamclaw/core'
import type { Admission } from '../admission.ts'
import type { FailedAuth } from '../auth/failed-auth.ts'
import type { SiteRules } from '../auth/site-check.ts'
import type { GatewayAuth } from '../auth/token-auth.ts'
import type { ClusterReport } from '../cluster/cluster-report.ts'
import type { GatewayLimits } from '../limits.ts'
import type { Turns } from '../turns.ts'
import type { SessionHub } from '../ws/hub/session-hub.ts'
import type { RequestsUnderWay } from './requests-under-way.ts'

export interface HttpAppOptions {
  readonly claw: RunningBeamClaw
  readonly auth: GatewayAuth
  readonly failedAuth: FailedAuth
  readonly rules: SiteRules
  readonly limits: GatewayLimits
  /** `<provider>/<model>` of every model that may be requested without an agent. */
  readonly models: readonly string[]
  readonly version: string
  readonly logger: Logger
  readonly turns: Turns
  /** Wall time in milliseconds. */
  readonly now: () => number
  readonly uptimeMs: () => number
  readonly admission: Admission
  readonly requests: RequestsUnderWay
  readonly cluster: ClusterReport
  /** Aborted when the time for runs is over; requests that still wait for one are answered then. */
  readonly closing: AbortSignal
  /** Notified of messages that come in over HTTP, for the watchers of their sessions. */
  readonly hub: SessionHub
}
