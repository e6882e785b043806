import type { JsonObject, ProviderRequest } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { openAiModels } from '../models/openai-models.ts'
import { factsOf } from '../shared/model-facts.ts'
import { type ResponsesRequest, toCountRequest, toResponsesRequest } from './to-responses-request.ts'

const style = { service: 'openai', callsLast: false, reasoningSummary: 'none', promptCacheKey: undefined } as const
const user = { role: 'user', content: 'hi' } as const

function convert(request: Partial<ProviderRequest>, more: Partial<Parameters<typeof toResponsesRequest>[2]> = {}): ResponsesRequest {
  const whole = { model: 'gpt-5.6', messages: [user], ...request }
  return toResponsesRequest(whole, factsOf(openAiModels, whole.model), { ...style, ...more })
}

const bodyOf = (request: Partial<ProviderRequest>, more = {}): JsonObject => convert(request, more).body
const strict = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
const tool = (inputSchema: JsonObject) => ({ name: 'look', description: 'Looks.', inputSchema })

describe('the body of a request', () => {
  it('has nothing stored and nothing more than it needs', () => {
    expect(bodyOf({})).toEqual({ model: 'gpt-5.6', input: [user], reasoning: { effort: 'none' }, stream: true, store: false })
    expect(bodyOf({ model: 'gpt-4.1' })).toEqual({ model: 'gpt-4.1', input: [user], stream: true, store: false })
  })

  it('asks for encrypted thinking of models that may think', () => {
    const include = ['reasoning.encrypted_content']
    expect(bodyOf({ thinking: 'low' })).toMatchObject({ include, reasoning: { effort: 'low' } })
    expect(bodyOf({ model: 'mine' })).toEqual({ model: 'mine', input: [user], include, stream: true, store: false })
  })

  it('asks for a summary of thinking where the option says so and the model thinks', () => {
    const more = { reasoningSummary: 'detailed' }
    expect(bodyOf({ thinking: 'low' }, more).reasoning).toEqual({ effort: 'low', summary: 'detailed' })
    expect(bodyOf({ model: 'mine' }, more).reasoning).toEqual({ summary: 'detailed' })
    expect(bodyOf({}, more).reasoning).toEqual({ effort: 'none' })
  })

  it('has system text, limit, sampling, user and cache key', () => {
    const request = { system: 'Be brief.', maxOutputTokens: 99, temperature: 0.5, topP: 0.9, userId: 'u1' }
    expect(bodyOf(request, { promptCacheKey: 'k' })).toMatchObject({
      instructions: 'Be brief.',
      max_output_tokens: 99,
      temperature: 0.5,
      top_p: 0.9,
      safety_identifier: 'u1',
      prompt_cache_key: 'k',
    })
    expect(bodyOf({ system: '' })).not.toHaveProperty('instructions')
  })

  it('warns of what the service does not have', () => {
    const { body, warnings } = convert({ maxOutputTokens: 5, stopSequences: ['.'], userId: 'u'.repeat(65) })
    expect(body).toMatchObject({ max_output_tokens: 16 })
    expect(Object.keys(body)).not.toContain('stop')
    expect(Object.keys(body)).not.toContain('safety_identifier')
    expect(warnings).toEqual([
      { setting: 'maxOutputTokens', message: 'The service takes no limit below 16 tokens, so 16 was sent.' },
      { setting: 'stopSequences', message: 'The service has no stop sequences, so they were left out.' },
      { setting: 'userId', message: 'The service takes at most 64 characters, so the id was left out.' },
    ])
    expect(convert({ stopSequences: [], userId: 'u'.repeat(64) }).warnings).toEqual([])
  })

  it('has tools with a choice, strict only where the service can be', () => {
    const { tools, tool_choice } = bodyOf({ tools: [tool(strict), { ...tool({ type: 'object' }), name: 'run' }] })
    expect(tools).toEqual([
      { type: 'function', name: 'look', description: 'Looks.', parameters: strict, strict: true },
      { type: 'function', name: 'run', description: 'Looks.', parameters: { type: 'object' }, strict: false },
    ])
    expect(tool_choice).toBe('auto')
    expect(bodyOf({ model: 'mine', tools: [tool(strict)] }).tools).toMatchObject([{ strict: false }])
    expect(bodyOf({ tools: [tool(strict)], toolChoice: 'required' }).tool_choice).toBe('required')
    expect(bodyOf({ tools: [tool(strict)], toolChoice: { name: 'look' } }).tool_choice).toEqual({ type: 'function', name: 'look' })
    expect(bodyOf({ toolChoice: 'none' })).not.toHaveProperty('tool_choice')
  })
})

describe('the format of an answer', () => {
  const formatOf = (schema: JsonObject | undefined, name?: string): JsonObject =>
    bodyOf({ responseFormat: { type: 'json', ...(schema === undefined ? {} : { schema }), ...(name === undefined ? {} : { name }) } })

  it('is enforced where the service can', () => {
    expect(formatOf(strict)).toMatchObject({ text: { format: { type: 'json_schema', name: 'answer', schema: strict, strict: true } } })
    expect(formatOf(strict, 'the weather!')).toMatchObject({ text: { format: { name: 'the_weather_' } } })
  })

  it.each<[string, JsonObject]>([
    ['an optional field', { ...strict, required: [] }],
    ['more fields', { ...strict, additionalProperties: true }],
    ['a choice at the root', { ...strict, anyOf: [strict] }],
    ['a keyword that is refused', { ...strict, properties: { a: { type: 'string', minLength: 1 } } }],
    ['a keyword that is refused, in a list', { ...strict, properties: { a: { type: 'array', items: { oneOf: [{ type: 'string' }] } } } }],
    ['an unknown format', { ...strict, properties: { a: { type: 'string', format: 'colour' } } }],
    ['no type of a definition', { ...strict, $defs: { b: { type: 'object' } } }],
    ['too many levels', nested(12)],
    ['too many fields', wide(5_001)],
  ])('is asked for and not enforced with %s', (_, schema) => {
    expect(formatOf(schema)).toMatchObject({ text: { format: { type: 'json_schema', schema, strict: false } } })
  })

  it('may have fields that are called like keywords, and choices inside', () => {
    const properties = { minLength: { type: 'number' }, oneOf: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] } }
    const schema = { ...strict, properties, required: ['minLength', 'oneOf'] }
    expect(formatOf(schema)).toMatchObject({ text: { format: { strict: true } } })
  })

  it('is spoken of where there is no schema, or one that the service does not take', () => {
    expect(formatOf(undefined)).toMatchObject({
      text: { format: { type: 'json_object' } },
      input: [{ role: 'system', content: expect.stringContaining('JSON') }, user],
    })
    const list = formatOf({ type: 'array' })
    const { warnings } = toResponsesRequest(
      { model: 'gpt-5.6', messages: [user], responseFormat: { type: 'json', schema: { type: 'array' } } },
      {},
      style,
    )
    expect(warnings).toEqual([
      { setting: 'responseFormat', message: expect.stringContaining('gpt-5.6 is held to schemas of objects alone') },
    ])
    expect(list).not.toHaveProperty('text')
    expect(list.input).toEqual([{ role: 'system', content: expect.stringContaining('{"type":"array"}') }, user])
  })
})

describe('the body that counts tokens', () => {
  it('has only what makes input', () => {
    const request = {
      model: 'gpt-5.6',
      messages: [user],
      system: 'Be brief.',
      tools: [tool(strict)],
      maxOutputTokens: 9,
      userId: 'u',
      temperature: 0,
    }
    const body = toCountRequest(request, factsOf(openAiModels, 'gpt-5.6'), style)
    expect(Object.keys(body)).toEqual(['model', 'instructions', 'input', 'tools', 'tool_choice', 'reasoning'])
  })
})

function nested(levels: number): JsonObject {
  return levels === 0 ? { type: 'string' } : { ...strict, properties: { a: nested(levels - 1) } }
}

function wide(count: number): JsonObject {
  const names = Array.from({ length: count }, (_, index) => `f${index}`)
  return { ...strict, properties: Object.fromEntries(names.map((name) => [name, { type: 'null' }])), required: names }
}
