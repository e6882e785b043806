/**
 * What api.moonshot.ai refuses: platform.kimi.com/docs (2026-09), github.com/enricoros/big-AGI/issues/1161, github.com/UKGovernmentBEIS/inspect_ai/pull/5152.
 * Which models think, and that moonshot-v1 takes temperatures: java.agentscope.io/v2/en/integration/model/kimi (2026-11).
 */
import type { ScriptedError } from '../answer.ts'
import { chatBodyOf, indexOfAnswer } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

function refused(message: string): ScriptedError {
  return { status: 400, body: { error: { message, type: 'invalid_request_error' } } }
}

/** Models that think, whether or not they can be told not to; the older kimi-k2 and moonshot-v1 do not. */
const thinks = /^kimi-(?:k3|k2\.\d|(?:k2-)?thinking)/
const cannotStop = /^kimi-(?:k3|k2\.7|(?:k2-)?thinking)/

export const kimi: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  const { model, tool_choice: choice } = body
  const isToldNot = (body.thinking as { readonly type?: unknown } | undefined)?.type === 'disabled'
  const isOff = isToldNot || !thinks.test(model)
  if (isToldNot && cannotStop.test(model)) return refused('invalid thinking: only type=enabled is allowed for this model')
  if (model.startsWith('kimi-') && body.temperature !== undefined && body.temperature !== 1)
    return refused('invalid temperature: only 1 is allowed for this model')
  if (!isOff && typeof choice === 'object' && choice !== null)
    return refused("tool_choice 'specified' is incompatible with thinking enabled")
  if (!isOff && choice === 'required' && !model.startsWith('kimi-k3'))
    return refused("tool_choice 'required' is incompatible with thinking enabled")
  const lacks = indexOfAnswer(
    body,
    ({ tool_calls = [], reasoning_content }) => tool_calls.length > 0 && typeof reasoning_content !== 'string',
  )
  if (isOff || lacks === -1) return undefined
  return refused(`thinking is enabled but reasoning_content is missing in assistant tool call message at index ${lacks}`)
}
