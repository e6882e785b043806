/** Tools that a model may call: a name, an input schema and a function. */

import type { LogLevel } from '@beamclaw/actor'
import { aBoolean, aFunction, checkOptions, definedOnly, duration, integer, oneOf, readOptions, text } from '@beamclaw/actor/internal'
import { type AskModeRule, anAskMode } from '../approval/ask-mode.ts'
import type { ApprovalAnswer } from '../base/approval.ts'
import { BeamClawError } from '../base/errors.ts'
import type { AgentId, RunId, SessionKey, TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue, Usage } from '../base/messages.ts'
import type { ToolDeclaration } from '../ports/provider.ts'
import { aJsonSchema, aStandardSchema, jsonSchemaOf, type StandardSchema } from './standard-schema.ts'
import type { PlanContext, ToolPlan, ToolQuestion } from './tool-plan.ts'
import type { ToolSession } from './tool-session.ts'

/** What a tool gets besides its input. */
export interface ToolContext<TContext = unknown> {
  /** Aborted when the run is cancelled or the tool times out. */
  readonly signal: AbortSignal
  readonly tenant: TenantId
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly agentId: AgentId
  /** Names of the tools that the run may call: those of its agent, as the session and the message restrict them. */
  readonly toolNames: readonly string[]
  /** The `context` of the message (`SendOptions.context`), as the tool's `context` schema parses it. */
  readonly context: TContext
  /** What `plan` returned as `detail`: what was approved, if it was asked. Undefined for a tool without `plan`. */
  readonly plan: JsonValue | undefined
  /**
   * Asks for a further approval, in the middle of the call, and resolves with the decision; `expired` counts as a denial. Durable: a call that is repeated
   * with the same questions in the same order gets the same decisions. The wait counts towards `timeoutMs`. Rejects `invalid-option`, and with the reason of
   * `signal`.
   */
  readonly ask: (question: ToolQuestion) => Promise<ApprovalAnswer>
  /** Writes to the host's log, with the tool, the session and the run. */
  readonly log: (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void
  /**
   * Publishes progress to the readers of the run: JSON of at most 64,000 bytes. Not durable: a later reader does not get it.
   */
  readonly progress: (data: JsonValue) => void
  /**
   * Returns another conversation of the same tenant, to have an agent do something; see `agentTool`. Throws `invalid-session-key`. A tool that waits for
   * a run that has to wait for its own gets `call-cycle`.
   */
  readonly session: (key: string) => ToolSession
  /** Adds tokens that the tool has spent to those of its run; durable with the outcome of the call. Throws `invalid-option`. */
  readonly reportUsage: (model: string, usage: Usage) => void
  /**
   * Hands the conversation over: from the next turn on, and in all later runs of the session, this agent answers, unless the call fails. Durable with the
   * outcome of the call. Throws `unknown-agent` or `invalid-id`.
   */
  readonly handOff: (agent: string) => void
  /** The model's id of the call. Unique only among the calls of one turn: models use ids again. */
  readonly toolCallId: string
  /**
   * `<run>:<turn>:<index>`, unique in its session, and the same for every try of a call, also after a crash: pass it to services that detect
   * repeated requests, together with `sessionKey` when the service is used by more than one session.
   */
  readonly idempotencyKey: string
  /** Counts from 1. */
  readonly attempt: number
}

/**
 * What a tool may return: text, a result of `toolResult`, or data, which the model gets as JSON. Every object that `toolResult` did not make
 * is data, whatever the names of its fields. A value that JSON cannot express (functions, symbols, promises, bytes, cycles) is a failure of the
 * tool.
 */
export type ToolOutput = string | number | boolean | bigint | object | null | undefined

/** Options of a tool. */
export interface ToolOptions<TInput, TContext = unknown, TContextInput = TContext> {
  /** 1 to 64 of A-Z, a-z, 0-9, `_` and `-`. */
  readonly name: string
  /** The purpose of the tool, for the model. */
  readonly description: string
  /** Validates and types the input. @default an empty object */
  readonly input?: StandardSchema<TInput>
  /** Validates and types the run's context before each call; with another context the call fails. @default any context */
  readonly context?: StandardSchema<TContext, TContextInput>
  /** JSON Schema for the model. @default the JSON Schema of `input` */
  readonly inputSchema?: JsonObject
  /** Runs the tool. Throw to fail the call; after an error with `isRetryable` true the call is tried again first. */
  readonly execute: (input: TInput, context: ToolContext<TContext>) => ToolOutput | Promise<ToolOutput>
  /** Whether the tool may run again with the same `idempotencyKey`; a call that a crash interrupted is then repeated. @default false */
  readonly idempotent?: boolean
  /** Milliseconds for one try. @default 600000 */
  readonly timeoutMs?: number
  /** Maximum number of tries, on retryable errors. @default 3 */
  readonly maxAttempts?: number
  /** Calls of this tool that run at the same time in a tenant; the others wait, and the wait counts towards `timeoutMs`. @default no limit */
  readonly concurrency?: number
  /** `high` for a tool that can do harm: unless told otherwise, it asks before it runs (`onMiss`). @default 'low' */
  readonly risk?: 'low' | 'high'
  /** When calls ask for approval. @default that of the agent, then of the tenant, then by `risk`: `onMiss` for `high`, `off` for `low` */
  readonly askMode?: AskModeRule
  /**
   * Returns what a call would do exactly, before it asks or runs; `execute` gets the `detail`, after an approval the approved one. Throw to refuse the call:
   * the model reads the error. It must change nothing. @default the name and the input
   */
  readonly plan?: (input: TInput, context: PlanContext<TContext>) => ToolPlan | Promise<ToolPlan>
  /** Milliseconds until an approval request expires. @default 120000 */
  readonly approvalTimeoutMs?: number
  /** What the end of that time means. @default 'deny' */
  readonly onApprovalExpiry?: 'deny' | 'approve'
  /**
   * Asked after a crash for a call that had begun, in the place of an unknown outcome. Return what became of it: `done` with its output, `not-done`, which
   * runs it again, or `unknown`. @default every such outcome is unknown
   */
  readonly reconcile?: (intent: ToolIntentOf<TInput>, context: ToolContext<TContext>) => Reconciled | Promise<Reconciled>
}

/** A call that had begun when its process ended. */
export interface ToolIntentOf<TInput = unknown> {
  readonly input: TInput
  /** The `idempotencyKey` that the first try got. */
  readonly idempotencyKey: string
}

/** What became of a call that had begun when its process ended. */
export type Reconciled = { readonly status: 'done'; readonly output: ToolOutput } | { readonly status: 'not-done' | 'unknown' }

/** Defaults for a tool. */
const toolDefaults = {
  idempotent: false,
  timeoutMs: 600_000,
  maxAttempts: 3,
  risk: 'low',
  approvalTimeoutMs: 120_000,
  onApprovalExpiry: 'deny',
} as const satisfies Partial<ToolOptions<unknown>>

// biome-ignore lint/suspicious/noExplicitAny: a list of tools that says nothing of their contexts takes any, and fits any agent.
type AnyContext = any

/** A checked tool, as `defineTool` returns it. `TInput` is the input that its schema parses, `TContext` the context that the agent has to give it. */
export interface Tool<TInput = never, TContext = AnyContext> {
  readonly declaration: ToolDeclaration
  readonly input: StandardSchema | undefined
  readonly context: StandardSchema | undefined
  readonly execute: (input: TInput, context: ToolContext<TContext>) => ToolOutput | Promise<ToolOutput>
  readonly idempotent: boolean
  readonly timeoutMs: number
  readonly maxAttempts: number
  readonly concurrency?: number
  readonly risk: 'low' | 'high'
  readonly askMode?: AskModeRule
  readonly plan?: (input: TInput, context: PlanContext<TContext>) => ToolPlan | Promise<ToolPlan>
  readonly approvalTimeoutMs: number
  readonly onApprovalExpiry: 'deny' | 'approve'
  readonly reconcile?: (intent: ToolIntentOf<TInput>, context: ToolContext<TContext>) => Reconciled | Promise<Reconciled>
  /** The agent that `agentTool` asks or `handoff` hands over to. @default none */
  readonly agentId?: AgentId
  /** True for a tool of `handoff`. @default false */
  readonly handsOver?: boolean
}

const takesNothing: JsonObject = { type: 'object', properties: {}, additionalProperties: false }

/**
 * Returns a tool for `defineAgent`. Throws `invalid-option`, also, with the path, for an `input` that JSON Schema cannot express, such as a date, and for one that is
 * no object.
 *
 * @example
 * const deploy = defineTool({ name: 'deploy', description: 'Deploys', input: z.object({ to: z.string() }), execute: ({ to }) => `on ${to}` })
 */
export function defineTool<TInput = Record<string, never>, TContext = unknown, TContextInput = TContext>(
  given: ToolOptions<TInput, TContext, TContextInput>,
): Tool<TInput, TContextInput> {
  const options = readOptions('defineTool', given)
  checkOptions<ToolOptions<TInput, TContext, TContextInput>>(
    'defineTool',
    options,
    {
      name: (value) => (typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? undefined : '1 to 64 of A-Z, a-z, 0-9, _ and -'),
      description: text(10_000),
      input: aStandardSchema,
      context: aStandardSchema,
      inputSchema: aJsonSchema('input'),
      execute: aFunction,
      idempotent: aBoolean,
      timeoutMs: duration(1),
      maxAttempts: integer(1, 20),
      concurrency: integer(1),
      risk: oneOf('low', 'high'),
      askMode: anAskMode,
      plan: aFunction,
      approvalTimeoutMs: duration(1_000),
      onApprovalExpiry: oneOf('deny', 'approve'),
      reconcile: aFunction,
    },
    ['name', 'description', 'execute'],
  )
  const { name, description, input, context, execute } = options
  const inputSchema = options.inputSchema ?? (input === undefined ? takesNothing : objectSchemaOf(name, input))
  const tool: Omit<Tool<TInput, TContext>, 'context'> = {
    declaration: { name, description, inputSchema },
    input,
    execute,
    ...toolDefaults,
    ...policyOf(options),
  }
  // Called with the context as its own schema parses it, which takes what the agent's gives.
  return { ...(tool as unknown as Tool<TInput, TContextInput>), context }
}

/** Returns the JSON Schema of an input. Throws `invalid-option` for one that is no object: model services refuse every request with such a tool. */
function objectSchemaOf(tool: string, input: StandardSchema): JsonObject {
  const owner = `defineTool "${tool}"`
  const schema = jsonSchemaOf(owner, 'input', input, 'inputSchema')
  const { type } = schema
  if (type === 'object') return schema
  const came = typeof type === 'string' ? `of type "${type}"` : 'of no single type'
  const problem = `${owner}: option "input" must be a schema of an object, as models take it, and its JSON Schema is ${came}`
  throw new BeamClawError('invalid-option', `${problem}; wrap it, as in z.object({ value: … }), or pass "inputSchema" as well`, {
    details: { owner, option: 'input' },
  })
}

const policyNames = [
  'idempotent',
  'timeoutMs',
  'maxAttempts',
  'concurrency',
  'risk',
  'askMode',
  'plan',
  'approvalTimeoutMs',
  'onApprovalExpiry',
  'reconcile',
] as const satisfies readonly (keyof ToolOptions<never>)[]

function policyOf<TInput, TContext, TContextInput>(
  options: ToolOptions<TInput, TContext, TContextInput>,
): Partial<Pick<Tool<TInput, TContext>, (typeof policyNames)[number]>> {
  return definedOnly(Object.fromEntries(policyNames.map((name) => [name, options[name]])))
}
