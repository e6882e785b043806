/** What api.mistral.ai refuses: github.com/mistralai/mistral-common, github.com/mistralai/platform-docs-public, github.com/BerriAI/litellm/issues/30835. */
import type { JsonValue } from '@beamclaw/core'
import type { ScriptedError } from '../answer.ts'
import { chatBodyOf } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

function extra(...place: readonly (string | number)[]): ScriptedError {
  return { status: 422, body: { detail: [{ type: 'extra_forbidden', loc: ['body', ...place], msg: 'Extra inputs are not permitted' }] } }
}

function refused(message: string, type: string, code: string): ScriptedError {
  return { status: 400, body: { object: 'error', message, type, param: null, code } }
}

export const mistral: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  for (const field of ['user', 'seed', 'top_k', 'logprobs', 'stream_options']) if (body[field] !== undefined) return extra(field)
  for (const [index, message] of body.messages.entries()) {
    for (const field of ['reasoning_content', 'reasoning', 'reasoning_details'])
      if (message[field] !== undefined) return extra('messages', index, message.role ?? '', field)
    const { role, content, tool_calls = [], tool_call_id } = message
    for (const id of [...tool_calls.map((call) => call.id), ...(role === 'tool' ? [tool_call_id] : [])]) if (!isNine(id)) return wrongId(id)
    if (role === 'assistant' && (content === null || content === '') && tool_calls.length === 0)
      return refused('Assistant message must have either content or tool_calls, but not none.', 'invalid_request_message', '3240')
  }
  const last = body.messages.at(-1)?.role
  if (last !== 'assistant') return undefined
  return refused(
    'Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant',
    'invalid_request_message_order',
    '3230',
  )
}

function isNine(id: JsonValue | undefined): boolean {
  return typeof id === 'string' && /^[a-zA-Z0-9]{9}$/.test(id)
}

function wrongId(id: JsonValue | undefined): ScriptedError {
  return refused(`Tool call id was ${String(id)} but must be a-z, A-Z, 0-9, with a length of 9.`, 'invalid_function_call', '3280')
}
