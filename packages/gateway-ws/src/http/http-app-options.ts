/** What the HTTP side needs of the gateway. */
import type { Logger, RunningBeamClaw } from '@beamclaw/core'
import type { FailedAuth } from '../auth/failed-auth.ts'
import type { SiteRules } from '../auth/site-check.ts'
import type { GatewayAuth } from '../auth/token-auth.ts'
import type { GatewayLimits } from '../limits.ts'
import type { Turns } from '../turns.ts'
import type { SessionHub } from '../ws/hub/session-hub.ts'

export interface HttpAppOptions {
  readonly claw: RunningBeamClaw
  readonly auth: GatewayAuth
  readonly failedAuth: FailedAuth
  readonly rules: SiteRules
  readonly limits: GatewayLimits
  /** `<provider>/<model>` of everything that may be asked without an agent. */
  readonly models: readonly string[]
  readonly version: string
  readonly logger: Logger
  readonly turns: Turns
  /** Wall time in milliseconds. */
  readonly now: () => number
  readonly uptimeMs: () => number
  /** Whether sessions are accepted. */
  readonly readiness: () => 'ready' | 'starting' | 'draining'
  /** Aborted when the time for runs is over: who still waits for one is told. */
  readonly closing: AbortSignal
  /** Tells the watchers of sessions of the messages that come in over HTTP. */
  readonly hub: SessionHub
}
