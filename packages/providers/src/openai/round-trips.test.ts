/** What was recorded with calls goes back together with the results, to servers that refuse what the services refuse. */
import type { AnswerPart, AssistantMessage, Message, ProviderRequest, ToolDeclaration } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import type { HttpOptions } from '../shared/http-options.ts'
import { exchange, recorded, resultsOf } from '../testing/round-trip.ts'
import type { ChatDialectName } from './dialects/dialect.ts'
import { OpenAiChatProvider } from './openai-chat-provider.ts'

const make = (dialect: ChatDialectName) => (options: HttpOptions) => new OpenAiChatProvider({ ...options, dialect })

const tools: readonly ToolDeclaration[] = ['weather', 'read', 'list_files', 'by_name'].map((name) => ({
  name,
  description: `Does ${name}`,
  inputSchema: { type: 'object', properties: {} },
}))

const asked: Message = { role: 'user', content: 'hello' }

function requestOf(model: string, more: Partial<ProviderRequest> = {}): ProviderRequest {
  return { model, messages: [asked], tools, ...more }
}

/** Returns the request that follows an answer: its calls with their results. */
function after(answer: AssistantMessage, request: ProviderRequest): ProviderRequest {
  return { ...request, messages: [asked, answer, resultsOf(answer)] }
}

/** Returns the message without what services left with it. */
function forgotten({ content }: AssistantMessage): AssistantMessage {
  return { role: 'assistant', content: content.map(({ providerMetadata: _, ...part }) => part as AnswerPart) }
}

const callOf = (id: string, name: string, args: string) => ({ id, type: 'function', function: { name, arguments: args } })

describe('an answer goes back', () => {
  it('to DeepSeek with its reasoning, which no other service gets', async () => {
    const request = requestOf('deepseek-v4-pro', { thinking: 'high' })
    const answer = await recorded('deepseek-chat-reasoning.sse', make('deepseek'), request)
    const { body, text } = await exchange('deepseek', make('deepseek'), after(answer, request))
    expect(text).toBe('taken')
    expect(body.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: null,
        tool_calls: [callOf('call_00_Ds3', 'weather', '{"city":"Köln"}')],
        reasoning_content: 'The user wants 天気.',
      },
      { role: 'tool', tool_call_id: 'call_00_Ds3', content: 'done' },
    ])
    expect((await exchange('groq', make('groq'), after(answer, requestOf('openai/gpt-oss-120b')))).text).toBe('taken')
    expect((await exchange('mistral', make('mistral'), after(answer, requestOf('mistral-small-latest')))).text).toBe('taken')
  })

  it('to DeepSeek with empty reasoning where another model called, and only while it thinks', async () => {
    const foreign: AssistantMessage = {
      role: 'assistant',
      content: [
        { type: 'thinking', text: 'Not its own', providerMetadata: { anthropic: { signature: 'x' } } },
        { type: 'thinking', text: 'Nobody’s' },
        { type: 'tool-call', id: 'a', name: 'weather', input: {} },
      ],
    }
    const thinking = after(foreign, requestOf('deepseek-flash', { thinking: 'low' }))
    const { body } = await exchange('deepseek', make('deepseek'), thinking)
    expect(body.messages[1]).toMatchObject({ reasoning_content: '' })
    const plain = await exchange('deepseek', make('deepseek'), { ...thinking, thinking: 'off' })
    expect(plain.body).toMatchObject({ thinking: { type: 'disabled' } })
    expect(plain.body.messages[1]).not.toHaveProperty('reasoning_content')
  })

  it('to Kimi with its reasoning, and with ids that other services would refuse', async () => {
    const request = requestOf('kimi-k3', { thinking: 'high' })
    const answer = await recorded('kimi-chat-tools.sse', make('kimi'), request)
    const { body, text } = await exchange('kimi', make('kimi'), after(answer, request))
    expect(text).toBe('taken')
    expect(body.messages[1]).toMatchObject({ reasoning_content: '' })
    const ids = body.messages.slice(2).map(({ tool_call_id }) => tool_call_id)
    expect(ids).toEqual(['functions_read_0', 'functions_read_1'])
    expect(body).toMatchObject({ reasoning_effort: 'high' })
  })

  it('to Gemini with the signatures of its calls, each at its own', async () => {
    const request = requestOf('gemini-3.8-flash')
    const answer = await recorded('gemini-chat-tools.sse', make('gemini'), request)
    const { body, text } = await exchange('gemini', make('gemini'), after(answer, request))
    expect(text).toBe('taken')
    expect(body.messages[1]).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [
        { ...callOf('call_297140', 'read', '{"path":"/a.md"}'), extra_content: { google: { thought_signature: 'c2lnLTE=' } } },
        callOf('call_38953', 'read', '{"path":"/b.md"}'),
      ],
    })
  })

  it('to Gemini with the word for "no signature" where another model called', async () => {
    const request = requestOf('gemini-3.8-flash')
    const answer = forgotten(await recorded('gemini-chat-tools.sse', make('gemini'), request))
    const { body, text } = await exchange('gemini', make('gemini'), after(answer, request))
    expect(text).toBe('taken')
    const [first, second] = (body.messages[1]?.tool_calls ?? []) as readonly Record<string, unknown>[]
    expect(first?.extra_content).toEqual({ google: { thought_signature: 'skip_thought_signature_validator' } })
    expect(second).not.toHaveProperty('extra_content')
    // Models that need no signature get no word for it.
    const older = await exchange('gemini', make('gemini'), { ...after(answer, request), model: 'gemini-2.5-flash' })
    expect(JSON.stringify(older.body)).not.toContain('extra_content')
  })

  it('to OpenRouter with the details of its reasoning, for models of the same maker', async () => {
    const request = requestOf('anthropic/claude-haiku-4.5', { thinking: 'low' })
    const answer = await recorded('openrouter-chat-reasoning.sse', make('openrouter'), request)
    const { body } = await exchange('openai-chat', make('openrouter'), after(answer, request))
    expect(body.messages[1]).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [callOf('toolu_bdrk_02C', 'weather', '{"city":"Berlin"}')],
      reasoning_details: [
        { type: 'reasoning.text', text: 'The user asks for Berlin.', format: 'anthropic-claude-v1', index: 0, signature: 'c2ln' },
      ],
    })
    const newer = await exchange('openai-chat', make('openrouter'), { ...after(answer, request), model: 'anthropic/claude-sonnet-5' })
    expect(newer.body.messages[1]).toHaveProperty('reasoning_details')
    const other = await exchange('openai-chat', make('openrouter'), { ...after(answer, request), model: 'openai/gpt-5' })
    expect(other.body.messages[1]).not.toHaveProperty('reasoning_details')
  })

  it('to Mistral with thinking as parts, and with ids of nine letters', async () => {
    const request = requestOf('mistral-small-latest', { thinking: 'high' })
    const thought = await recorded('mistral-chat-reasoning.sse', make('mistral'), request)
    const calls = await recorded('mistral-chat-tools.sse', make('mistral'), request)
    const foreign = await recorded('openrouter-chat-tools.sse', make('openrouter'), request)
    const messages: Message[] = [asked, thought, asked, calls, resultsOf(calls), foreign, resultsOf(foreign)]
    const { body, text } = await exchange('mistral', make('mistral'), { ...request, messages })
    expect(text).toBe('taken')
    expect(body.messages[1]).toEqual({
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'The user asks für 12².' }], closed: true },
        { type: 'text', text: '144' },
      ],
    })
    // An id that fits stays; another is made to, the same in every request.
    expect(body.messages[4]).toMatchObject({ tool_call_id: 'g6fVbXS8K' })
    const { tool_call_id: made } = body.messages[6] ?? {}
    expect(made).toMatch(/^[a-zA-Z0-9]{9}$/)
    const longer = await exchange('mistral', make('mistral'), { ...request, messages: [...messages, asked] })
    expect(longer.body.messages[6]).toEqual(body.messages[6])
  })

  it.each<[(ChatDialectName & 'groq') | 'xai' | 'ollama' | 'vllm' | 'lmstudio' | 'llama-cpp', string, string]>([
    ['groq', 'openai/gpt-oss-120b', 'groq-chat-tools.sse'],
    ['xai', 'grok-4.7', 'xai-chat-tools.sse'],
    ['ollama', 'qwen3', 'ollama-chat-tools.sse'],
    ['vllm', 'llama', 'vllm-chat-tools.sse'],
    ['lmstudio', 'qwen2.5', 'lmstudio-chat-tools.sse'],
    ['llama-cpp', 'qwen3', 'llama-cpp-chat-tools.sse'],
  ])('to %s without its thinking', async (dialect, model, file) => {
    const request = requestOf(model, { thinking: 'low' })
    const answer = await recorded(file, make(dialect), request)
    const { body, text } = await exchange(dialect, make(dialect), after(answer, request))
    expect(text).toBe('taken')
    expect(Object.keys(body.messages[1] ?? {})).toEqual(['role', 'content', 'tool_calls'])
  })
})

describe('what was lost is refused with the words of the service', () => {
  it.each([
    ['deepseek', 'deepseek-flash', 'The `reasoning_content` in the thinking mode must be passed back to the API.'],
    ['kimi', 'kimi-k3', 'thinking is enabled but reasoning_content is missing in assistant tool call message at index 1'],
    ['gemini', 'gemini-3.8-flash', 'Function call is missing a thought_signature in functionCall parts.'],
    ['mistral', 'mistral-small-latest', 'Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.'],
  ] as const)('%s', async (dialect, model, words) => {
    const answer: AssistantMessage = { role: 'assistant', content: [{ type: 'tool-call', id: 'call_1', name: 'read', input: {} }] }
    // The generic dialect sends back nothing of a service's own.
    const sent = exchange(dialect, make('generic'), after(answer, requestOf(model)))
    await expect(dialect === 'mistral' ? sent.catch(withoutUsage) : sent).rejects.toMatchObject({
      code: 'provider-bad-request',
      message: expect.stringContaining(words),
    })

    function withoutUsage(): Promise<unknown> {
      const bare = (options: HttpOptions) => new OpenAiChatProvider({ ...options, dialect: 'generic', includeUsage: false })
      return exchange(dialect, bare, after(answer, requestOf(model)))
    }
  })

  it.each([
    [{ extra_content: 'no object' }],
    [{ extra_content: null }],
    ['no object either'],
    [{ extra_content: { google: { thought_signature: 5 } } }],
    [null],
  ])('and forged metadata is no more than a refusal: %j', async (forged) => {
    const call = { type: 'tool-call', id: 'call_1', name: 'read', input: {}, providerMetadata: { recorded: forged } } as never
    const answer: AssistantMessage = {
      role: 'assistant',
      content: [{ type: 'thinking', text: 'Hm', providerMetadata: { recorded: forged } as never }, call],
      providerMetadata: { recorded: { reasoning_details: 'none', model: 5 } },
    }
    for (const [dialect, model] of [
      ['deepseek', 'deepseek-flash'],
      ['mistral', 'mistral-small-latest'],
      ['groq', 'any'],
    ] as const) {
      const outcome = await exchange(dialect, make(dialect), after(answer, requestOf(model))).then(
        ({ text }) => text,
        ({ code }: { readonly code: string }) => code,
      )
      expect(['taken', 'provider-bad-request']).toContain(outcome)
    }
  })
})
