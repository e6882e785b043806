/** Fields of tools that ask before they act. */
import type { AskMode, JsonValue, PlanContext, Tool, ToolContext, ToolOptions, ToolPlan } from '@beamclaw/core'
import { defineTool } from '@beamclaw/core'

/** Options of a tool that plans its calls. */
export interface PlannedToolOptions<TInput> extends ToolOptions<TInput> {
  readonly plan: (input: TInput, context: PlanContext) => Promise<ToolPlan>
  readonly risk: 'low' | 'high'
  readonly askMode?: AskMode
}

/** A tool with the fields of `PlannedToolOptions`. */
export type PlannedTool<TInput> = Tool<TInput> & Pick<PlannedToolOptions<TInput>, 'plan' | 'risk' | 'askMode'>

/** What such a tool gets besides its input. */
export interface PlannedToolContext extends ToolContext {
  /** What was planned, as it was approved. @default none */
  readonly plan?: JsonValue
  /** @default the default tenant */
  readonly tenant?: string
}

/** Returns the tool. Throws `invalid-option`. */
export function definePlannedTool<TInput>({ plan, risk, askMode, ...options }: PlannedToolOptions<TInput>): PlannedTool<TInput> {
  return { ...(defineTool(options) as Tool<TInput>), plan, risk, ...(askMode === undefined ? {} : { askMode }) }
}
