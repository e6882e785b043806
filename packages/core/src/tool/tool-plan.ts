/** What a call would do exactly: shown to the person who approves it, recorded, and then executed as it is. */
import type { JsonValue } from '../base/messages.ts'

/** When a call asks: never, unless a grant covers it, or each time. */
export type AskMode = 'off' | 'onMiss' | 'always'

/**
 * One thing that a call does, and that a grant may cover: `subject` names it (`exec:/usr/bin/git`), `args` are its arguments. A grant covers it when the
 * subject is the same and its pattern matches all arguments.
 */
export interface Permit {
  readonly subject: string
  readonly args: readonly string[]
}

/** A plan, as `ToolOptions.plan` returns it. */
export interface ToolPlan {
  /** For the person who decides: complete, nothing shortened. Control and bidirectional characters are escaped before it is shown. */
  readonly display: string
  /** What the tool gets back as `ToolContext.plan` and executes: JSON of at most 256 KiB. */
  readonly detail: JsonValue
  /**
   * What the call does, for grants: it runs without being asked only if grants cover all of them. Absent for a call that must not be remembered, such as
   * one through an interpreter. @default the tool and its exact input, for a tool without `plan`
   */
  readonly permits?: readonly Permit[]
}

/** What `ToolOptions.plan` gets besides the input. */
export interface PlanContext<TContext = unknown> {
  readonly signal: AbortSignal
  readonly tenant: string
  readonly sessionKey: string
  readonly agentId: string
  /** The run's context, as the tool's schema parses it. */
  readonly context: TContext
}
