/** The options of `send`, and the message built from them. */
import { aBoolean, anything, aSignal, checkOptions, definedOnly, guardedRead, integer, oneOf, text } from '@beamclaw/actor/internal'
import { aTemperature, aToolChoice, toolChoiceOf } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import { parseRunId } from '../base/ids.ts'
import { jsonProblemOf } from '../base/json-problem.ts'
import { type Fail, fieldsOf, jsonOf, newContentOf, read } from '../base/message-check.ts'
import type { JsonObject, JsonValue, UserMessage } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import { aJsonSchema, aStandardSchema, jsonSchemaOf, type StandardSchema } from '../tool/standard-schema.ts'
import type { NewMessage } from './commands/message-intake.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { QueueMode, RunSettings } from './journal/records.ts'

/** The same type with `undefined` allowed in each field. */
type OrUndefined<T> = { readonly [K in keyof T]: T[K] | undefined }

/** Options of `SessionHandle.send`. `undefined` means the same as leaving the option out. */
export interface SendOptions<TOutput = undefined, TContext = unknown> extends OrUndefined<RunSettings> {
  /** A repeat with the same key gets the same run. 1 to 256 printable ASCII characters. @default a new key */
  readonly idempotencyKey?: string | undefined
  /** Decides what happens to the message while the session is busy. @default the mode of the session, else of the BeamClaw, else 'queue' */
  readonly queueMode?: QueueMode | undefined
  /** JSON of at most 256 KiB for the run's tools, hooks and system function; durable with the message. @default none */
  readonly context?: (unknown extends TContext ? JsonValue : TContext) | undefined
  /** Aborts the run. @default none */
  readonly signal?: AbortSignal | undefined
  /** Requests JSON of this shape; `result()` then has it as `output`. @default free text */
  readonly output?: StandardSchema<TOutput> | undefined
  /** JSON Schema for the model. @default derived from `output` */
  readonly outputSchema?: JsonObject | undefined
  /**
   * When the answer does not fit `output`, `result()` sends one more message with the problem, under the key `<key>:repair`, and takes that answer.
   * @default true
   */
  readonly repair?: boolean | undefined
}

/** What comes after the content of a message: options, which must have a `context` where that of the agent cannot be left out. */
export type SendRest<TOutput, TContext> = unknown extends TContext
  ? [options?: SendOptions<TOutput, TContext>]
  : undefined extends TContext
    ? [options?: SendOptions<TOutput, TContext>]
    : [options: SendOptions<TOutput, TContext> & { readonly context: TContext }]

const invalidMessage: Fail = (problem) => new BeamClawError('invalid-message', `send: ${problem}`)

const rules = {
  idempotencyKey: text(256),
  queueMode: oneOf('queue', 'steer', 'collect', 'interrupt', 'reject'),
  output: aStandardSchema,
  outputSchema: aJsonSchema('output'),
  repair: aBoolean,
  context: anything,
  signal: aSignal,
  model: text(),
  thinking: oneOf('off', 'low', 'medium', 'high'),
  temperature: aTemperature,
  maxOutputTokens: integer(1),
  toolChoice: aToolChoice,
  tools: toolNames,
}

/** Returns the checked message and its context, which the agent's schema may still change. Throws the errors with which a `send` rejects. */
export function newMessageOf<TOutput>(
  content: UserMessage['content'],
  options: SendOptions<TOutput>,
  providers: ProviderTable,
  depth: number,
  newRunId: () => string,
): { readonly message: NewMessage; readonly context: JsonValue | undefined } {
  checkOptions<SendOptions<TOutput>>('send', options, rules)
  const { output, outputSchema, queueMode, idempotencyKey, model } = options
  if (model !== undefined) providers.check('send', 'model', model)
  const checked = newContentOf(content, 'content', invalidMessage)
  const message: NewMessage = {
    type: 'send',
    runId: parseRunId(idempotencyKey ?? newRunId()),
    message: { role: 'user', content: checked },
    fingerprint: fingerprintOf(checked),
    queueMode,
    ...(depth === 0 ? {} : { depth }),
    ...settingsOf(options),
    ...(output === undefined ? {} : { responseFormat: { type: 'json', schema: schemaOf(output, outputSchema) } }),
  }
  return { message, context: options.context === undefined ? undefined : contextOf(options.context) }
}

/** Returns the settings of a message for its run; undefined when it has none. */
function settingsOf({ model, thinking, temperature, maxOutputTokens, toolChoice, tools }: SendOptions<unknown>): {
  readonly settings?: RunSettings
} {
  // Copied, then checked again: a getter may return another value to a second read.
  const choice = toolChoice && guardedRead('send', 'toolChoice', () => toolChoiceOf(toolChoice))
  const names = tools && guardedRead('send', 'tools', () => Array.from(tools))
  if (choice !== undefined || names !== undefined)
    checkOptions('send', { toolChoice: choice, tools: names }, { toolChoice: aToolChoice, tools: toolNames })
  const settings = definedOnly({ model, thinking, temperature, maxOutputTokens, toolChoice: choice, tools: names })
  return Object.keys(settings).length === 0 ? {} : { settings }
}

/** Maximum size of the context of a message, in bytes of JSON. */
const maxContextBytes = 256 * 1024

/** Returns a copy, so that later changes by the host have no effect. Throws `invalid-message`, with the path of the value, or `document-too-large`. */
function contextOf(context: unknown): JsonValue {
  const problem = read(() => jsonProblemOf(context, 'context'), 'context', invalidMessage)
  if (problem !== undefined) throw invalidMessage(problem)
  const json = read(() => encodeJson(context, Number.POSITIVE_INFINITY), 'context', invalidMessage)
  const bytes = new TextEncoder().encode(json).length
  if (bytes <= maxContextBytes) return jsonOf(JSON.parse(json), 'context', invalidMessage)
  const advice = 'Send an id, and have tools and hooks look the rest up.'
  throw new BeamClawError('document-too-large', `send: context takes ${bytes} bytes as JSON, and may take ${maxContextBytes}. ${advice}`, {
    details: { bytes, maxBytes: maxContextBytes },
  })
}

function toolNames(value: unknown): string | undefined {
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? undefined : 'a list of names of tools'
}

/** Returns a copy: the caller's object, or the library's, may change later. Throws `invalid-option`, with the path, for a schema that is not JSON. */
function schemaOf(output: StandardSchema, given: JsonObject | undefined): JsonObject {
  const option = given === undefined ? 'output' : 'outputSchema'
  const schema = given ?? jsonSchemaOf('send', 'output', output, 'outputSchema')
  return guardedRead('send', option, () => {
    const refused: Fail = (problem) =>
      new BeamClawError('invalid-option', `send: option "${option}" must give a JSON Schema that is plain JSON: ${problem}`, {
        details: { owner: 'send', option },
      })
    const problem = jsonProblemOf(schema, option)
    if (problem !== undefined) throw refused(problem)
    return fieldsOf(jsonOf(schema, option, refused), option, refused) as JsonObject
  })
}
