/**
 * What OpenAI's Responses API refuses, in its words. Recorded in the cassettes of github.com/pydantic/pydantic-ai and the fixtures of github.com/vercel/ai
 * (2026-08), or reported in the issue that is named.
 */
import type { JsonObject, JsonValue } from '@beamclaw/core'
import type { ReceivedRequest, ScriptedError } from '../answer.ts'
import { type RefusalText, refusal } from './openai-refusal.ts'
import { refusedInput } from './openai-responses-input.ts'

const fields: ReadonlySet<string> = new Set([
  ...[
    'background',
    'context_management',
    'conversation',
    'include',
    'input',
    'instructions',
    'max_output_tokens',
    'max_tool_calls',
    'metadata',
  ],
  ...[
    'model',
    'parallel_tool_calls',
    'previous_response_id',
    'prompt',
    'prompt_cache_key',
    'prompt_cache_options',
    'prompt_cache_retention',
  ],
  ...['reasoning', 'safety_identifier', 'service_tier', 'store', 'stream', 'stream_options', 'temperature', 'text', 'tool_choice', 'tools'],
  ...['top_logprobs', 'top_p', 'truncation', 'user'],
])

/** Models that think, with the levels that they take and the one that they have by themselves. */
const thinkers: readonly (readonly [RegExp, efforts: readonly string[], byItself: string])[] = [
  [/^gpt-6\.2|^gpt-6-astra/, ['low', 'medium', 'high', 'xhigh', 'max'], 'medium'],
  [/^gpt-5\.6|^gpt-6/, ['none', 'low', 'medium', 'high', 'xhigh', 'max'], 'medium'],
  [/^gpt-5\.[1-4]/, ['none', 'low', 'medium', 'high', 'xhigh'], 'none'],
  [/^gpt-5(?!\.)/, ['minimal', 'low', 'medium', 'high'], 'medium'],
  [/^o\d/, ['low', 'medium', 'high'], 'medium'],
]

/** Models that are known never to think; those that only the caller knows may. */
const neverThinks = /^(?:gpt-[34]|gpt-5-chat|chatgpt-4o)/

/** Returns the refusal of a request; undefined for one that the API takes. */
export function refusedByOpenAiResponses({ path, body }: ReceivedRequest): ScriptedError | undefined {
  if (!path.endsWith('/responses') || typeof body !== 'object' || body === null) return undefined
  const request = body as JsonObject
  const text = refusedField(request) ?? refusedThinking(request) ?? refusedSchema(request) ?? refusedInput(request)
  return text === undefined ? undefined : refusal(text)
}

function refusedField(request: JsonObject): RefusalText | undefined {
  const { model, max_output_tokens: limit, safety_identifier: user, tools, tool_choice: choice } = request
  if (typeof model === 'string' && model.startsWith('missing-')) {
    return { message: `The requested model '${model}' does not exist.`, param: 'model', code: 'model_not_found' }
  }
  const unknown = Object.keys(request).find((field) => !fields.has(field))
  if (unknown !== undefined) return { message: `Unknown parameter: '${unknown}'.`, param: unknown, code: 'unknown_parameter' }
  if (typeof limit === 'number' && limit < 16) {
    const message = `Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got ${limit} instead.`
    return { message, param: 'max_output_tokens', code: 'integer_below_min_value' }
  }
  if (typeof user === 'string' && user.length > 64) return tooLong('safety_identifier', user)
  const named = typeof choice === 'object' && choice !== null ? (choice as JsonObject).name : undefined
  if (named !== undefined && !listOf(tools).some(({ name }) => name === named)) {
    return { message: `Tool choice '${String(named)}' not found in 'tools' parameter.`, param: 'tool_choice', code: null }
  }
  return undefined
}

function tooLong(param: string, text: string): RefusalText {
  const message = `Invalid '${param}': string too long. Expected a string with maximum length 64, but got a string with length ${text.length} instead.`
  return { message, param, code: 'string_above_max_length' }
}

function refusedThinking(request: JsonObject): RefusalText | undefined {
  const { model, reasoning, input } = request
  if (neverThinks.test(String(model)) && listOf(input).some(({ type }) => type === 'reasoning')) {
    // github.com/openai/openai-agents-python/issues/569
    const what = 'Reasoning input items can only be provided to a reasoning or computer use model.'
    return { message: `${what} Remove reasoning items from your input and try again.`, param: 'input', code: null }
  }
  const effort = (reasoning as JsonObject | undefined)?.effort
  const [, efforts, byItself = 'none'] = thinkers.find(([id]) => id.test(String(model))) ?? []
  if (effort !== undefined && efforts === undefined) {
    return unsupported('reasoning.effort')
  }
  if (effort !== undefined && efforts?.includes(String(effort)) !== true) {
    const supported = efforts?.map((level) => `'${level}'`).join(', ')
    const message = `Unsupported value: '${String(effort)}' is not supported with the '${String(model)}' model. Supported values are: ${supported}.`
    return { message, param: 'reasoning.effort', code: 'unsupported_value' }
  }
  const isThinking = efforts !== undefined && (effort ?? byItself) !== 'none'
  const sampled = ['temperature', 'top_p'].find((field) => request[field] !== undefined)
  return isThinking && sampled !== undefined ? unsupported(sampled) : undefined
}

function unsupported(field: string): RefusalText {
  return { message: `Unsupported parameter: '${field}' is not supported with this model.`, param: field, code: null }
}

function refusedSchema({ tools, text, input }: JsonObject): RefusalText | undefined {
  for (const [index, { name, strict = true, parameters }] of listOf(tools).entries()) {
    const problem = strict === true ? looseIn(parameters) : undefined
    if (problem === undefined) continue
    const message = `Invalid schema for function '${String(name)}': In context=(), ${problem}.`
    return { message, param: `tools[${index}].parameters`, code: 'invalid_function_parameters' }
  }
  const format = (text as JsonObject | undefined)?.format as JsonObject | undefined
  if (format?.type === 'json_schema') {
    const problem = (format.schema as JsonObject).type !== 'object' ? `schema must be a JSON Schema of 'type: "object"'` : undefined
    const found = problem ?? (format.strict === true ? looseIn(format.schema) : undefined)
    const message = `Invalid schema for response_format '${String(format.name)}': In context=(), ${found}.`
    return found === undefined ? undefined : { message, param: 'text.format.schema', code: 'invalid_json_schema' }
  }
  if (format?.type !== 'json_object' || /json/i.test(JSON.stringify(input))) return undefined
  const message = `Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.`
  return { message, param: 'input', code: null }
}

/** Returns what keeps a schema from being enforced. */
function looseIn(schema: JsonValue | undefined): string | undefined {
  if (Array.isArray(schema)) return schema.map(looseIn).find((problem) => problem !== undefined)
  if (typeof schema !== 'object' || schema === null) return undefined
  const { type, properties, required, additionalProperties, oneOf } = schema as JsonObject
  if (oneOf !== undefined) return `'oneOf' is not permitted`
  if (type === 'object') {
    if (additionalProperties !== false) return `'additionalProperties' is required to be supplied and to be false`
    const missing = Object.keys(properties ?? {}).find((name) => !(required as readonly string[] | undefined)?.includes(name))
    if (missing !== undefined) {
      return `'required' is required to be supplied and to be an array including every key in properties. Missing '${missing}'`
    }
  }
  return Object.values(schema)
    .map(looseIn)
    .find((problem) => problem !== undefined)
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonObject[]) : []
}
