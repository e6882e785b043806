import type { JsonObject } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { type ModelAnswer, startModelServer } from './index.ts'
import { isSealed, responsesBody, responsesFrames, sealed } from './responses-wire.ts'

const answer: ModelAnswer = {
  thinking: 'Look it up.',
  text: 'I will look.',
  toolCalls: [
    { name: 'look', input: { a: 1 } },
    { name: 'look', input: { a: 2 } },
  ],
  usage: { inputTokens: 20, cacheReadTokens: 7, cacheWriteTokens: 3, outputTokens: 9, reasoningTokens: 4 },
}

const typesOf = (given: ModelAnswer): readonly unknown[] => responsesFrames(given, 'm').map(({ data }) => (data as JsonObject).type)
const dataOf = (given: ModelAnswer, type: string): readonly JsonObject[] =>
  responsesFrames(given, 'm').flatMap(({ data }) => ((data as JsonObject).type === type ? [data as JsonObject] : []))

describe('answers in the words of the Responses API', () => {
  it('begin, hold each item from its beginning to its end, and repeat all at the end', () => {
    expect(typesOf({ text: 'one two' })).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    const done = dataOf(answer, 'response.output_item.done')
    expect(done.map(({ output_index, item }) => [output_index, (item as JsonObject).type])).toEqual([
      [0, 'reasoning'],
      [1, 'message'],
      [2, 'function_call'],
      [3, 'function_call'],
    ])
    expect(responsesBody(answer, 'm').output).toEqual(done.map(({ item }) => item))
    expect(dataOf(answer, 'response.completed')).toMatchObject([{ response: responsesBody(answer, 'm') }])
    const numbers = responsesFrames(answer, 'm').map(({ data }) => (data as JsonObject).sequence_number)
    expect(numbers).toEqual(numbers.map((_, index) => index))
  })

  it('name their events, and have the pieces of a text and the whole of it', () => {
    for (const { event, data } of responsesFrames(answer, 'm')) expect(event).toBe((data as JsonObject).type)
    const pieces = dataOf(answer, 'response.output_text.delta').map(({ delta }) => delta)
    expect(pieces.join('')).toBe('I will look.')
    const inputs = dataOf(answer, 'response.function_call_arguments.delta').map(({ delta }) => delta)
    expect(inputs.join('')).toBe('{"a":1}{"a":2}')
    expect(dataOf(answer, 'response.function_call_arguments.done').map(({ arguments: text }) => text)).toEqual(['{"a":1}', '{"a":2}'])
  })

  it('count cached tokens within those of the input', () => {
    expect(responsesBody(answer, 'm').usage).toEqual({
      input_tokens: 30,
      input_tokens_details: { cached_tokens: 7, cache_write_tokens: 3 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 39,
    })
  })

  it('encrypt reasoning, another way at its beginning than in the whole item', () => {
    const [begun] = dataOf(answer, 'response.output_item.added').map(({ item }) => (item as JsonObject).encrypted_content)
    const [whole] = dataOf(answer, 'response.output_item.done').map(({ item }) => (item as JsonObject).encrypted_content)
    expect(whole).toBe(sealed('Look it up.'))
    expect(begun).not.toBe(whole)
    expect([begun, whole].map((text) => isSealed(String(text)))).toEqual([true, true])
    expect([String(whole).slice(1), String(whole).replace('-', '0-'), 'gAAAA', ''].map(isSealed)).toEqual([false, false, false, false])
  })

  it('are cut off in the last item by a limit or a filter', () => {
    const cut: ModelAnswer = { text: 'so', toolCalls: [{ name: 'look', inputText: '{"a"' }], finish: 'max_output_tokens' }
    expect(typesOf(cut)).not.toContain('response.function_call_arguments.done')
    expect(dataOf(cut, 'response.output_item.done')).toMatchObject([
      { item: { status: 'completed' } },
      { item: { status: 'incomplete', arguments: '{"a"' } },
    ])
    expect(dataOf(cut, 'response.incomplete')).toMatchObject([
      { response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' }, usage: { output_tokens: 5 } } },
    ])
  })

  it('may fail in the stream, or have no end', () => {
    const streamError = { type: 'insufficient_quota', code: 'insufficient_quota', message: 'No credit.', param: null }
    expect(typesOf({ text: 'so', streamError }).slice(-2)).toEqual(['error', 'response.failed'])
    expect(dataOf({ streamError }, 'error')).toMatchObject([{ error: streamError }])
    expect(dataOf({ streamError }, 'response.failed')).toMatchObject([
      { response: { error: { code: 'insufficient_quota', message: 'No credit.' } } },
    ])
    expect(typesOf({ text: 'so', finish: null }).at(-1)).toBe('response.output_item.done')
  })

  it('come from the server, streamed or whole', async () => {
    await using server = await startModelServer({ answers: () => answer })
    const ask = (stream: boolean): Promise<Response> =>
      fetch(`${server.baseUrl}/responses`, { method: 'POST', body: JSON.stringify({ model: 'm', stream }) })
    expect(await (await ask(false)).json()).toEqual(responsesBody(answer, 'm'))
    const text = await (await ask(true)).text()
    expect(text).toMatch(/^event: response\.created\ndata: [\s\S]*event: response\.completed\ndata: .*\n\n$/)
    expect(text).not.toContain('[DONE]')
  })
})
