/** Recognises the chunks that nearly all servers send, which the schema would take longer to check than everything else that is done with them. */
import type { OpenAiChunk } from './openai-api.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * Returns the chunk if it has the usual shape, which the schema accepts as well: at most one choice with a piece of text or of tool calls, or the
 * usage, and no error. Returns undefined for every other value, which the schema must decide on.
 */
export function usualChunk(value: unknown): OpenAiChunk | undefined {
  if (!isObject(value) || isGiven(value.error) || isGiven(value.x_groq) || (isGiven(value.usage) && !isUsualUsage(value.usage)))
    return undefined
  const { choices } = value
  if (!Array.isArray(choices) || choices.length > 1 || (choices.length === 1 && !isUsualChoice(choices[0]))) return undefined
  return value as OpenAiChunk
}

function isUsualChoice(choice: unknown): boolean {
  if (!isObject(choice) || choice.index !== 0 || isGiven(choice.message) || isGiven(choice.usage) || !isText(choice.finish_reason))
    return false
  const { delta } = choice
  if (!isObject(delta) || !isText(delta.content) || !isText(delta.reasoning_content) || !isText(delta.reasoning)) return false
  const { refusal, tool_calls, reasoning_text, reasoning_details, extra_content } = delta
  if (!isText(reasoning_text) || (isGiven(reasoning_details) && !Array.isArray(reasoning_details))) return false
  if (isGiven(extra_content) && !isObject(extra_content)) return false
  return isText(refusal) && (!isGiven(tool_calls) || (Array.isArray(tool_calls) && tool_calls.every(isUsualCall)))
}

function isUsualCall(call: unknown): boolean {
  if (!isObject(call) || !Number.isSafeInteger(call.index) || !isText(call.id) || !isObject(call.function)) return false
  if (isGiven(call.extra_content) && !isObject(call.extra_content)) return false
  return isText(call.function.name) && isText(call.function.arguments)
}

function isUsualUsage(usage: unknown): boolean {
  if (!isObject(usage) || !isNumber(usage.prompt_tokens) || !isNumber(usage.completion_tokens) || isGiven(usage.prompt_cache_hit_tokens))
    return false
  if (!isNumber(usage.total_tokens) || isGiven(usage.cached_tokens)) return false
  const details = usage.prompt_tokens_details
  const written = usage.completion_tokens_details
  if (isGiven(written) && (!isObject(written) || !isNumber(written.reasoning_tokens))) return false
  return !isGiven(details) || (isObject(details) && isNumber(details.cached_tokens) && isNumber(details.cache_write_tokens))
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || !isGiven(value)
}

function isNumber(value: unknown): boolean {
  return Number.isFinite(value) || !isGiven(value)
}
