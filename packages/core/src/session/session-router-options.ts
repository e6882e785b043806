/** What a session router is made of. */
import type { DynamicSupervisor } from '@beamclaw/actor'
import type { NodePhase } from './node-phase.ts'
import type { RemoteSessions } from './remote-sessions.ts'
import type { SessionDependencies } from './session-dependencies.ts'

export interface SessionRouterOptions {
  /** Returns the supervisor of the sessions; undefined while there is none. */
  readonly sessions: () => DynamicSupervisor | undefined
  readonly phase: () => NodePhase
  readonly dependencies: SessionDependencies
  /** The sessions of the other nodes; undefined for a node that is alone. */
  readonly remote: RemoteSessions | undefined
}
