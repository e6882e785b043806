/** Hooks of the host application around the steps of a run: guardrails, redaction, vetoes. */
import type { AgentId, RunId, SessionKey } from '../base/ids.ts'
import type { AssistantMessage, FinishReason, JsonValue, ToolCall, ToolResult, Usage } from '../base/messages.ts'
import type { RunFailure } from '../base/run-failure.ts'
import type { ProviderRequest } from '../ports/provider.ts'

/** The run that a hook is called for. `TContext` is the context of its agent. */
export interface HookRun<TContext = unknown> {
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly agentId: AgentId
  /** The `context` of the message (`SendOptions.context`), as the agent's `context` schema parses it; JSON or undefined where it has none. */
  readonly context: TContext
  /** Counts from 1. */
  readonly turn: number
  /** Aborted when the run is cancelled or the hook times out. */
  readonly signal: AbortSignal
}

type Maybe<T> = T | undefined | void | Promise<T | undefined | void>

/**
 * Hooks, called around the model and the tools of each run. A hook that throws, or takes longer than a minute, fails the run: with the code of
 * the `BeamClawError` that it threw, else `hook-failed` with `details.hook`. After a crash a step is repeated, and its hooks are called again. `TContext` is
 * the context of the agent; hooks that are written without it fit any agent.
 *
 * @example
 * const hooks: AgentHooks = { beforeTool: ({ call }) => (call.name === 'delete' ? { deny: 'Deleting is not allowed here.' } : undefined) }
 */
export interface AgentHooks<TContext = unknown> {
  /** Called before each request to the model. Returns another request, or nothing to keep it. */
  readonly beforeModel?: (step: { readonly request: ProviderRequest; readonly run: HookRun<TContext> }) => Maybe<ProviderRequest>
  /**
   * Called with each complete answer before it is stored. Returns another message, or nothing to keep it. With this hook, answers are not
   * streamed, since their pieces have not passed the hook.
   */
  readonly afterModel?: (step: {
    readonly message: AssistantMessage
    readonly finish: FinishReason
    readonly usage: Usage
    readonly run: HookRun<TContext>
  }) => Maybe<AssistantMessage>
  /** Called before a tool runs. Returns another input, or the reason for denying the call, which the model gets as the tool's failure. */
  readonly beforeTool?: (step: {
    readonly call: ToolCall
    readonly run: HookRun<TContext>
  }) => Maybe<{ readonly input: JsonValue } | { readonly deny: string }>
  /** Called with the result of a tool before it is stored. Returns another content, or nothing to keep it. */
  readonly afterTool?: (step: {
    readonly call: ToolCall
    readonly result: ToolResult
    readonly run: HookRun<TContext>
  }) => Maybe<Pick<ToolResult, 'content'> & Partial<Pick<ToolResult, 'isError'>>>
  /** Called before a completed run ends; throwing fails it. Also called, for information, with a run that failed or was aborted. */
  readonly onRunEnd?: (end: {
    readonly outcome: 'completed' | 'failed' | 'aborted'
    readonly message: AssistantMessage | undefined
    readonly usage: Usage
    readonly failure: RunFailure | undefined
    readonly run: HookRun<TContext>
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
