/** A tool is what a model may ask for: a name, what it takes, and a function. */
import type { AgentId, RunId, SessionKey } from '../base/ids.ts'
import type { JsonObject, JsonValue, Usage } from '../base/messages.ts'
import { aBoolean, aFunction, anObject, checkOptions, duration, integer, text } from '../base/options.ts'
import type { ToolDeclaration } from '../ports/provider.ts'
import { aStandardSchema, jsonSchemaOf, type StandardSchema } from './standard-schema.ts'
import type { ToolSession } from './tool-session.ts'

/** What a tool is handed besides its input. */
export interface ToolContext<TContext = unknown> {
  /** Aborted when the run is cancelled or the tool's time is up. */
  readonly signal: AbortSignal
  readonly sessionKey: SessionKey
  readonly runId: RunId
  readonly agentId: AgentId
  /** What the message brought along (`SendOptions.context`), as the tool's `context` schema types it. */
  readonly context: TContext
  /**
   * Tells readers of the run how far the tool has come: JSON of at most 64,000 bytes. Not kept: a reader that comes later does not see it.
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
  /** The model's own name for the call. Models use the same one again: it tells calls of one turn apart, and nothing else. */
  readonly toolCallId: string
  /**
   * `<run>:<turn>:<index>`, unique in its session, and the same for every try of the same call, also after a crash: pass it on where the
   * other side can drop repeats, together with `sessionKey` where it serves more than one session.
   */
  readonly idempotencyKey: string
  /** Counts from 1. */
  readonly attempt: number
}

/**
 * What a tool may return: text, what `toolResult` made, or data, which the model sees as JSON. Every object that `toolResult` did not make
 * is data, whatever its fields are called; what JSON cannot hold (functions, symbols, promises, bytes, cycles) is told to the model as a
 * failure of the tool.
 */
export type ToolOutput = string | number | boolean | bigint | object | null | undefined

export interface ToolOptions<TInput, TContext = unknown> {
  /** 1 to 64 of A-Z, a-z, 0-9, `_` and `-`. */
  readonly name: string
  /** Tells the model what the tool is for. */
  readonly description: string
  /** Checks and types the input. @default takes an empty object */
  readonly input?: StandardSchema<TInput>
  /** Checks and types the run's context before each call; a run without it is told to the model as a failure. @default any context */
  readonly context?: StandardSchema<TContext>
  /** JSON Schema for the model. @default what `input` says of itself */
  readonly inputSchema?: JsonObject
  /** Throwing tells the model that it failed; an error with `isRetryable` true is tried again first. */
  readonly execute: (input: TInput, context: ToolContext<TContext>) => ToolOutput | Promise<ToolOutput>
  /** Running it again with the same `idempotencyKey` does no harm, so a crash in the middle leads to another run. @default false */
  readonly idempotent?: boolean
  /** Milliseconds for one try. @default 600000 */
  readonly timeoutMs?: number
  /** Tries while it fails with retryable errors. @default 3 */
  readonly maxAttempts?: number
}

/** Defaults for a tool. */
const toolDefaults = { idempotent: false, timeoutMs: 600_000, maxAttempts: 3 } as const satisfies Partial<ToolOptions<unknown>>

/** A tool as an agent has it. `TInput` is what its schema makes of the model's input. */
export interface Tool<TInput = never> {
  readonly declaration: ToolDeclaration
  readonly input: StandardSchema | undefined
  readonly context: StandardSchema | undefined
  readonly execute: (input: TInput, context: ToolContext<never>) => ToolOutput | Promise<ToolOutput>
  readonly idempotent: boolean
  readonly timeoutMs: number
  readonly maxAttempts: number
}

const takesNothing: JsonObject = { type: 'object', properties: {}, additionalProperties: false }

/**
 * Checks a tool's options. Throws `invalid-option`, also for an `input` that cannot be written as JSON Schema, such as a date, with the path.
 *
 * @example
 * const deploy = defineTool({ name: 'deploy', description: 'Deploys', input: z.object({ to: z.string() }), execute: ({ to }) => `on ${to}` })
 */
export function defineTool<TInput = Record<string, never>, TContext = unknown>(options: ToolOptions<TInput, TContext>): Tool<TInput> {
  checkOptions<ToolOptions<TInput, TContext>>(
    'defineTool',
    options,
    {
      name: (value) => (typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? undefined : '1 to 64 of A-Z, a-z, 0-9, _ and -'),
      description: text(10_000),
      input: aStandardSchema,
      context: aStandardSchema,
      inputSchema: anObject,
      execute: aFunction,
      idempotent: aBoolean,
      timeoutMs: duration(1),
      maxAttempts: integer(1, 20),
    },
    ['name', 'description', 'execute'],
  )
  const { name, description, input, context, execute } = options
  const inputSchema =
    options.inputSchema ?? (input === undefined ? takesNothing : jsonSchemaOf(`defineTool "${name}"`, 'input', input, 'inputSchema'))
  return { declaration: { name, description, inputSchema }, input, context, execute, ...toolDefaults, ...policyOf(options) }
}

function policyOf({
  idempotent,
  timeoutMs,
  maxAttempts,
}: Pick<ToolOptions<never>, 'idempotent' | 'timeoutMs' | 'maxAttempts'>): Partial<Omit<Tool, 'execute'>> {
  return {
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
  }
}
