/** Writes scripted answers as Anthropic's Messages API does. */
import type { JsonObject } from '@beamclaw/core'
import { inputTextOf, type ModelAnswer, piecesOf, type ScriptedError, type SseFrame, thirdsOf, usageOf } from './answer.ts'

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** The events of a streamed answer, `message_stop` included. */
export function anthropicFrames(answer: ModelAnswer, model: string): readonly SseFrame[] {
  const usage = usageOf(answer)
  const message = { id: 'msg_scripted', type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null }
  const frames: SseFrame[] = [
    frame('message_start', {
      message: {
        ...message,
        usage: {
          input_tokens: usage.inputTokens,
          cache_read_input_tokens: usage.cacheReadTokens,
          cache_creation_input_tokens: usage.cacheWriteTokens,
          output_tokens: Math.min(1, usage.outputTokens),
        },
      },
    }),
  ]
  for (const [index, { start, deltas }] of blocksOf(answer).entries()) {
    frames.push(frame('content_block_start', { index, content_block: start }))
    for (const delta of deltas) frames.push(frame('content_block_delta', { index, delta }))
    frames.push(frame('content_block_stop', { index }))
  }
  if (answer.streamError !== undefined) return [...frames, frame('error', { error: answer.streamError })]
  const finish = finishOf(answer)
  if (finish !== null) {
    frames.push(
      frame('message_delta', { delta: { stop_reason: finish, stop_sequence: null }, usage: { output_tokens: usage.outputTokens } }),
    )
  }
  return [...frames, frame('message_stop', {})]
}

/** The body of an answer that is not streamed. */
export function anthropicBody(answer: ModelAnswer, model: string): JsonObject {
  const usage = usageOf(answer)
  const text = piecesOf(answer.text).join('')
  return {
    id: 'msg_scripted',
    type: 'message',
    role: 'assistant',
    model,
    content: [
      ...(text === '' ? [] : [{ type: 'text', text }]),
      ...(answer.toolCalls ?? []).map((call, index) => ({
        type: 'tool_use',
        id: call.id ?? `call_${index + 1}`,
        name: call.name,
        input: call.input ?? {},
      })),
    ],
    stop_reason: finishOf(answer),
    usage: {
      input_tokens: usage.inputTokens,
      cache_read_input_tokens: usage.cacheReadTokens,
      cache_creation_input_tokens: usage.cacheWriteTokens,
      output_tokens: usage.outputTokens,
    },
  }
}

/** The error object of the protocol for a status. */
export function anthropicError({ status }: ScriptedError): JsonObject {
  const type = errorTypes[status] ?? 'api_error'
  return { type: 'error', error: { type, message: `scripted failure ${status}` }, request_id: 'req_scripted' }
}

/** The answer of `GET /v1/models`, in pages. */
export function anthropicModels(
  models: readonly { readonly id: string; readonly contextWindow?: number }[],
  query: URLSearchParams,
): JsonObject {
  const start = models.findIndex(({ id }) => id === query.get('after_id')) + 1
  const page = models.slice(start, start + Number(query.get('limit') ?? 20))
  return {
    data: page.map(({ id, contextWindow }) => ({ type: 'model', id, display_name: id, max_input_tokens: contextWindow })),
    has_more: start + page.length < models.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  }
}

function blocksOf({ thinking, text, toolCalls = [] }: ModelAnswer): readonly { start: JsonObject; deltas: readonly JsonObject[] }[] {
  const blocks: { start: JsonObject; deltas: readonly JsonObject[] }[] = []
  const thought = typeof thinking === 'string' ? { text: thinking, signature: 'signed' } : thinking
  if (thought?.redacted !== undefined) blocks.push({ start: { type: 'redacted_thinking', data: thought.redacted }, deltas: [] })
  if (thought?.text !== undefined) {
    const deltas: JsonObject[] = piecesOf(thought.text).map((piece) => ({ type: 'thinking_delta', thinking: piece }))
    if (thought.signature !== undefined) deltas.push({ type: 'signature_delta', signature: thought.signature })
    blocks.push({ start: { type: 'thinking', thinking: '', signature: '' }, deltas })
  }
  const pieces = piecesOf(text)
  if (pieces.length > 0) {
    blocks.push({ start: { type: 'text', text: '' }, deltas: pieces.map((piece) => ({ type: 'text_delta', text: piece })) })
  }
  for (const [index, call] of toolCalls.entries()) {
    blocks.push({
      start: { type: 'tool_use', id: call.id ?? `call_${index + 1}`, name: call.name, input: {} },
      deltas: ['', ...thirdsOf(inputTextOf(call))].map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
    })
  }
  return blocks
}

function frame(type: string, rest: JsonObject): SseFrame {
  return { event: type, data: { type, ...rest } }
}

function finishOf({ finish, toolCalls = [] }: ModelAnswer): string | null {
  if (finish !== undefined) return finish
  return toolCalls.length > 0 ? 'tool_use' : 'end_turn'
}
