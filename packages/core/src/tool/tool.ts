/** A tool is what a model may ask for: a name, what it takes, and a function. */
import type { RunId, SessionKey } from '../base/ids.ts'
import type { ImagePart, JsonObject, JsonValue, TextPart } from '../base/messages.ts'
import { aBoolean, aFunction, anObject, checkOptions, duration, integer, text } from '../base/options.ts'
import type { ToolDeclaration } from '../ports/provider.ts'
import { aStandardSchema, jsonSchemaOf, type StandardSchema } from './standard-schema.ts'

/** What a tool is handed besides its input. */
export interface ToolContext {
  /** Aborted when the run is cancelled or the tool's time is up. */
  readonly signal: AbortSignal
  readonly sessionKey: SessionKey
  readonly runId: RunId
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

/** What a tool may return: text, an object of `content` and `isError` alone, or any other JSON value, which the model sees as JSON. */
export type ToolOutput =
  | JsonValue
  | undefined
  | { readonly content: string | readonly (TextPart | ImagePart)[]; readonly isError?: boolean }

export interface ToolOptions<TInput> {
  /** 1 to 64 of A-Z, a-z, 0-9, `_` and `-`. */
  readonly name: string
  /** Tells the model what the tool is for. */
  readonly description: string
  /** Checks and types the input. @default takes an empty object */
  readonly input?: StandardSchema<TInput>
  /** JSON Schema for the model. @default what `input` says of itself */
  readonly inputSchema?: JsonObject
  /** Throwing tells the model that it failed; an error with `isRetryable` true is tried again first. */
  readonly execute: (input: TInput, context: ToolContext) => ToolOutput | Promise<ToolOutput>
  /** Running it again with the same `idempotencyKey` does no harm, so a crash in the middle leads to another run. @default false */
  readonly idempotent?: boolean
  /** Milliseconds for one try. @default 600000 */
  readonly timeoutMs?: number
  /** Tries while it fails with retryable errors. @default 3 */
  readonly maxAttempts?: number
}

/** Defaults for a tool. */
const toolDefaults = { idempotent: false, timeoutMs: 600_000, maxAttempts: 3 } as const satisfies Partial<ToolOptions<unknown>>

export interface Tool {
  readonly declaration: ToolDeclaration
  readonly input: StandardSchema | undefined
  readonly execute: (input: never, context: ToolContext) => ToolOutput | Promise<ToolOutput>
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
export function defineTool<TInput = Record<string, never>>(options: ToolOptions<TInput>): Tool {
  checkOptions<ToolOptions<TInput>>(
    'defineTool',
    options,
    {
      name: (value) => (typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value) ? undefined : '1 to 64 of A-Z, a-z, 0-9, _ and -'),
      description: text(10_000),
      input: aStandardSchema,
      inputSchema: anObject,
      execute: aFunction,
      idempotent: aBoolean,
      timeoutMs: duration(1),
      maxAttempts: integer(1, 20),
    },
    ['name', 'description', 'execute'],
  )
  const { name, description, input, execute } = options
  const inputSchema =
    options.inputSchema ?? (input === undefined ? takesNothing : jsonSchemaOf(`defineTool "${name}"`, 'input', input, 'inputSchema'))
  return { declaration: { name, description, inputSchema }, input, execute, ...toolDefaults, ...policyOf(options) }
}

function policyOf<TInput>({ idempotent, timeoutMs, maxAttempts }: ToolOptions<TInput>): Partial<Tool> {
  return {
    ...(idempotent === undefined ? {} : { idempotent }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
  }
}
