/** What a call would do exactly: shown to the person who approves it, recorded, and then executed as it is. */
import type { Permit } from '../base/approval.ts'
import type { AgentId, SessionKey, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'

export type { Permit } from '../base/approval.ts'

/** When a call asks: never, unless a grant covers it, or each time. */
export type AskMode = 'off' | 'onMiss' | 'always'

/** A plan, as `ToolOptions.plan` returns it. */
export interface ToolPlan {
  /** For the person who decides: complete, nothing shortened. Control and bidirectional characters are escaped before it is shown. */
  readonly display: string
  /** What the tool gets back as `ToolContext.plan` and executes: JSON of at most 256 KiB. */
  readonly detail: JsonValue
  /**
   * What the call does, for grants: with `onMiss` it runs unasked only if grants cover all of them. Empty for a call that does no harm. Absent for one that
   * must not be remembered, such as one through an interpreter. @default the tool and its exact input, for a tool without `plan`
   */
  readonly permits?: readonly Permit[]
}

/** A question of a running tool, see `ToolContext.ask`. */
export interface ToolQuestion extends Pick<ToolPlan, 'display' | 'permits'> {
  /** Whether a grant may answer it. @default 'always' */
  readonly askMode?: AskMode
  /** Milliseconds until it expires. @default that of the tool */
  readonly timeoutMs?: number
}

/** What `ToolOptions.plan` gets besides the input. */
export interface PlanContext<TContext = unknown> {
  readonly signal: AbortSignal
  readonly tenant: TenantId
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  /** The run's context, as the tool's schema parses it. */
  readonly context: TContext
}
