/** The sessions of a tenant, as hosts see them. */
import type { AgentDefinition } from '../agent/agent.ts'
import type { ApprovalGate } from '../approval/approval-gate.ts'
import type { Presence } from '../cluster/presence.ts'
import type { ProcessGroups } from '../cluster/process-groups.ts'
import type { SessionHandle } from '../session/session-handle.ts'
import type { ListSessionsOptions, SessionSummary } from '../session/session-list.ts'

/** The sessions of one tenant. */
export interface TenantSessions {
  /** The calls that wait for approval, and what needs none any more. */
  readonly approvals: ApprovalGate
  /** Who is present, at all nodes of the cluster. */
  readonly presence: Presence
  /** Groups of actors, at all nodes of the cluster. */
  readonly groups: ProcessGroups
  /** Returns a handle on a session; nothing starts before it is used. Takes what `RunningBeamClaw.session` takes. Throws `invalid-session-key`. */
  session(key: string): SessionHandle
  /**
   * The same, for the session of an agent that ids of the host name, as `sessionKeyOf(agent, ...ids)` does; `send` then knows the type of the agent's
   * `context`. Throws `invalid-session-key` and `invalid-id`.
   */
  session<TContext>(agent: AgentDefinition<TContext>, ...ids: readonly [string, ...string[]]): SessionHandle<TContext>
  /** Lists the sessions, in the order of their keys. Rejects `invalid-option`, `invalid-id` or `invalid-session-key`. */
  sessions(options?: ListSessionsOptions): Promise<readonly SessionSummary[]>
}
