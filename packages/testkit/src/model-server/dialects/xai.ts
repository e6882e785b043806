/** What api.x.ai refuses: github.com/vshylov/mindfork-rs, docs/research/grok-xai-provider.md (2026-08 to 2026-10). The words about `stop` are made up. */
import type { ScriptedError } from '../answer.ts'
import { chatBodyOf } from './chat-request.ts'
import type { Refuses } from './refuses.ts'

function refused(error: string): ScriptedError {
  return { status: 400, body: { code: 'invalid-argument', error } }
}

export const xai: Refuses = (request) => {
  const body = chatBodyOf(request)
  if (body === undefined) return undefined
  const { model, reasoning_effort: effort } = body
  if (body.stop !== undefined && /^grok-4\.\d$/.test(model)) return refused(`Model ${model} does not support parameter stop.`)
  if (effort === 'none' && /^grok-4\.[5-7]/.test(model)) return refused('This model does not support `reasoning_effort` value `none`.')
  if (effort !== undefined && /^grok-(?:build|4\.20)|non-reasoning/.test(model))
    return refused(`Model ${model} does not support parameter reasoningEffort.`)
  return undefined
}
