/**
 * What api.deepseek.com refuses: github.com/deepseek-ai/DeepSeek-V3/issues/1376, github.com/rikkahub/rikkahub/issues/1433 (images), and many reports of 2026.
 */
import { chatBodyOf, indexOfAnswer, isForced, partBesideText, refused } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

const own = { type: 'invalid_request_error', code: 'invalid_request_error' }

export const deepSeek: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  const other = partBesideText(body)
  if (other !== undefined) {
    const place = `messages[${other.index}]: unknown variant \`${other.type}\`, expected \`text\``
    const column = JSON.stringify(body).indexOf(`"type":"${other.type}"`) + 1
    return refused(`Failed to deserialize the JSON body into the target type: ${place} at line 1 column ${column}`, own)
  }
  const { type } = (body.thinking ?? { type: 'enabled' }) as { readonly type?: unknown }
  // An alias of a model with thinking turned off for good: api-docs.deepseek.com/quick_start/pricing (2026-11).
  const isThinking = type === 'enabled' && body.model !== 'deepseek-chat'
  const lacks = indexOfAnswer(
    body,
    ({ tool_calls = [], reasoning_content }) => tool_calls.length > 0 && typeof reasoning_content !== 'string',
  )
  if (isThinking && lacks !== -1) return refused('The `reasoning_content` in the thinking mode must be passed back to the API.', own)
  if (isThinking && isForced(body.tool_choice)) return refused('Thinking mode does not support this tool_choice', own)
  const { type: format } = (body.response_format ?? {}) as { readonly type?: unknown }
  // Where the words of a refusal are not known they are made up here, as in the other files of this folder that say so.
  return format === 'json_schema' ? refused('This response_format type is unavailable now', own) : undefined
}
