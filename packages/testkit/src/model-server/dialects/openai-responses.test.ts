import type { JsonObject, JsonValue } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { startModelServer } from '../index.ts'
import { sealed } from '../responses-wire.ts'
import { refusedByOpenAiResponses } from './openai-responses.ts'

const say = (content: JsonValue): JsonObject => ({ role: 'user', content })
const call = { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' }
const output = { type: 'function_call_output', call_id: 'call_1', output: 'seen' }
const thought = { type: 'reasoning', summary: [], encrypted_content: sealed('hm') }
const schema = { type: 'object', properties: { a: { type: 'number' } }, required: ['a'], additionalProperties: false }
const tool = { type: 'function', name: 'look', parameters: schema, strict: true }
const format = (fields: JsonObject): JsonObject => ({ text: { format: { type: 'json_schema', name: 'x', strict: true, ...fields } } })

function refusalOf(body: JsonObject): unknown {
  const request = {
    method: 'POST',
    path: '/v1/responses',
    query: new URLSearchParams(),
    headers: {},
    protocol: 'openai-responses',
  } as const
  const refused = refusedByOpenAiResponses({ ...request, body: { model: 'gpt-5', store: false, input: [say('hi')], ...body } })
  const { message, code, type } = ((refused?.body as JsonObject | undefined)?.error ?? {}) as JsonObject
  return refused === undefined ? undefined : [refused.status, code, message, type]
}

describe('the refusals of the Responses API', () => {
  it.each<[string, JsonObject]>([
    ['a plain question', {}],
    ['a text as input', { input: 'hi' }],
    ['a round with a tool', { input: [say('hi'), thought, call, output], tools: [tool], tool_choice: { type: 'function', name: 'look' } }],
    ['reasoning without an id at the end', { input: [say('hi'), thought] }],
    [
      'all kinds of parts',
      {
        input: [
          say([
            { type: 'input_text', text: 'a' },
            { type: 'input_image', image_url: 'data:,' },
          ]),
          { role: 'assistant', content: [{ type: 'output_text', text: 'b' }] },
        ],
      },
    ],
    ['a call of the service', { input: [say('hi'), { type: 'web_search_call', id: 'ws_1', status: 'completed' }] }],
    ['reasoning for a model that is not known', { model: 'mine', input: [say('hi'), thought, call, output] }],
    ['sampling without thinking', { model: 'gpt-5.6', reasoning: { effort: 'none' }, temperature: 0.5 }],
    ['sampling of a model that thinks when asked to', { model: 'gpt-5.1', temperature: 0.5 }],
    ['a loose tool that is not strict', { tools: [{ ...tool, parameters: { type: 'object' }, strict: false }] }],
    ['a strict format', format({ schema })],
    ['JSON that is spoken of', { input: [say('Answer in JSON.')], text: { format: { type: 'json_object' } } }],
  ])('spare %s', (_, body) => expect(refusalOf(body)).toBeUndefined())

  it.each<[string, JsonObject, number, string | null, string]>([
    ['a field that there is not', { stop: ['x'] }, 400, 'unknown_parameter', "Unknown parameter: 'stop'."],
    ['a model that there is not', { model: 'missing-1' }, 400, 'model_not_found', "The requested model 'missing-1' does not exist."],
    ['a limit too low', { max_output_tokens: 15 }, 400, 'integer_below_min_value', 'Expected a value >= 16, but got 15 instead.'],
    ['a user with a long id', { safety_identifier: 'u'.repeat(65) }, 400, 'string_above_max_length', 'string with length 65 instead.'],
    ['sampling while thinking', { temperature: 1 }, 400, null, "Unsupported parameter: 'temperature' is not supported with this model."],
    ['sampling by default of 5.6', { model: 'gpt-5.6-sol', top_p: 1 }, 400, null, "'top_p' is not supported"],
    [
      'no thinking of a model that always thinks',
      { reasoning: { effort: 'none' } },
      400,
      'unsupported_value',
      "Supported values are: 'minimal', 'low', 'medium', 'high'.",
    ],
    [
      'thinking of a model that does not',
      { model: 'gpt-4.1', reasoning: { effort: 'low' } },
      400,
      null,
      "'reasoning.effort' is not supported",
    ],
    [
      'a tool that is strict by default and loose',
      { tools: [{ ...tool, parameters: { type: 'object' }, strict: undefined }] },
      400,
      'invalid_function_parameters',
      "'additionalProperties' is required",
    ],
    [
      'a choice of no tool',
      { tools: [tool], tool_choice: { type: 'function', name: 'run' } },
      400,
      null,
      "Tool choice 'run' not found in 'tools' parameter.",
    ],
    ['a strict format with an optional field', format({ schema: { ...schema, required: [] } }), 400, 'invalid_json_schema', "Missing 'a'"],
    ['a format that is a list', format({ schema: { type: 'array' }, strict: false }), 400, 'invalid_json_schema', `'type: "object"'`],
    ['JSON that is not spoken of', { text: { format: { type: 'json_object' } } }, 400, null, "must contain the word 'json'"],
    ['an item of no kind', { input: [{ type: 'thought' }] }, 400, 'invalid_value', "Invalid value: 'thought'."],
    [
      'a long id of a call',
      { input: [{ ...call, call_id: 'c'.repeat(65) }] },
      400,
      'string_above_max_length',
      "Invalid 'input[0].call_id'",
    ],
    [
      'text of the user in an answer',
      { input: [{ role: 'assistant', content: [{ type: 'input_text', text: 'a' }] }] },
      400,
      'invalid_value',
      "'output_text' and 'refusal'",
    ],
    ['a call without an output', { input: [call] }, 400, null, 'No tool output found for function call call_1.'],
    ['an output without a call', { input: [output] }, 400, null, 'No tool call found for function call output with call_id call_1.'],
    [
      'a call without arguments',
      { input: [{ ...call, arguments: undefined }, output] },
      400,
      'missing_required_parameter',
      "'input[0].arguments'",
    ],
    [
      'changed reasoning',
      { input: [{ ...thought, encrypted_content: `${sealed('hm')}0` }] },
      400,
      'invalid_encrypted_content',
      'could not be verified.',
    ],
    [
      'reasoning for a model that does not think',
      { model: 'gpt-4.1', input: [say('hi'), thought, call, output] },
      400,
      null,
      'Reasoning input items can only be provided to a reasoning or computer use model.',
    ],
    [
      'reasoning without a summary',
      { input: [{ ...thought, summary: undefined }] },
      400,
      'missing_required_parameter',
      "'input[0].summary'",
    ],
    [
      'reasoning with an id and nothing after it',
      { input: [{ ...thought, id: 'rs_1' }] },
      400,
      null,
      "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
    ],
    [
      'an id of what is not stored',
      { input: [{ type: 'reasoning', summary: [], id: 'rs_1' }, call, output] },
      404,
      null,
      "Item with id 'rs_1' not found.",
    ],
  ])('are of %s', (_, body, status, code, words) => {
    expect(refusalOf(body)).toEqual([status, code, expect.stringContaining(words), 'invalid_request_error'])
  })

  it('come before the answer, which stays for the next request', async () => {
    await using server = await startModelServer({ dialect: 'openai-responses', answers: ['hello'] })
    const ask = (body: JsonObject): Promise<Response> =>
      fetch(`${server.baseUrl}/responses`, { method: 'POST', body: JSON.stringify(body) })
    const refused = await ask({ model: 'gpt-5', input: 'hi', stop: 'x' })
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: 'unknown_parameter', param: 'stop' } }])
    expect((await ask({ model: 'gpt-5', input: 'hi' })).status).toBe(200)
  })
})
