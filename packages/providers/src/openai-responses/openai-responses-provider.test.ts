import type { BeamClawError, JsonObject } from '@beamclaw/core'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { OpenAiResponsesProvider } from './openai-responses-provider.ts'
import type { OpenAiResponsesProviderOptions } from './responses-options.ts'
import { completed, events, exchange, partsOf } from './testing/exchange.ts'

const signal = new AbortController().signal

/** A provider whose service answers each path with JSON, and the requests that it got. */
function answering(answers: Readonly<Record<string, unknown>>, options: OpenAiResponsesProviderOptions = {}) {
  const requests: { readonly path: string; readonly body: unknown }[] = []
  const provider = new OpenAiResponsesProvider({
    apiKey: 'sk-answering-0123456789',
    baseUrl: 'https://api.openai.com/v1',
    fetch: async (url, { body }) => {
      const path = new URL(url).pathname
      requests.push({ path, body: typeof body === 'string' ? JSON.parse(body) : undefined })
      return path in answers ? Response.json(answers[path]) : Response.json({ error: { message: 'not here', code: null } }, { status: 404 })
    },
    ...options,
  })
  return { provider, requests }
}

describe('the provider', () => {
  it('posts to the address of its options, with its key and headers, and keeps things under the name of its service', async () => {
    const answer = { thinking: 'hm', text: 'so' }
    await using server = await startModelServer({ answers: () => answer })
    const { host } = new URL(server.baseUrl)
    for (const [service, name] of [
      [undefined, host],
      ['mine', 'mine'],
    ] as const) {
      const provider = new OpenAiResponsesProvider({
        baseUrl: server.baseUrl,
        apiKey: 'sk-provider-0123456789',
        headers: { 'api-key': 'k' },
        extraBody: { service_tier: 'flex' },
        ...(service === undefined ? {} : { service }),
      })
      const parts = await partsOf(provider.doStream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }, { signal }))
      expect(parts.find(({ type }) => type === 'thinking-end')).toMatchObject({
        providerMetadata: { [name]: { item: { type: 'reasoning' } } },
      })
    }
    expect(server.requests[0]).toMatchObject({
      path: '/v1/responses',
      headers: { authorization: 'Bearer sk-provider-0123456789', 'api-key': 'k' },
      body: { service_tier: 'flex', stream: true, store: false },
    })
  })

  it('tells what it left out before the answer', async () => {
    const { parts, body } = await exchange('so', { model: 'gpt-5.6', thinking: 'high', temperature: 1, stopSequences: ['.'] })
    expect(parts.slice(0, 3)).toMatchObject([
      { type: 'warning', setting: 'temperature' },
      { type: 'warning', setting: 'stopSequences' },
      { type: 'text-delta', text: 'so' },
    ])
    expect(body).toMatchObject({ reasoning: { effort: 'high' } })
  })

  it.each([
    ['https://api.deepseek.com', ['message', 'function_call', 'function_call', 'function_call_output', 'function_call_output']],
    ['https://api.x.ai/v1', ['function_call', 'message', 'function_call', 'function_call_output', 'function_call_output']],
  ])('puts calls side by side where the service wants that: %s', async (baseUrl, types) => {
    const call = (id: string) => ({ type: 'tool-call', id, name: 'look', input: {} }) as const
    const seen = (id: string) => ({ type: 'tool-result', toolCallId: id, name: 'look', content: 'seen', isError: false }) as const
    const { provider, requests } = answering({}, { baseUrl })
    const messages = [
      { role: 'assistant', content: [call('a'), { type: 'text', text: 'and' }, call('b')] },
      { role: 'tool', content: [seen('a'), seen('b')] },
    ] as const
    await expect(partsOf(provider.doStream({ model: 'm', messages }, { signal }))).rejects.toMatchObject({ code: 'provider-bad-request' })
    const { input = [] } = (requests[0]?.body ?? {}) as { readonly input?: readonly JsonObject[] }
    expect(input.map(({ type }) => type)).toEqual(types)
  })

  it.each([
    ['reasoningSummary', { reasoningSummary: 'long' }],
    ['promptCacheKey', { promptCacheKey: '' }],
    ['ids', { ids: {} }],
    ['models', { models: { a: { thinking: 'sometimes' } } }],
    ['store', { store: true }],
  ])('refuses a wrong option %s', (option, options) => {
    const make = () => new OpenAiResponsesProvider({ apiKey: 'k', ...(options as OpenAiResponsesProviderOptions) })
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining(option) }))
  })
})

describe('answers are taken', () => {
  const frames = events({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: 'ä 漢字 🦀' }, completed())
  const expected = [{ type: 'text-delta', text: 'ä 漢字 🦀' }, { type: 'text-end' }, { type: 'finish', reason: 'stop' }]

  it('with keepalives, comments, unknown events, line ends of any kind and no last empty line', async () => {
    const kept = events({ type: 'keepalive', sequence_number: 1 })
    const delivery = { comments: true, pings: true, unknownEvents: true, lineEnd: '\r\n', omitLastLineEnd: true } as const
    expect((await exchange({ frames: [...kept, ...frames], delivery })).parts).toMatchObject(expected)
  })

  it('without names of events, and with [DONE] at the end', async () => {
    const bare = frames.map(({ data }) => ({ data }))
    expect((await exchange({ frames: [...bare, { data: '[DONE]' }] })).parts).toMatchObject(expected)
  })

  it('with names that are not those of the data', async () => {
    expect((await exchange({ frames: frames.map(({ data }) => ({ event: 'text', data })) })).parts).toMatchObject(expected)
  })
})

describe('errors', () => {
  const thrownBy = async (...given: readonly JsonObject[]): Promise<BeamClawError> =>
    exchange({ frames: events(...given) }).then(
      () => expect.unreachable('there was no error'),
      (error: BeamClawError) => error,
    )

  it.each<[string, JsonObject]>([
    ['nested', { type: 'error', error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'Too long.' } }],
    ['flat', { type: 'error', code: 'context_length_exceeded', message: 'Too long.', param: 'input' }],
    [
      'failed',
      { type: 'response.failed', response: { status: 'failed', error: { code: 'context_length_exceeded', message: 'Too long.' } } },
    ],
  ])('in a stream may be %s', async (_, event) => {
    const error = await thrownBy(event)
    expect(error).toMatchObject({ code: 'provider-context-overflow', details: { providerCode: 'context_length_exceeded' } })
    expect(error.message).toContain('reported an error in its stream: Too long.')
  })

  it('without a name or with nothing in them are errors of the service', async () => {
    const unnamed = exchange({ raw: 'data: {"error":{"message":"Broken.","code":"server_error"}}\n\n' })
    await expect(unnamed).rejects.toMatchObject({ code: 'provider-server', message: expect.stringContaining('Broken.') })
    expect((await thrownBy({ type: 'error' })).code).toBe('provider-server')
    expect((await thrownBy({ type: 'response.failed' })).code).toBe('provider-server')
    const failed = { object: 'response', status: 'failed', error: { code: 'server_error', message: 'Broken.' }, output: [] }
    const whole = exchange({ raw: JSON.stringify(failed), delivery: { contentType: 'application/json' } })
    await expect(whole).rejects.toMatchObject({ code: 'provider-server', message: expect.stringContaining('Broken.') })
    const cancelled = exchange({ raw: '{"status":"cancelled","output":[]}', delivery: { contentType: 'application/json' } })
    await expect(cancelled).rejects.toMatchObject({ code: 'provider-server', message: expect.stringContaining('cancelled') })
  })

  it.each([
    ['Rate limit reached. Please try again in 11.054s. Visit us.', 11_054],
    ['Rate limit reached. Please try again in 28ms.', 28],
    ['Rate limit reached. Please try again in 35 seconds.', 35_000],
    ['Rate limit reached. Please try again in 2m.', 120_000],
    ['Rate limit reached. Please try again in 1..2s.', undefined],
    ['Rate limit reached. Please try again in 999999m.', undefined],
    ['Rate limit reached.', undefined],
  ])('of a limit tell when to try again, by their text where there is nothing else: %s', async (message, retryAfterMs) => {
    const error = await thrownBy({ type: 'response.failed', response: { error: { code: 'rate_limit_exceeded', message } } })
    expect([error.code, error.retryAfterMs]).toEqual(['provider-rate-limit', retryAfterMs])
  })

  it.each([
    [429, 'insufficient_quota', '', 'provider-billing'],
    [429, 'project_spend_limit_exceeded', '', 'provider-billing'],
    [403, 'personal-team-blocked:spending-limit', '', 'provider-billing'],
    [429, 'rate_limit_exceeded', 'Request too large: the maximum context length is 9 tokens', 'provider-rate-limit'],
    [429, null, 'Rate limit reached on tokens per min: Limit 30000', 'provider-rate-limit'],
    [503, 'server_is_overloaded', '', 'provider-overloaded'],
    [400, 'invalid_prompt', 'Your prompt was flagged as potentially violating our policy.', 'provider-content-filter'],
    [400, 'invalid_prompt', 'Messages must not be empty.', 'provider-bad-request'],
    [400, null, 'Unsupported parameter', 'provider-bad-request'],
    [404, null, "Item with id 'rs_1' not found.", 'provider-bad-request'],
    [500, 'server_error', '', 'provider-server'],
  ])('with status %s and code %s are what they are', async (status, code, message, expected) => {
    const failed = exchange({ error: { status, body: { error: { message, code, type: 'x', param: null } } } })
    await expect(failed).rejects.toMatchObject({ code: expected })
  })

  it('of thinking that cannot be read say what to do, with a code or without', async () => {
    const message = 'The encrypted content gAAA...DQ== could not be verified.'
    for (const code of ['invalid_encrypted_content', null]) {
      const error = await thrownBy({ type: 'error', error: { code, message, type: 'invalid_request_error' } })
      expect(error.code).toBe('provider-bad-request')
      expect(error.message).toMatch(/could not be verified\..*another organisation.*the option "service"/)
    }
  })
})

describe('beside answers', () => {
  it('lists models with what is known of them', async () => {
    const { provider } = answering(
      { '/v1/models': { object: 'list', data: [{ id: 'gpt-5.5' }, { id: 'mine' }, { id: 'theirs', context_length: 9 }] } },
      { models: { mine: { contextWindow: 5 }, 'gpt-5.5': { maxOutputTokens: 7 } } },
    )
    expect(await provider.listModels({ signal })).toEqual([
      {
        id: 'gpt-5.5',
        contextWindow: 1_050_000,
        maxOutputTokens: 7,
        price: { input: 5, output: 30, cacheRead: 0.5 },
        thinking: 'optional',
      },
      { id: 'mine', contextWindow: 5 },
      { id: 'theirs', contextWindow: 9 },
    ])
  })

  it('counts the tokens of a request', async () => {
    const { provider, requests } = answering({ '/v1/responses/input_tokens': { object: 'response.input_tokens', input_tokens: 51 } })
    const request = { model: 'gpt-4.1', system: 'Be brief.', messages: [{ role: 'user', content: 'hi' }], maxOutputTokens: 20 } as const
    expect(await provider.countTokens(request, { signal })).toBe(51)
    expect(requests[0]?.body).toEqual({ model: 'gpt-4.1', instructions: 'Be brief.', input: [{ role: 'user', content: 'hi' }] })
    await expect(answering({}).provider.countTokens(request, { signal })).rejects.toMatchObject({ code: 'provider-bad-request' })
    const odd = answering({ '/v1/responses/input_tokens': { input_tokens: '51' } })
    await expect(odd.provider.countTokens(request, { signal })).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  it('embeds texts, in their order', async () => {
    const data = [
      { index: 1, embedding: [3, 4] },
      { index: 0, embedding: [1, 2] },
    ]
    const { provider, requests } = answering({ '/v1/embeddings': { object: 'list', data, usage: { prompt_tokens: 8, total_tokens: 8 } } })
    const request = { model: 'text-embedding-3-small', texts: ['a', 'b'], dimensions: 2 }
    expect(await provider.doEmbed(request, { signal })).toEqual({
      embeddings: [
        [1, 2],
        [3, 4],
      ],
      usage: { inputTokens: 8, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
    })
    expect(requests).toEqual([{ path: '/v1/embeddings', body: { model: 'text-embedding-3-small', input: ['a', 'b'], dimensions: 2 } }])
    expect((await provider.doEmbed({ model: 'm', texts: [] }, { signal })).embeddings).toEqual([])
    expect(requests).toHaveLength(1)
  })

  it.each([
    ['too few', [{ index: 0, embedding: [1] }]],
    [
      'two for one text',
      [
        { index: 0, embedding: [1] },
        { index: 0, embedding: [1] },
      ],
    ],
    [
      'one too many',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [1] },
        { index: 2, embedding: [1] },
      ],
    ],
    [
      'a wrong place',
      [
        { index: 0, embedding: [1] },
        { index: 4_000_000_000, embedding: [1] },
      ],
    ],
    ['no numbers', [{ embedding: ['a'] }, { embedding: [1] }]],
    ['text', [{ embedding: 'AAAA' }, { embedding: [1] }]],
  ])('takes no embeddings that are %s', async (_, data) => {
    const { provider } = answering({ '/v1/embeddings': { data } })
    await expect(provider.doEmbed({ model: 'm', texts: ['a', 'b'] }, { signal })).rejects.toMatchObject({ code: 'provider-protocol' })
  })
})
