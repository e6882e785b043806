/** Approvals: what a person is asked, what was decided, and what is allowed from then on. */
import type { AgentId, RunId, SessionKey } from './ids.ts'
import type { JsonValue } from './messages.ts'

/**
 * One thing that a call does, and that a grant may cover: `subject` names it (`exec:/usr/bin/git`), `args` are its arguments. A grant covers it when the
 * subject is the same and its pattern matches all arguments.
 */
export interface Permit {
  readonly subject: string
  readonly args: readonly string[]
}

/** A call that waits for a decision, as it is in the journal. */
export interface ApprovalQuestion {
  /** Unique in its tenant. */
  readonly id: string
  readonly agentId: AgentId
  readonly turn: number
  readonly toolCallId: string
  readonly toolName: string
  /** What the call would do: complete, with control, bidirectional and invisible characters as `\u{…}`. */
  readonly display: string
  /** The input that the tool will get. */
  readonly input: JsonValue
  /** What the tool will execute, as its `plan` returned it; absent for a tool without one. */
  readonly detail?: JsonValue
  /** What may be remembered; absent for a call that may be approved only once. */
  readonly permits?: readonly Permit[]
  /** In milliseconds since 1970. */
  readonly requestedAt: number
  readonly expiresAt: number
  /** What the end of the time means. */
  readonly onExpiry: 'deny' | 'approve'
  /** Present for a question that the running tool itself asks; the number of the question in its call. */
  readonly question?: number
}

/** A call that waits for a decision, with the conversation it belongs to. */
export interface ApprovalRequest extends ApprovalQuestion {
  readonly sessionKey: SessionKey
  readonly runId: RunId
}

/** `expired`: there was no decision in time, and the call does not run. */
export type ApprovalDecision = 'approved' | 'denied' | 'expired'

/** How far an approval reaches: this call, or what it does from now on in the session, for the agent, in the tenant. */
export type ApprovalScope = 'once' | 'session' | 'agent' | 'tenant'

/** A decision, as it is in the journal. */
export interface ApprovalAnswer {
  readonly decision: ApprovalDecision
  /** The person or system that decided; `expiry` where the end of the time approves. Absent for `expired`. */
  readonly by?: string
  readonly scope?: ApprovalScope
  readonly reason?: string
}

/**
 * Something that needs no approval any more. `args` are patterns: a text stands for itself, `*` for any one argument, `**` at the end for any number; `\*`
 * is an asterisk.
 */
export interface Grant {
  readonly id: string
  readonly scope: Exclude<ApprovalScope, 'once'>
  /** The session of scope `session`, and the agent of scope `agent`. */
  readonly sessionKey?: SessionKey
  readonly agentId?: AgentId
  readonly subject: string
  readonly args: readonly string[]
  readonly by: string
  /** In milliseconds since 1970. */
  readonly createdAt: number
}
