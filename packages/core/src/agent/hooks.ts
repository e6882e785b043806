/** What a host does around the steps of a run: guardrails, redaction, vetoes. */
import type { AgentId, RunId, SessionKey } from '../base/ids.ts'
import type { AssistantMessage, FinishReason, JsonValue, ToolCall, ToolResult, Usage } from '../base/messages.ts'
import type { ProviderRequest } from '../ports/provider.ts'

/** The run that a hook is called for. */
export interface HookRun {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly agentId: AgentId
  /** What the message brought along, see `SendOptions.context`. */
  readonly context: JsonValue | undefined
  /** Counts from 1. */
  readonly turn: number
  /** Aborted when the run is cancelled or the time of the hook is up. */
  readonly signal: AbortSignal
}

type Maybe<T> = T | undefined | void | Promise<T | undefined | void>

/**
 * Called around the model and the tools of each run. A hook that throws, or takes longer than a minute, fails the run: with the code of the `BeamClawError`
 * that it threw, else `hook-failed`. After a crash a step is done again, and its hooks are called again.
 *
 * @example
 * const hooks: AgentHooks = { beforeTool: ({ call }) => (call.name === 'delete' ? { deny: 'Deleting is not allowed here.' } : undefined) }
 */
export interface AgentHooks {
  /** Called before the model is asked. Returns another request, or nothing to leave it as it is. */
  readonly beforeModel?: (step: { readonly request: ProviderRequest; readonly run: HookRun }) => Maybe<ProviderRequest>
  /**
   * Called with each whole answer before anything of it is kept. Returns another message, or nothing. While there is such a hook, pieces of answers
   * are not shown as they come, since they have not been looked at.
   */
  readonly afterModel?: (step: {
    readonly message: AssistantMessage
    readonly finish: FinishReason
    readonly usage: Usage
    readonly run: HookRun
  }) => Maybe<AssistantMessage>
  /** Called before a tool runs. Returns another input, or why the call is denied, which the model reads as the tool's failure. */
  readonly beforeTool?: (step: {
    readonly call: ToolCall
    readonly run: HookRun
  }) => Maybe<{ readonly input: JsonValue } | { readonly deny: string }>
  /** Called with what a tool returned before anything of it is kept. Returns another content, or nothing. */
  readonly afterTool?: (step: {
    readonly call: ToolCall
    readonly result: ToolResult
    readonly run: HookRun
  }) => Maybe<Pick<ToolResult, 'content'> & Partial<Pick<ToolResult, 'isError'>>>
  /** Called before a run that was completed ends; throwing fails it. Also called, for information, with a run that failed or was aborted. */
  readonly onRunEnd?: (end: {
    readonly outcome: 'completed' | 'failed' | 'aborted'
    readonly message: AssistantMessage | undefined
    readonly usage: Usage
    readonly failure: { readonly code: string; readonly message: string } | undefined
    readonly run: HookRun
  }) => Maybe<never>
}

/** Names of all hooks. */
export const hookNames = [
  'beforeModel',
  'afterModel',
  'beforeTool',
  'afterTool',
  'onRunEnd',
] as const satisfies readonly (keyof AgentHooks)[]
