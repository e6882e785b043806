/** What Google's compatible endpoint refuses: ai.google.dev/gemini-api/docs/thought-signatures, and reports of 2026. The words about the level NONE are by analogy with MINIMAL. */
import type { ScriptedError } from '../answer.ts'
import { type ChatBody, type ChatCall, chatBodyOf } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

function refused(message: string): ScriptedError {
  return { status: 400, body: [{ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }] }
}

const known = new Set(
  'model messages stream stream_options max_tokens max_completion_tokens temperature top_p n stop tools tool_choice response_format reasoning_effort extra_body'.split(
    ' ',
  ),
)

export const gemini: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  const { model, messages, tools = [] } = body
  const unknown = Object.keys(body).find((field) => !known.has(field))
  if (unknown !== undefined) return refused(`Invalid JSON payload received. Unknown name "${unknown}": Cannot find field.`)
  const isThird = /^(?:models\/)?gemini-[3-9]/.test(model)
  if (isThird && body.reasoning_effort === 'none') return refused('Thinking level NONE is not supported for this model')
  if (!isThird && tools.length > 0 && body.response_format !== undefined)
    return refused("Function calling with a response mime type: 'application/json' is unsupported")
  if (messages.at(-1)?.role === 'assistant') return refused('Requests ending with a model turn are not supported.')
  const unsigned = isThird ? unsignedCall(body) : undefined
  if (unsigned === undefined) return undefined
  return refused(
    `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${String(unsigned.function?.name)}\`. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`,
  )
}

/** Only the first call of each step since the last text of the user must be signed. */
function unsignedCall({ messages }: ChatBody): ChatCall | undefined {
  const turn = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1)
  const firsts = turn.flatMap(({ tool_calls = [] }) => tool_calls.slice(0, 1))
  return firsts.find((call) => {
    const { google } = (call.extra_content ?? {}) as { readonly google?: { readonly thought_signature?: unknown } }
    return typeof google?.thought_signature !== 'string'
  })
}
