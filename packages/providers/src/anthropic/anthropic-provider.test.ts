import type { AssistantMessage, Message, ProviderPart, ProviderRequest, ToolDeclaration } from '@beamclaw/core'
import { type ModelAnswer, type SseFrame, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { AnthropicProvider, type AnthropicProviderOptions } from './anthropic-provider.ts'

const signal = new AbortController().signal
const tool: ToolDeclaration = { name: 'deploy', description: 'Deploys', inputSchema: { type: 'object', properties: {} } }
const hello: ProviderRequest = { model: 'claude-opus-4-8', messages: [{ role: 'user', content: 'hello' }] }
const ephemeral = { cache_control: { type: 'ephemeral' } }

/** Sends one request and returns the answer's parts and the body that arrived. */
async function exchange(
  answer: ModelAnswer,
  request: Partial<ProviderRequest> = {},
  options: AnthropicProviderOptions = {},
): Promise<{ parts: ProviderPart[]; body: Record<string, unknown>; headers: Readonly<Record<string, unknown>> }> {
  await using server = await startModelServer({ answers: [answer] })
  const provider = new AnthropicProvider({ baseUrl: server.url, apiKey: 'sk-test', service: 'claude', ...options })
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream({ ...hello, ...request }, { signal })) parts.push(part)
  const [received] = server.requests
  expect(received).toMatchObject({ method: 'POST', path: '/v1/messages' })
  return { parts, body: received?.body as Record<string, unknown>, headers: received?.headers ?? {} }
}

async function bodyOf(request: Partial<ProviderRequest>, options: AnthropicProviderOptions = {}): Promise<Record<string, unknown>> {
  return (await exchange({ text: 'ok' }, request, options)).body
}

describe('requests', () => {
  it('carry every field, marked for the cache', async () => {
    const { body, headers } = await exchange(
      { text: 'ok' },
      {
        system: 'Be brief',
        tools: [{ ...tool, name: 'first' }, tool],
        toolChoice: 'required',
        maxOutputTokens: 5,
        model: 'claude-3-7-sonnet-latest',
        temperature: 0.5,
        topP: 0.9,
        stopSequences: ['END'],
        userId: 'u1',
      },
    )
    expect(headers).toMatchObject({ 'x-api-key': 'sk-test', 'anthropic-version': '2023-06-01' })
    expect(body).toEqual({
      model: 'claude-3-7-sonnet-latest',
      max_tokens: 5,
      stream: true,
      system: [{ type: 'text', text: 'Be brief', ...ephemeral }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hello', ...ephemeral }] }],
      tools: [
        { name: 'first', description: 'Deploys', input_schema: tool.inputSchema },
        { name: 'deploy', description: 'Deploys', input_schema: tool.inputSchema, ...ephemeral },
      ],
      tool_choice: { type: 'any' },
      temperature: 0.5,
      top_p: 0.9,
      stop_sequences: ['END'],
      metadata: { user_id: 'u1' },
    })
    const plain = await bodyOf({ system: 'x', tools: [tool], toolChoice: { name: 'deploy' } }, { promptCaching: false })
    expect(JSON.stringify(plain)).not.toContain('cache_control')
    expect(plain).toMatchObject({ max_tokens: 16_384, tool_choice: { type: 'tool', name: 'deploy' } })
  })

  it('carry images, tool calls, results and thinking in alternating turns', async () => {
    const messages: Message[] = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image', mediaType: 'image/png', data: 'AAAA' },
          { type: 'image', mediaType: 'image/png', url: 'https://example.com/a.png' },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', text: 'signed', providerMetadata: { claude: { signature: 'sig' } } },
          { type: 'thinking', text: '', providerMetadata: { claude: { redacted: 'secret' } } },
          { type: 'thinking', text: 'of another provider' },
          { type: 'text', text: ' ' },
          { type: 'tool-call', id: 'functions.look:0', name: 'look', input: { at: 1 } },
          { type: 'tool-call', id: 'b', name: 'look', input: 'text' },
        ],
      },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'functions.look:0', name: 'look', isError: false, content: '' }] },
      {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            toolCallId: 'b',
            name: 'look',
            isError: true,
            content: [
              { type: 'text', text: 'dark' },
              { type: 'image', mediaType: 'image/png', data: 'BBBB' },
            ],
          },
        ],
      },
      { role: 'user', content: 'go on' },
      { role: 'user', content: '' },
    ]
    expect((await bodyOf({ messages }, { promptCaching: false })).messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'signed', signature: 'sig' },
          { type: 'redacted_thinking', data: 'secret' },
          { type: 'tool_use', id: 'functions_look_0', name: 'look', input: { at: 1 } },
          { type: 'tool_use', id: 'b', name: 'look', input: { value: 'text' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'functions_look_0' },
          {
            type: 'tool_result',
            tool_use_id: 'b',
            is_error: true,
            content: [
              { type: 'text', text: 'dark' },
              { type: 'text', text: '(an image)' },
            ],
          },
          { type: 'text', text: 'go on' },
          { type: 'text', text: '(empty message)' },
        ],
      },
    ])
  })

  it('ask for thinking in the way of the model', async () => {
    const thinking = 'medium'
    expect(await bodyOf({ thinking, temperature: 1 })).toMatchObject({
      max_tokens: 16_384,
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'medium' },
    })
    const old = await bodyOf({ thinking, temperature: 1, topP: 1, maxOutputTokens: 100, model: 'claude-sonnet-4-5-20250929' })
    expect(old).toMatchObject({ max_tokens: 8292, thinking: { type: 'enabled', budget_tokens: 8192 } })
    expect(old).not.toHaveProperty('temperature')
    expect(old).not.toHaveProperty('top_p')
    for (const model of ['claude-3-7-sonnet-latest', 'claude-opus-4-1-20250805', 'claude-opus-4-20250514', 'claude-haiku-4-5']) {
      expect((await bodyOf({ thinking, model })).thinking).toMatchObject({ type: 'enabled' })
    }
    for (const model of ['claude-opus-4-6', 'claude-opus-4-10', 'claude-opus-5', 'other']) {
      expect((await bodyOf({ thinking, model })).thinking).toMatchObject({ type: 'adaptive' })
    }
    const style: AnthropicProviderOptions = { thinkingMode: 'budget', thinkingBudgets: { low: 1024, medium: 5000, high: 9000 } }
    expect((await bodyOf({ thinking }, style)).thinking).toEqual({ type: 'enabled', budget_tokens: 5000 })
    expect(await bodyOf({})).not.toHaveProperty('thinking')
  })

  it('do not ask for thinking where the API refuses it', async () => {
    expect(await bodyOf({ thinking: 'low', tools: [tool], toolChoice: 'required' })).not.toHaveProperty('thinking')
    const call: AssistantMessage = { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'deploy', input: {} }] }
    const result: Message = {
      role: 'tool',
      content: [{ type: 'tool-result', toolCallId: 'a', name: 'deploy', content: 'x', isError: false }],
    }
    const model = 'claude-sonnet-4-5'
    expect(await bodyOf({ thinking: 'low', model, messages: [...hello.messages, call, result] })).not.toHaveProperty('thinking')
    const thought: Message = {
      role: 'assistant',
      content: [{ type: 'thinking', text: '', providerMetadata: { claude: { signature: 's' } } }, ...call.content],
    }
    expect(await bodyOf({ thinking: 'low', model, messages: [...hello.messages, thought, result] })).toHaveProperty('thinking')
  })

  it('enforce a schema where possible and ask for it where not', async () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
    const strict = await bodyOf({ responseFormat: { type: 'json', schema } })
    expect(strict.output_config).toEqual({ format: { type: 'json_schema', schema } })
    expect(strict).not.toHaveProperty('system')
    const loose = await bodyOf({ system: 'Hi', responseFormat: { type: 'json', schema: { type: 'object' } } })
    expect(JSON.stringify(loose.system)).toContain('JSON Schema')
    expect(loose).not.toHaveProperty('output_config')
  })
})

describe('answers', () => {
  const start = (usage: object): SseFrame => ({
    event: 'message_start',
    data: { type: 'message_start', message: { usage: usage as never } },
  })
  const end = (stop_reason: string | null, usage: object): SseFrame[] => [
    { event: 'message_delta', data: { type: 'message_delta', delta: { stop_reason }, usage: usage as never } },
    { event: 'message_stop', data: { type: 'message_stop' } },
  ]
  const text: SseFrame[] = [
    { data: { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } } },
    { data: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'x' } } },
    { data: { type: 'content_block_stop', index: 0 } },
  ]

  it.each<[string, object, object, object]>([
    [
      'start and end',
      { input_tokens: 9, cache_read_input_tokens: 5, cache_creation_input_tokens: 2, output_tokens: 1 },
      { output_tokens: 30 },
      [9, 30, 5, 2],
    ],
    ['totals repeated at the end', { input_tokens: 9, output_tokens: 1 }, { input_tokens: 9, output_tokens: 30 }, [9, 30, 0, 0]],
    [
      'everything at the end',
      { input_tokens: 0, output_tokens: 0 },
      { input_tokens: 9, cache_read_input_tokens: 4, output_tokens: 3 },
      [9, 3, 4, 0],
    ],
    [
      'no numbers',
      { input_tokens: '9', cache_read_input_tokens: -4 },
      { input_tokens: 9.4, output_tokens: {}, cache_creation: 7 },
      [9, 0, 0, 0],
    ],
    ['lists', [], [], [0, 0, 0, 0]],
    ['nulls', { input_tokens: 9, cache_read_input_tokens: null }, { output_tokens: 0, input_tokens: null }, [9, 0, 0, 0]],
  ])('count usage once: %s', async (_name, first, last, expected) => {
    const { parts } = await exchange({ frames: [start(first), ...text, ...end('end_turn', last)] })
    const finish = parts.at(-1)
    if (finish?.type !== 'finish') throw new Error('No finish')
    const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = finish.usage
    expect([inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens]).toEqual(expected)
  })

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['refusal', 'content-filter'],
    ['pause_turn', 'other'],
    ['constructor', 'other'],
    ['tool_use', 'other'],
    ['invented_later', 'other'],
  ])('translate the stop reason %s', async (finish, reason) => {
    expect((await exchange({ text: 'a', finish })).parts.at(-1)).toMatchObject({ reason })
  })

  it('carry thinking with what must go back', async () => {
    const { parts } = await exchange({ thinking: { text: 'a b', signature: 'sig', redacted: 'closed' }, text: 'c' })
    expect(parts.slice(0, -1)).toEqual([
      { type: 'thinking-end', providerMetadata: { claude: { redacted: 'closed' } } },
      { type: 'thinking-delta', text: 'a ' },
      { type: 'thinking-delta', text: 'b' },
      { type: 'thinking-end', providerMetadata: { claude: { signature: 'sig' } } },
      { type: 'text-delta', text: 'c' },
    ])
  })

  it('put tool input together, and keep what is no JSON as text', async () => {
    const { parts } = await exchange({
      toolCalls: [
        { id: 'a', name: 'one', input: { deep: ['ü'] } },
        { id: 'b', name: 'two', inputText: '' },
        { id: 'c', name: 'three', inputText: '{"x": nope}' },
      ],
    })
    expect(parts.filter(({ type }) => type === 'tool-call')).toEqual([
      { type: 'tool-call', id: 'a', name: 'one', input: { deep: ['ü'] } },
      { type: 'tool-call', id: 'b', name: 'two', input: {} },
      { type: 'tool-call', id: 'c', name: 'three', input: {}, invalidInput: '{"x": nope}' },
    ])
    expect(parts.at(-1)).toMatchObject({ reason: 'tool-calls' })
  })

  it('leave out calls that the output limit cut off', async () => {
    const toolCalls = [
      { name: 'one', input: { a: 1 } },
      { name: 'two', inputText: '{"a": ' },
      { name: 'three', inputText: '' },
    ]
    const { parts } = await exchange({ toolCalls, finish: 'max_tokens' })
    expect(parts.filter(({ type }) => type === 'tool-call')).toMatchObject([{ name: 'one' }])
    expect(parts.at(-1)).toMatchObject({ reason: 'length' })
  })

  it('take input given whole, keep blocks of the service, and ignore what is unknown', async () => {
    const frames: SseFrame[] = [
      start({ input_tokens: 1 }),
      { data: { type: 'content_block_start', index: 0, content_block: { type: 'server_tool_use', id: 's', name: 'search', input: {} } } },
      { data: { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"q"' } } },
      { data: { type: 'content_block_stop', index: 0 } },
      { data: { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', id: 't', name: 'one', input: { a: 1 } } } },
      { data: { type: 'content_block_delta', index: 1, delta: { type: 'invented_delta' } } },
      { data: { type: 'content_block_stop', index: 1 } },
      { data: { type: 'invented_event', index: 'x' as never } },
      ...end('tool_use', { output_tokens: 2 }),
    ]
    const { parts } = await exchange({ frames })
    expect(parts).toEqual([
      {
        type: 'custom',
        kind: 'server_tool_use',
        providerMetadata: { claude: { block: { type: 'server_tool_use', id: 's', name: 'search', input: {} } } },
      },
      { type: 'tool-call-start', id: 't', name: 'one' },
      { type: 'tool-call', id: 't', name: 'one', input: { a: 1 } },
      { type: 'finish', reason: 'tool-calls', usage: { inputTokens: 1, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0 } },
    ])
  })

  it('may be a whole message from a server that does not stream', async () => {
    const message = {
      type: 'message',
      content: [
        { type: 'thinking', thinking: 't', signature: 's' },
        { type: 'text', text: 'hi' },
        { type: 'tool_use', id: 'x', name: 'one', input: { a: 1 } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 1, output_tokens: 2 },
    }
    const { parts } = await exchange({ raw: JSON.stringify(message), delivery: { contentType: 'application/json' } })
    expect(parts.map(({ type }) => type)).toEqual([
      'thinking-delta',
      'thinking-end',
      'text-delta',
      'tool-call-start',
      'tool-call',
      'finish',
    ])
  })

  it('that end without a stop reason are refused unless the message stopped', async () => {
    await expect(exchange({ frames: [start({}), ...text] })).rejects.toMatchObject({ code: 'provider-protocol' })
    await expect(exchange({ frames: [start({}), ...end(null, {}).slice(1)] })).rejects.toMatchObject({ code: 'provider-protocol' })
    expect((await exchange({ text: 'x', finish: null })).parts.at(-1)).toMatchObject({ reason: 'other' })
  })
})

it('goes through a whole tool round trip, thinking included', async () => {
  await using server = await startModelServer({
    apiKey: 'sk-test',
    answers: ({ body }) => {
      const text = JSON.stringify(body)
      if (!text.includes('tool_result')) return { thinking: 'I should deploy', toolCalls: [{ name: 'deploy', input: { to: 'prod' } }] }
      return text.includes('"thinking":"I should deploy","signature":"signed"') ? 'All is well' : 'The thinking is missing'
    },
  })
  const provider = new AnthropicProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test' })
  const request: ProviderRequest = { ...hello, tools: [tool], thinking: 'low' }
  const content: AssistantMessage['content'][number][] = []
  let thought = ''
  for await (const part of provider.doStream(request, { signal })) {
    if (part.type === 'thinking-delta') thought += part.text
    if (part.type === 'thinking-end') content.push({ ...part, type: 'thinking', text: thought })
    if (part.type === 'tool-call') content.push(part)
  }
  const results: Message = {
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId: 'call_1', name: 'deploy', content: 'done', isError: false }],
  }
  let text = ''
  const again = { ...request, messages: [...hello.messages, { role: 'assistant', content } as const, results] }
  for await (const part of provider.doStream(again, { signal })) if (part.type === 'text-delta') text += part.text
  expect(text).toBe('All is well')
})

it('lists models, page by page', async () => {
  const models = Array.from({ length: 1203 }, (_, index) => ({ id: `m${index}`, contextWindow: 1000 + index }))
  await using server = await startModelServer({ apiKey: 'sk-test', models })
  const provider = new AnthropicProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test' })
  expect(await provider.listModels({ signal })).toEqual(models)
  expect(server.requests).toHaveLength(2)
  await expect(new AnthropicProvider({ baseUrl: server.baseUrl }).listModels({ signal })).rejects.toMatchObject({ code: 'provider-auth' })
})
