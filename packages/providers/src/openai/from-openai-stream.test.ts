import type { ProviderPart } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { DefaultIds } from '../shared/default-ids.ts'
import { Redactor } from '../shared/redactor.ts'
import { ToolIds } from '../shared/tool-ids.ts'
import { OpenAiStreamReader } from './from-openai-stream.ts'
import { openAiErrorCodes } from './openai-api.ts'

/** What a reader makes of one chunk: its parts, or the code of the error. */
function readingOf(chunk: unknown): readonly ProviderPart[] | string {
  const failures = { name: 'test', table: openAiErrorCodes, redactor: new Redactor([]), now: () => 0 }
  const reader = new OpenAiStreamReader(failures, new ToolIds(new DefaultIds(), []))
  try {
    return [...reader.read({ event: undefined, data: JSON.stringify(chunk) })]
  } catch (error) {
    return (error as { readonly code: string }).code
  }
}

/** The same chunk with a field that only the schema looks at. */
const bySchema = (chunk: object): unknown => ({ ...chunk, usage: {} })

const piece = (delta: unknown, rest: object = {}): object => ({ id: 'x', choices: [{ index: 0, delta, ...rest }] })

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
    [{ choices: [null] }],
    [{ choices: 'one' }],
    [{ ...piece({ content: 'one' }), error: { message: 'down' } }],
  ])('is read as the schema has it, whether it is checked by the schema or known to be text alone: %j', (chunk) => {
    expect(readingOf(chunk)).toEqual(readingOf(bySchema(chunk)))
  })

  test('that is text alone is that text', () => {
    expect(readingOf(piece({ content: 'one ' }))).toEqual([{ type: 'text-delta', text: 'one ' }])
  })
})
