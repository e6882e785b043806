/** What api.openai.com refuses over Chat Completions: github.com/BerriAI/litellm/issues/34569 (2026-07); github.com/vercel/ai, packages/openai/src/__fixtures__. */

import { type ChatBody, chatBodyOf, refused, unansweredCall } from './chat-request.ts'
import type { Refuses } from './refuses.ts'
import { objectOf } from './request-values.ts'

/** Models that take tools only without thinking, and of these the ones that think unless told otherwise. */
const toolsWithoutThinking = /^gpt-(?:5\.[4-9]|6)/
const thinksByDefault = /^gpt-(?:5\.[5-9]|6)/
const thinks = /^(?:gpt-(?:5|6)|o\d)/

export const openAiChat: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  const { model, tools = [], reasoning_effort: effort } = body
  const isThinking = effort === undefined ? thinksByDefault.test(model) : effort !== 'none'
  if (body.max_tokens !== undefined && thinks.test(model)) {
    const message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return refused(message, { param: 'max_tokens', code: 'unsupported_parameter' })
  }
  if (tools.length > 0 && isThinking && toolsWithoutThinking.test(model)) {
    const message = `Function tools with reasoning_effort are not supported for ${model} in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.`
    return refused(message, { param: 'reasoning_effort' })
  }
  if (isThinking && thinks.test(model) && (body.temperature !== undefined || body.top_p !== undefined)) {
    const param = body.temperature === undefined ? 'top_p' : 'temperature'
    return refused(`Unsupported parameter: '${param}' is not supported with this model.`, { param })
  }
  const problem = problemOfFormat(body)
  if (problem !== undefined) return refused(problem, { param: 'response_format' })
  const open = unansweredCall(body)
  if (open === undefined) return undefined
  return refused(
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${String(open)}`,
  )
}

/** developers.openai.com/api/docs/guides/structured-outputs: the root must be an object. The words are those of the Responses API. */
function problemOfFormat({ response_format: format }: ChatBody): string | undefined {
  const { type, json_schema: given } = objectOf(format)
  if (type !== 'json_schema') return undefined
  const { name, schema } = objectOf(given)
  const root = objectOf(schema).type
  if (root === 'object') return undefined
  const message = `Invalid schema for response_format '${String(name)}': schema must be a JSON Schema of 'type: "object"'`
  return `${message}, got 'type: ${JSON.stringify(root ?? 'None')}'.`
}
