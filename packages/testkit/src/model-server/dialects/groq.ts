/** What api.groq.com refuses: console.groq.com/docs, github.com/vercel/ai/issues/2837 (images), and reports from 2025 to 2026-09. The words about JSON beside tools are made up. */
import { chatBodyOf, partBesideText, refused } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

export const groq: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  const { model, messages, tools = [], reasoning_effort: effort } = body
  for (const [index, { role, ...message }] of messages.entries()) {
    const field = ['reasoning_content', 'reasoning_details', 'extra_content'].find((name) => message[name] !== undefined)
    if (field !== undefined) {
      const place = `messages.${index}`
      return refused(
        `'${place}' : for 'role:${role ?? ''}' the following must be satisfied[('${place}' : property '${field}' is unsupported)]`,
      )
    }
  }
  const other = model.startsWith('openai/gpt-oss') ? partBesideText(body) : undefined
  if (other !== undefined) return refused(`messages[${other.index}].content must be a string`)
  if (tools.length > 0 && body.response_format !== undefined) return refused('json mode cannot be combined with tool/function calling')
  if (effort === undefined || !model.startsWith('openai/gpt-oss') || ['low', 'medium', 'high'].includes(String(effort))) return undefined
  return refused('`reasoning_effort` must be one of `low`, `medium`, or `high`')
}
