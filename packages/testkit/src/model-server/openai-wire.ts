/** Writes scripted answers as OpenAI's Chat Completions API does. */
import type { JsonObject } from '@beamclaw/core'
import { inputTextOf, type ModelAnswer, piecesOf, type ScriptedError, type SseFrame, thirdsOf, usageOf } from './answer.ts'

const identity = { id: 'chatcmpl-scripted', object: 'chat.completion.chunk', created: 1_700_000_000 }

/** The events of a streamed answer, `[DONE]` included. */
export function openAiFrames(answer: ModelAnswer, model: string): readonly SseFrame[] {
  const deltas: JsonObject[] = [{ role: 'assistant', content: '' }]
  const { thinking } = answer
  for (const piece of piecesOf(typeof thinking === 'string' ? thinking : thinking?.text)) deltas.push({ reasoning_content: piece })
  for (const piece of piecesOf(answer.text)) deltas.push({ content: piece })
  for (const [index, call] of (answer.toolCalls ?? []).entries()) {
    const id = call.id === null ? {} : { id: call.id ?? `call_${index + 1}` }
    deltas.push({ tool_calls: [{ index, ...id, type: 'function', function: { name: call.name, arguments: '' } }] })
    for (const piece of thirdsOf(inputTextOf(call))) deltas.push({ tool_calls: [{ index, function: { arguments: piece } }] })
  }
  const frames: SseFrame[] = deltas.map((delta) => chunk(model, { choices: [{ index: 0, delta, finish_reason: null }] }))
  if (answer.streamError !== undefined) return [...frames, { data: { error: answer.streamError } }]
  const finish = finishOf(answer)
  if (finish !== null) frames.push(chunk(model, { choices: [{ index: 0, delta: {}, finish_reason: finish }] }))
  frames.push(chunk(model, { choices: [], usage: wireUsage(answer) }))
  return [...frames, { data: '[DONE]' }]
}

/** The body of an answer that is not streamed. */
export function openAiBody(answer: ModelAnswer, model: string): JsonObject {
  const calls = (answer.toolCalls ?? []).map((call, index) => ({
    ...(call.id === null ? {} : { id: call.id ?? `call_${index + 1}` }),
    type: 'function',
    function: { name: call.name, arguments: inputTextOf(call) },
  }))
  const text = piecesOf(answer.text).join('')
  const message = { role: 'assistant', content: text === '' ? null : text, ...(calls.length === 0 ? {} : { tool_calls: calls }) }
  return {
    ...identity,
    object: 'chat.completion',
    model,
    choices: [{ index: 0, message, finish_reason: finishOf(answer) }],
    usage: wireUsage(answer),
  }
}

/** The error object of the protocol for a status. */
export function openAiError({ status }: ScriptedError): JsonObject {
  return { error: { message: `scripted failure ${status}`, type: 'scripted', param: null, code: null } }
}

/** The answer of `GET /v1/models`. */
export function openAiModels(models: readonly { readonly id: string; readonly contextWindow?: number }[]): JsonObject {
  return {
    object: 'list',
    data: models.map(({ id, contextWindow }) => ({ id, object: 'model', created: 0, owned_by: 'script', context_length: contextWindow })),
  }
}

function chunk(model: string, rest: JsonObject): SseFrame {
  return { data: { ...identity, model, ...rest } }
}

function finishOf({ finish, toolCalls = [] }: ModelAnswer): string | null {
  if (finish !== undefined) return finish
  return toolCalls.length > 0 ? 'tool_calls' : 'stop'
}

function wireUsage(answer: ModelAnswer): JsonObject {
  const usage = usageOf(answer)
  const promptTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  return {
    prompt_tokens: promptTokens,
    completion_tokens: usage.outputTokens,
    total_tokens: promptTokens + usage.outputTokens,
    prompt_tokens_details: { cached_tokens: usage.cacheReadTokens, cache_write_tokens: usage.cacheWriteTokens },
  }
}
