/** Writes scripted answers as OpenAI's Responses API does: recorded in github.com/crmne/ruby_llm and github.com/pydantic/pydantic-ai, 2026-08. */
import type { JsonObject } from '@beamclaw/core'
import { inputTextOf, type ModelAnswer, piecesOf, type SseFrame, thirdsOf, usageOf } from './answer.ts'

const identity = { id: 'resp_scripted', object: 'response', created_at: 1_700_000_000, error: null }

/** One item of the output, and what announces it piece by piece. */
interface OutputItem {
  /** The item as it begins. */
  readonly begun: JsonObject
  readonly whole: JsonObject
  /** The events between; each gets the id and the place of the item. */
  readonly events: readonly (readonly [type: string, rest: JsonObject])[]
}

/** The events of a streamed answer, the last of which repeats all of it. */
export function responsesFrames(answer: ModelAnswer, model: string): readonly SseFrame[] {
  const events: (readonly [string, JsonObject])[] = []
  const begun = { response: { ...identity, model, status: 'in_progress', incomplete_details: null, output: [], usage: null } }
  events.push(['response.created', begun], ['response.in_progress', begun])
  for (const [index, item] of itemsOf(answer).entries()) {
    const place = { output_index: index }
    events.push(['response.output_item.added', { ...place, item: item.begun }])
    for (const [type, rest] of item.events) events.push([type, { item_id: item.whole.id, ...place, ...rest }])
    events.push(['response.output_item.done', { ...place, item: item.whole }])
  }
  const { streamError } = answer
  if (streamError !== undefined) {
    const { code = null, message = null } = streamError
    const failed = { ...identity, model, status: 'failed', output: [], usage: null, error: { code, message } }
    events.push(['error', { error: streamError }], ['response.failed', { response: failed }])
  } else if (answer.finish !== null) {
    const response = responsesBody(answer, model)
    events.push([`response.${response.status}`, { response }])
  }
  return events.map(([type, rest], index) => ({ event: type, data: { type, ...rest, sequence_number: index } }))
}

/** The body of an answer that is not streamed. */
export function responsesBody(answer: ModelAnswer, model: string): JsonObject {
  const usage = usageOf(answer)
  const inputTokens = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  return {
    ...identity,
    model,
    status: isCut(answer) ? 'incomplete' : 'completed',
    incomplete_details: isCut(answer) ? { reason: answer.finish ?? null } : null,
    output: itemsOf(answer).map(({ whole }) => whole),
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: usage.cacheReadTokens, cache_write_tokens: usage.cacheWriteTokens },
      output_tokens: usage.outputTokens,
      output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
      total_tokens: inputTokens + usage.outputTokens,
    },
  }
}

/** Returns encrypted reasoning, as opaque as the service's own, of which `isSealed` knows whether it was changed. */
export function sealed(secret: string): string {
  const text = [...new TextEncoder().encode(secret)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `gAAAA${text}-${checksumOf(text)}`
}

/** Returns true for what `sealed` has returned. */
export function isSealed(text: string): boolean {
  const [, secret, checksum] = /^gAAAA([0-9a-f]*)-([0-9a-z]+)$/.exec(text) ?? []
  return secret !== undefined && checksum === checksumOf(secret)
}

function checksumOf(text: string): string {
  let sum = 7
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 2_147_483_647
  return sum.toString(36)
}

/** `max_output_tokens` and `content_filter` cut an answer off; every other word is a complete answer's. */
function isCut({ finish }: ModelAnswer): boolean {
  return finish === 'max_output_tokens' || finish === 'content_filter'
}

function itemsOf(answer: ModelAnswer): readonly OutputItem[] {
  const { thinking, text, toolCalls = [] } = answer
  const items: OutputItem[] = []
  if (thinking !== undefined) items.push(reasoningItem(typeof thinking === 'string' ? { text: thinking } : thinking))
  const pieces = piecesOf(text)
  if (pieces.length > 0) items.push(messageItem(pieces, toolCalls.length > 0 ? 'commentary' : 'final_answer'))
  for (const [index, call] of toolCalls.entries()) {
    const callId = call.id === null ? {} : { call_id: call.id ?? `call_${index + 1}` }
    items.push(callItem({ id: `fc_${index + 1}`, ...callId, name: call.name }, inputTextOf(call)))
  }
  return isCut(answer) ? items.map((item, index) => (index === items.length - 1 ? cutOff(item) : item)) : items
}

function cutOff(item: OutputItem): OutputItem {
  return { ...item, whole: { ...item.whole, status: 'incomplete' }, events: item.events.filter(([type]) => !type.endsWith('.done')) }
}

type Thought = Exclude<NonNullable<ModelAnswer['thinking']>, string>

function reasoningItem({ text = '', signature, redacted }: Thought): OutputItem {
  const summary = text === '' ? [] : [{ type: 'summary_text', text }]
  const item = { id: 'rs_1', type: 'reasoning', content: [] }
  const part = { summary_index: 0 }
  return {
    // The service sends another string in each place; the one of the whole item is to be sent back.
    begun: { ...item, encrypted_content: sealed('begun'), summary: [] },
    whole: { ...item, encrypted_content: sealed(signature ?? redacted ?? text), summary },
    events:
      text === ''
        ? []
        : [
            ['response.reasoning_summary_part.added', { ...part, part: { type: 'summary_text', text: '' } }],
            ...piecesOf(text).map((delta) => ['response.reasoning_summary_text.delta', { ...part, delta }] as const),
            ['response.reasoning_summary_text.done', { ...part, text }],
            ['response.reasoning_summary_part.done', { ...part, part: { type: 'summary_text', text } }],
          ],
  }
}

function messageItem(pieces: readonly string[], phase: string): OutputItem {
  const item = { id: 'msg_1', type: 'message', phase, role: 'assistant' }
  const block = (text: string): JsonObject => ({ type: 'output_text', annotations: [], logprobs: [], text })
  const text = pieces.join('')
  const part = { content_index: 0 }
  return {
    begun: { ...item, status: 'in_progress', content: [] },
    whole: { ...item, status: 'completed', content: [block(text)] },
    events: [
      ['response.content_part.added', { ...part, part: block('') }],
      ...pieces.map((delta) => ['response.output_text.delta', { ...part, delta, logprobs: [], obfuscation: 'x' }] as const),
      ['response.output_text.done', { ...part, logprobs: [], text }],
      ['response.content_part.done', { ...part, part: block(text) }],
    ],
  }
}

function callItem(call: JsonObject, text: string): OutputItem {
  const item = { ...call, type: 'function_call' }
  return {
    begun: { ...item, status: 'in_progress', arguments: '' },
    whole: { ...item, status: 'completed', arguments: text },
    events: [
      ...thirdsOf(text).map((delta) => ['response.function_call_arguments.delta', { delta, obfuscation: 'x' }] as const),
      ['response.function_call_arguments.done', { arguments: text }],
    ],
  }
}
