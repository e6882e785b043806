import type { Message, ProviderPart, ProviderRequest, ToolDeclaration } from '@beamclaw/core'
import { type ModelAnswer, type SseFrame, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import type { OpenAiProviderOptions } from './openai-options.ts'
import { OpenAiProvider } from './openai-provider.ts'

const signal = new AbortController().signal
const tool: ToolDeclaration = { name: 'deploy', description: 'Deploys', inputSchema: { type: 'object', properties: {} } }
const hello: ProviderRequest = { model: 'gpt', messages: [{ role: 'user', content: 'hello' }] }

/** Sends one request and returns the answer's parts and the body that arrived. */
async function exchange(
  answer: ModelAnswer,
  request: Partial<ProviderRequest> = {},
  options: OpenAiProviderOptions = {},
): Promise<{ parts: ProviderPart[]; body: Record<string, unknown>; headers: Readonly<Record<string, unknown>> }> {
  await using server = await startModelServer({ answers: [answer] })
  const provider = new OpenAiProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test', ...options })
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream({ ...hello, ...request }, { signal })) parts.push(part)
  const [received] = server.requests
  expect(received).toMatchObject({ method: 'POST', path: '/v1/chat/completions' })
  return { parts, body: received?.body as Record<string, unknown>, headers: received?.headers ?? {} }
}

/** Frames of a stream: deltas, then the finish reason, then `[DONE]`. */
function frames(deltas: readonly object[], finish: string | null = 'stop', last: readonly object[] = []): readonly SseFrame[] {
  const chunks = deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: null }] }))
  const end = finish === null ? [] : [{ choices: [{ index: 0, delta: {}, finish_reason: finish }] }]
  return [...[...chunks, ...end, ...last].map((data) => ({ data: data as never })), { data: '[DONE]' }]
}

function callsOf(parts: readonly ProviderPart[]): readonly unknown[] {
  return parts.filter(({ type }) => type === 'tool-call').map((part) => ({ ...part, type: undefined }))
}

describe('answers', () => {
  it('count usage without counting cached tokens twice', async () => {
    const usage = { inputTokens: 7, outputTokens: 3, cacheReadTokens: 20, cacheWriteTokens: 4 }
    expect((await exchange({ text: 'a', usage })).parts.at(-1)).toMatchObject({ usage })
    const running = [
      { prompt_tokens: 10, completion_tokens: 1 },
      { prompt_tokens: 10, completion_tokens: 9, prompt_cache_hit_tokens: 4 },
    ]
    const { parts } = await exchange({
      frames: frames(
        [{ content: 'x' }],
        'stop',
        running.map((each) => ({ choices: [], usage: each })),
      ),
    })
    expect(parts.at(-1)).toEqual({
      type: 'finish',
      reason: 'stop',
      usage: { inputTokens: 6, outputTokens: 9, cacheReadTokens: 4, cacheWriteTokens: 0 },
    })
  })

  it.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content-filter'],
    ['tool_calls', 'other'],
    ['eos', 'other'],
    ['constructor', 'other'],
    ['__proto__', 'other'],
  ])('translate the finish reason %s', async (finish, reason) => {
    expect((await exchange({ text: 'a', finish })).parts.at(-1)).toMatchObject({ reason })
  })

  it('carry thinking before text, under either name', async () => {
    const { parts } = await exchange({ frames: frames([{ reasoning: 'a' }, { reasoning_content: 'b', content: '' }, { content: 'c' }]) })
    expect(parts.slice(0, -1)).toEqual([
      { type: 'thinking-delta', text: 'a' },
      { type: 'thinking-delta', text: 'b' },
      { type: 'thinking-end' },
      { type: 'text-delta', text: 'c' },
    ])
    const only = await exchange({ frames: frames([{ reasoning_content: 'a' }]) })
    expect(only.parts.map(({ type }) => type)).toEqual(['thinking-delta', 'thinking-end', 'finish'])
  })

  it('join content given in parts, and name a refusal', async () => {
    const { parts } = await exchange({
      frames: frames([
        {
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ]),
    })
    expect(parts[0]).toEqual({ type: 'text-delta', text: 'ab' })
    expect((await exchange({ frames: frames([{ refusal: 'No.' }]) })).parts).toMatchObject([{ text: 'No.' }, { reason: 'content-filter' }])
  })

  it('may be a whole JSON text from a server that does not stream', async () => {
    const whole = {
      choices: [
        {
          index: 0,
          message: { content: 'hi', tool_calls: [{ id: 'x', function: { name: 'deploy', arguments: '{"a":1}' } }] },
          finish_reason: 'tool_calls',
        },
      ],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    }
    const { parts } = await exchange({ raw: JSON.stringify(whole), delivery: { contentType: 'application/json' } })
    expect(callsOf(parts)).toMatchObject([{ id: 'x', input: { a: 1 } }])
    expect(parts.at(-1)).toMatchObject({ reason: 'tool-calls', usage: { inputTokens: 1, outputTokens: 2 } })
  })

  it('end at [DONE] even without a finish reason, but not when there was nothing', async () => {
    expect((await exchange({ frames: frames([{ content: 'x' }], null) })).parts.at(-1)).toMatchObject({ reason: 'other' })
    await expect(exchange({ frames: frames([], null) })).rejects.toMatchObject({ code: 'provider-protocol' })
    await expect(exchange({ raw: '' })).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  it('give the parts before what cannot be read, though all arrives together', async () => {
    const chunk = (content: string): string => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
    await using server = await startModelServer({ answers: [{ raw: `${chunk('one')}${chunk('two')}data: {oops\n\n${chunk('late')}` }] })
    const texts: string[] = []
    const reading = async (): Promise<void> => {
      for await (const part of new OpenAiProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test' }).doStream(hello, { signal }))
        if (part.type === 'text-delta') texts.push(part.text)
    }
    await expect(reading()).rejects.toMatchObject({ code: 'provider-protocol' })
    expect(texts).toEqual(['one', 'two'])
  })

  it('end with [DONE], whatever arrives together with it', async () => {
    const chunk = (content: string, finish_reason: string | null): string =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`
    const { parts } = await exchange({ raw: `${chunk('one', 'stop')}data: [DONE]\n\n${chunk('late', 'length')}` })
    expect(parts).toMatchObject([{ text: 'one' }, { type: 'finish', reason: 'stop' }])
  })

  it('of wrong shape are refused without being quoted', async () => {
    const frame: SseFrame = { data: { choices: [{ delta: { content: 5 } }] } }
    await expect(exchange({ frames: [frame] })).rejects.toMatchObject({
      code: 'provider-protocol',
      details: { place: 'choices.0.delta.content' },
    })
    await expect(exchange({ frames: [{ data: '[1]' }] })).rejects.toMatchObject({ code: 'provider-protocol' })
    const nameless = frames([{ tool_calls: [{ index: 0, id: 'a', function: { arguments: '{}' } }] }])
    await expect(exchange({ frames: nameless })).rejects.toMatchObject({ code: 'provider-protocol' })
  })
})

describe('tool calls', () => {
  const piece = (tool_calls: readonly object[]) => ({ tool_calls })

  it('come together from pieces that interleave', async () => {
    const { parts } = await exchange({
      frames: frames(
        [
          piece([{ index: 0, id: 'a', type: 'function', function: { name: 'one', arguments: '' } }]),
          piece([{ index: 1, id: 'b', function: { name: 'two', arguments: '{"x"' } }]),
          piece([
            { index: 0, function: { arguments: '{"y":' } },
            { index: 1, function: { arguments: ':1}' } },
          ]),
          piece([{ index: 0, function: { arguments: '2}' } }]),
        ],
        'tool_calls',
      ),
    })
    expect(callsOf(parts)).toEqual([
      { type: undefined, id: 'a', name: 'one', input: { y: 2 } },
      { type: undefined, id: 'b', name: 'two', input: { x: 1 } },
    ])
    const pieces = parts.map((part) => (part.type === 'tool-call-delta' && part.id === 'a' ? part.inputText : '')).join('')
    expect(pieces).toBe('{"y":2}')
    expect(parts.filter(({ type }) => type === 'tool-call-start')).toHaveLength(2)
  })

  it.each<[string, readonly object[]]>([
    [
      'whole, without index',
      [
        piece([
          { id: 'a', function: { name: 'one', arguments: '{"y":2}' } },
          { id: 'b', function: { name: 'two', arguments: '{}' } },
        ]),
      ],
    ],
    [
      'whole, all numbered 0',
      [
        piece([{ index: 0, id: 'a', function: { name: 'one', arguments: '{"y":2}' } }]),
        piece([{ index: 0, id: 'b', function: { name: 'two', arguments: '{}' } }]),
      ],
    ],
    [
      'as objects',
      [
        piece([
          { index: 0, id: 'a', function: { name: 'one', arguments: { y: 2 } } },
          { index: 1, id: 'b', function: { name: 'two', arguments: {} } },
        ]),
      ],
    ],
    [
      'with the name repeated',
      [
        piece([{ index: 0, id: 'a', function: { name: 'one', arguments: '{"y"' } }]),
        piece([{ index: 0, id: 'a', function: { name: 'one', arguments: ':2}' } }]),
        piece([{ index: 1, id: 'b', function: { name: 'two' } }]),
      ],
    ],
  ])('arrive %s', async (_style, deltas) => {
    const { parts } = await exchange({ frames: frames(deltas, 'stop') })
    expect(callsOf(parts)).toMatchObject([
      { id: 'a', name: 'one', input: { y: 2 } },
      { id: 'b', name: 'two', input: {} },
    ])
    expect(parts.at(-1)).toMatchObject({ reason: 'tool-calls' })
  })

  it('get ids of their own where the server gives none, or one that is taken', async () => {
    let next = 0
    const ids = { next: (prefix = '') => `${prefix}${++next}` }
    const whole = (id: string | undefined) => piece([{ ...(id === undefined ? {} : { id }), function: { name: 'one', arguments: '{}' } }])
    const earlier: Message = { role: 'assistant', content: [{ type: 'tool-call', id: 'call_0', name: 'one', input: {} }] }
    const { parts } = await exchange(
      { frames: frames([whole(undefined), whole(undefined), whole('call_0')], 'tool_calls') },
      { messages: [...hello.messages, earlier] },
      { ids },
    )
    expect(callsOf(parts)).toMatchObject([{ id: 'call_1' }, { id: 'call_2' }, { id: 'call_3' }])
    const started = parts.filter((part) => part.type === 'tool-call-start').map(({ id }) => id)
    expect(started).toEqual(['call_1', 'call_2', 'call_3'])
  })

  it('keep input that is no JSON as text, up to a limit', async () => {
    const { parts } = await exchange({
      toolCalls: [
        { name: 'one', inputText: '{"a": tru' },
        { name: 'two', inputText: '{'.repeat(100_000) },
      ],
    })
    expect(callsOf(parts)).toMatchObject([
      { input: {}, invalidInput: '{"a": tru' },
      { input: {}, invalidInput: '{'.repeat(65_536) },
    ])
  })

  it('that were cut off by the output limit are left out', async () => {
    const answer: ModelAnswer = {
      toolCalls: [
        { name: 'one', input: { a: 1 } },
        { name: 'two', inputText: '{"a": ' },
      ],
      finish: 'length',
    }
    const { parts } = await exchange(answer)
    expect(callsOf(parts)).toMatchObject([{ name: 'one' }])
    expect(parts.at(-1)).toMatchObject({ reason: 'length' })
  })
})

it('goes through a whole tool round trip', async () => {
  await using server = await startModelServer({
    apiKey: 'sk-test',
    answers: ({ body }) => {
      const { messages } = body as { messages: readonly { role: string; content: string }[] }
      const result = messages.find(({ role }) => role === 'tool')
      return result === undefined ? { toolCalls: [{ name: 'deploy', input: { to: 'prod' } }] } : `It said ${result.content}`
    },
  })
  const provider = new OpenAiProvider({ baseUrl: `${server.baseUrl}/`, apiKey: 'sk-test' })
  const messages: Message[] = [{ role: 'user', content: 'deploy' }]
  for await (const part of provider.doStream({ model: 'm', messages, tools: [tool] }, { signal })) {
    if (part.type !== 'tool-call') continue
    messages.push(
      { role: 'assistant', content: [part] },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: part.id, name: part.name, content: 'done', isError: false }] },
    )
  }
  let text = ''
  for await (const part of provider.doStream({ model: 'm', messages, tools: [tool] }, { signal }))
    if (part.type === 'text-delta') text += part.text
  expect(text).toBe('It said done')
})

it('lists models', async () => {
  await using server = await startModelServer({ apiKey: 'sk-test', models: [{ id: 'a' }, { id: 'b', contextWindow: 8192 }] })
  const provider = new OpenAiProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test' })
  expect(await provider.listModels({ signal })).toEqual([{ id: 'a' }, { id: 'b', contextWindow: 8192 }])
  await expect(new OpenAiProvider({ baseUrl: server.baseUrl }).listModels({ signal })).rejects.toMatchObject({ code: 'provider-auth' })
})
