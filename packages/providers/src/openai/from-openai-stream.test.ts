import type { ProviderPart } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { DefaultIds } from '../shared/default-ids.ts'
import { Redactor } from '../shared/redactor.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { generic } from './dialects/generic.ts'
import { OpenAiStreamReader } from './from-openai-stream.ts'
import { openAiErrorCodes } from './openai-errors.ts'

function readerOf(): OpenAiStreamReader {
  const failures = { name: 'test', table: openAiErrorCodes, redactor: new Redactor([]), now: () => 0 }
  const style = {
    dialect: generic,
    service: 'test',
    maxTokensField: 'max_tokens',
    includeUsage: true,
    reasoning: generic.reasoning,
    takesUnmarked: false,
    splitThink: false,
    extraBody: {},
    models: {},
  } as const
  return new OpenAiStreamReader(failures, new ToolIds(new DefaultIds(), []), style, 'any')
}

/** What a reader makes of one chunk: its parts, or the code of the error. */
function readingOf(chunk: unknown): readonly ProviderPart[] | string {
  const reader = readerOf()
  try {
    return [...reader.read({ event: undefined, data: JSON.stringify(chunk) })]
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

/** The same chunk with a field that sends it to the schema: a usage that says nothing. */
const bySchema = (chunk: object): unknown => ({ usage: { prompt_cache_hit_tokens: 0 }, ...chunk })

const piece = (delta: unknown, rest: object = {}): object => ({ id: 'x', choices: [{ index: 0, delta, ...rest }] })

const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

describe('a chunk', () => {
  test.each([
    [piece({ content: 'one ' })],
    [piece({ content: '' })],
    [piece({ content: 'one', role: 'assistant', refusal: null }, { finish_reason: null, logprobs: null })],
    [piece({ content: 'one', reasoning_content: 'hm' })],
    [piece({ content: 'one', reasoning: 'hm' })],
    [piece({ content: 'one', refusal: 'no' })],
    [piece({ content: 'one', tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '{}' } }] })],
    [piece({ content: [{ type: 'text', text: 'one' }] })],
    [piece({ content: null })],
    [piece({ content: 5 })],
    [piece([])],
    [piece(null)],
    [piece({ content: 'one' }, { message: { content: 'two' } })],
    [piece({ content: 'one' }, { message: 5 })],
    [piece({ content: 'one' }, { finish_reason: 5 })],
    [{ choices: [{ delta: { content: 'one' } }] }],
    [{ choices: [{ index: 1, delta: { content: 'one' } }] }],
    [{ choices: [{ index: '0', delta: { content: 'one' } }] }],
    [
      {
        choices: [
          { index: 0, delta: { content: 'one' } },
          { index: 0, delta: { content: 'two' } },
        ],
      },
    ],
    [
      {
        choices: [
          { index: 0, delta: { content: 'one' } },
          { index: 0, delta: { content: 5 } },
        ],
      },
    ],
    [{ choices: [null] }],
    [{ choices: 'one' }],
    [{ ...piece({ content: 'one' }), error: { message: 'down' } }],
    [piece({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: '' } }] })],
    [piece({ tool_calls: [{ index: 0.5, id: 'a', function: { name: 'look', arguments: '' } }] })],
    [piece({ tool_calls: [{ index: 0, id: 5, function: { name: 'look', arguments: '' } }] })],
    [piece({ tool_calls: [{ index: 0, id: 'a', function: { name: 5, arguments: '' } }] })],
    [piece({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: { what: 'all' } } }] })],
    [piece({ tool_calls: [{ index: 0, id: 'a', function: { name: 'look', arguments: 5 } }] })],
    [piece({ tool_calls: [{ index: 0, id: 'a', function: null }] })],
    [piece({ tool_calls: [null] })],
    [piece({ tool_calls: { index: 0 } })],
    [piece({ reasoning_content: 'hm' })],
    [piece({ reasoning_content: 5 })],
    [piece({ reasoning: { effort: 1 } })],
    [piece({ refusal: 5 })],
    [piece({}, { finish_reason: 'stop' })],
    [piece({ reasoning_text: 'hm' })],
    [piece({ reasoning: 'hm', reasoning_content: 'hm' })],
    [piece({ reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm', index: 0 }] })],
    [piece({ content: 'one', reasoning_details: 'none' })],
    [piece({ content: 'one', extra_content: { google: { thought: true } } })],
    [piece({ content: 'one', extra_content: 'none' })],
    [piece({ tool_calls: [{ index: 0, id: 'a', extra_content: 'none', function: { name: 'look', arguments: '{}' } }] })],
    [
      piece({
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }], closed: true },
          { type: 'text', text: 'one' },
        ],
      }),
    ],
    [piece({ content: [{ type: 'thinking', thinking: 'hm' }] })],
    [piece({ content: [{ type: 'thinking', thinking: 5 }] })],
    [{ ...piece({ content: 'one' }), x_groq: 'none' }],
    [piece({ content: 'one' }, { usage: 'none' })],
  ])('is read as the schema has it, whether it is checked by the schema or known by its usual shape: %j', (chunk) => {
    expect(readingOf(chunk)).toEqual(readingOf(bySchema(chunk)))
  })

  test.each([
    [
      { prompt_tokens: 5, completion_tokens: 2 },
      { inputTokens: 5, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 1 } },
      { inputTokens: 4, outputTokens: 2, cacheReadTokens: 4, cacheWriteTokens: 1 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 2, prompt_cache_hit_tokens: 4 },
      { inputTokens: 5, outputTokens: 2, cacheReadTokens: 4, cacheWriteTokens: 0 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 2, cached_tokens: 4 },
      { inputTokens: 5, outputTokens: 2, cacheReadTokens: 4, cacheWriteTokens: 0 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 5, total_tokens: 20, completion_tokens_details: { reasoning_tokens: 3 } },
      { inputTokens: 9, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 3 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: 5, completion_tokens_details: 'none', cached_tokens: 'none' },
      { inputTokens: 9, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 },
    ],
    [
      { prompt_tokens: 7, completion_tokens: 18, prompt_tokens_details: { cached_tokens: 161 } },
      { inputTokens: 0, outputTokens: 18, cacheReadTokens: 161, cacheWriteTokens: 0 },
    ],
    // A count that is none is not known, and costs neither the others nor the answer.
    [
      { prompt_tokens: 9, total_tokens: '9' },
      { ...none, inputTokens: 9 },
    ],
    [
      { prompt_tokens: '9', completion_tokens: 2 },
      { ...none, outputTokens: 2 },
    ],
    [
      { prompt_tokens: 9, completion_tokens: '2' },
      { ...none, inputTokens: 9 },
    ],
    [
      { prompt_tokens: 9, prompt_tokens_details: { cached_tokens: '4', cache_write_tokens: 2 } },
      { ...none, inputTokens: 7, cacheWriteTokens: 2 },
    ],
    [
      { prompt_tokens: 9, prompt_tokens_details: [] },
      { ...none, inputTokens: 9 },
    ],
    [
      { prompt_tokens: 9, prompt_cache_hit_tokens: '4' },
      { ...none, inputTokens: 9 },
    ],
    [
      { prompt_tokens: 9, prompt_tokens_details: 4 },
      { ...none, inputTokens: 9 },
    ],
    [4, none],
  ])('with the usage %j counts it', (usage, counted) => {
    const reader = readerOf()
    for (const chunk of [piece({ content: 'one' }, { finish_reason: 'stop' }), { choices: [], usage }])
      reader.read({ event: undefined, data: JSON.stringify(chunk) })
    expect(reader.finish()).toEqual([{ type: 'finish', reason: 'stop', usage: counted }])
  })

  test.each([false, '', {}, null, 0])('with %j as its error has none', (error) => {
    expect(readingOf({ ...piece({ content: 'one' }), error })).toEqual([{ type: 'text-delta', text: 'one' }])
  })

  test('that a service broke off is no answer', () => {
    const reader = readerOf()
    reader.read({ event: undefined, data: JSON.stringify(piece({ content: 'one' }, { finish_reason: 'error' })) })
    expect(() => reader.finish()).toThrow(expect.objectContaining({ code: expect.stringMatching(/^provider-/) }))
  })

  test('of a call that was cut before its input leaves the call out', () => {
    const reader = readerOf()
    const call = { index: 0, id: 'a', function: { name: 'look', arguments: '' } }
    reader.read({ event: undefined, data: JSON.stringify(piece({ tool_calls: [call] }, { finish_reason: 'length' })) })
    expect(reader.finish()).toMatchObject([{ type: 'finish', reason: 'length' }])
  })

  test('of one call after another costs each of them the same, and there is an end to them', () => {
    const reader = readerOf()
    const begin = (index: number): void => {
      const call = { index, id: `call_${index}`, function: { name: 'look', arguments: '{}' } }
      reader.read({ event: undefined, data: JSON.stringify(piece({ tool_calls: [call] })) })
    }
    for (let index = 0; index < 10_000; index++) begin(index)
    expect(() => begin(10_000)).toThrow(
      expect.objectContaining({ code: 'provider-protocol', message: expect.stringContaining('10000 tool calls') }),
    )
  })

  test('that is text alone is that text', () => {
    expect(readingOf(piece({ content: 'one ' }))).toEqual([{ type: 'text-delta', text: 'one ' }])
  })
})
