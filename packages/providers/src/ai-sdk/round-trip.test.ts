// What real packages of the AI SDK need back goes back, through the real core, to servers that refuse what the services refuse.
import { readFileSync } from 'node:fs'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { type AnswerPart, type AssistantMessage, BeamClaw, type JsonObject, type Message, type ProviderMetadata } from '@beamclaw/core'
import { type ModelAnswer, type ModelServer, type ModelServerOptions, startModelServer } from '@beamclaw/testkit/model-server'
import { createOpenAI as createOpenAiV3 } from 'ai-sdk-openai-v3'
import { describe, expect, test } from 'vitest'
import type { AiSdkModel } from './ai-sdk-model.ts'
import { AiSdkProvider } from './ai-sdk-provider.ts'
import { finish, mockModel, streamOf } from './testing/mock-models.ts'

const recorded = (file: string): ModelAnswer => ({ raw: readFileSync(new URL(`../../fixtures/${file}`, import.meta.url), 'utf8') })
const tools = ['weather', 'now', 'look'].map((name) => ({ name, description: 'looks', inputSchema: { type: 'object' } as const }))
const question: Message = { role: 'user', content: 'hello' }

/** Lets a model answer, sends its answer back with the results of its calls, and resolves with the answer and the second request. */
async function roundTrip(
  model: AiSdkModel,
  change: (message: AssistantMessage) => AssistantMessage = (message) => message,
): Promise<{ readonly message: AssistantMessage; readonly text: string }> {
  const provider = new AiSdkProvider({ model })
  const claw = await new BeamClaw({ providers: { sdk: provider }, agents: [{ id: 'main', model: 'sdk/x' }] }).start()
  try {
    const { message } = await claw.generate({ model: 'sdk/x', messages: [question], tools })
    const results = message.content.flatMap((part) =>
      part.type === 'tool-call'
        ? [{ type: 'tool-result', toolCallId: part.id, name: part.name, content: 'sun', isError: false } as const]
        : [],
    )
    const next: Message = results.length > 0 ? { role: 'tool', content: results } : { role: 'user', content: 'go on' }
    const { text } = await claw.generate({ model: 'sdk/x', messages: [question, change(message), next], tools })
    return { message, text }
  } finally {
    await claw.stop()
  }
}

async function served(dialect: ModelServerOptions['dialect'], answer: ModelAnswer): Promise<ModelServer> {
  return startModelServer({ answers: [answer, { text: 'Fine.' }], ...(dialect === undefined ? {} : { dialect }) })
}

const bodyOf = (server: ModelServer): JsonObject => server.requests.at(-1)?.body as JsonObject
const anthropic = (server: ModelServer): AiSdkModel =>
  createAnthropic({ baseURL: server.baseUrl, apiKey: 'sk-trip-0123456789' })('claude-opus-5')

describe('an answer of Anthropic', () => {
  const assistantOf = (server: ModelServer): unknown => (bodyOf(server).messages as readonly { readonly content: unknown }[])[1]?.content

  test('with thinking between its calls goes back block for block', async () => {
    await using server = await served('anthropic', recorded('anthropic-tools.sse'))
    expect((await roundTrip(anthropic(server))).text).toBe('Fine.')
    expect(assistantOf(server)).toMatchObject([
      { type: 'thinking', thinking: 'Two cities: Zürich first.', signature: 'ErsNCpMBfirst==' },
      { type: 'tool_use', id: 'toolu_01A', name: 'weather', input: { city: 'Zürich' } },
      { type: 'thinking', thinking: '', signature: 'ErsNCpMBsecond==' },
      { type: 'tool_use', id: 'toolu_01B', name: 'now', input: {} },
    ])
  })

  test('is refused with a signature that was changed on the way', async () => {
    await using server = await served('anthropic', recorded('anthropic-tools.sse'))
    const forged = (metadata: ProviderMetadata | undefined): ProviderMetadata =>
      JSON.parse(JSON.stringify(metadata).replace('ErsNCpMBfirst==', 'forged'))
    const change = ({ content, ...rest }: AssistantMessage): AssistantMessage => ({
      ...rest,
      content: content.map(
        (part): AnswerPart => (part.type === 'thinking' ? { ...part, providerMetadata: forged(part.providerMetadata) } : part),
      ),
    })
    await expect(roundTrip(anthropic(server), change)).rejects.toMatchObject({
      code: 'provider-bad-request',
      message: expect.stringContaining('Invalid `signature`'),
    })
  })

  test('with a search that ran at the service goes back with its encrypted result', async () => {
    await using server = await served('anthropic', recorded('anthropic-server-tools.sse'))
    const { message, text } = await roundTrip(anthropic(server))
    expect(message.content.map((part) => (part.type === 'custom' ? part.kind : part.type))).toEqual([
      // The AI SDK's own mark of where a message of Anthropic begins.
      'anthropic.message_start',
      'text',
      'tool-call',
      'tool-result',
      'text',
      'text',
    ])
    expect(text).toBe('Fine.')
    expect(assistantOf(server)).toMatchObject([
      { type: 'text', text: 'I look.' },
      { type: 'server_tool_use', id: 'srvtoolu_01A', name: 'web_search', input: { query: 'Lübeck' } },
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srvtoolu_01A',
        content: [{ url: 'https://example.com/a', encrypted_content: 'EqgCclosed==' }],
      },
      { type: 'text', text: 'It is a town' },
      { type: 'text', text: ' by the sea.' },
    ])
  })
})

describe('an answer of OpenAI’s Responses API', () => {
  test.each([
    ['v4', createOpenAI],
    ['v3', createOpenAiV3],
  ])('goes back with its encrypted thinking and its calls: %s', async (version, createModels) => {
    const answer: ModelAnswer = {
      thinking: { text: 'Both of them.', signature: 'first' },
      text: 'I will look twice.',
      toolCalls: [
        { id: 'call_1', name: 'look', input: { city: 'Zürich' } },
        { id: 'call_2', name: 'weather', input: { city: '漢字 🦀' } },
      ],
    }
    await using server = await served('openai-responses', answer)
    const openai = createModels({ baseURL: server.baseUrl, apiKey: 'sk-trip-0123456789' })
    expect(openai('gpt-5.6').specificationVersion).toBe(version)
    const store = { openai: { store: false, include: ['reasoning.encrypted_content'] } }
    const provider = new AiSdkProvider({ model: openai, providerOptions: store })
    const claw = await new BeamClaw({ providers: { sdk: provider }, agents: [{ id: 'main', model: 'sdk/gpt-5.6' }] }).start()
    const request = { model: 'sdk/gpt-5.6', tools }
    const { message } = await claw.generate({ ...request, messages: [question] })
    const results = ['call_1', 'call_2'].map(
      (id) => ({ type: 'tool-result', toolCallId: id, name: 'look', content: 'sun', isError: false }) as const,
    )
    const { text } = await claw.generate({ ...request, messages: [question, message, { role: 'tool', content: results }] })
    await claw.stop()
    expect(text).toBe('Fine.')
    const sent = (bodyOf(server).input as readonly JsonObject[]).slice(1)
    // As the server wrote it, with the word of the script inside.
    const signature = expect.stringContaining(Buffer.from('first').toString('hex'))
    expect(sent).toMatchObject([
      {
        type: 'reasoning',
        encrypted_content: signature,
        summary: [{ type: 'summary_text', text: 'Both of them.' }],
      },
      { role: 'assistant', content: expect.anything() },
      { type: 'function_call', call_id: 'call_1', name: 'look' },
      { type: 'function_call', call_id: 'call_2', name: 'weather' },
      { type: 'function_call_output', call_id: 'call_1', output: 'sun' },
      { type: 'function_call_output', call_id: 'call_2', output: 'sun' },
    ])
  })
})

describe('an answer of Chat Completions', () => {
  test.each([
    'deepseek-chat-reasoning.sse',
    'gemini-chat-tools.sse',
    'groq-chat-tools.sse',
    'mistral-chat-tools.sse',
    'vllm-chat-reasoning.sse',
  ])('%s goes back, and is taken', async (file) => {
    await using server = await served(undefined, recorded(file))
    const { message, text } = await roundTrip(createOpenAICompatible({ name: 'local', baseURL: server.baseUrl })('x'))
    expect(text).toBe('Fine.')
    const sent = (bodyOf(server).messages as readonly JsonObject[])[1]
    const calls = message.content.filter(({ type }) => type === 'tool-call')
    const thoughts = message.content.filter((part) => part.type === 'thinking').map((part) => part.text)
    expect(calls.length + thoughts.length).toBeGreaterThan(0)
    expect((sent?.tool_calls as readonly unknown[] | undefined)?.length ?? 0).toBe(calls.length)
    expect(sent?.reasoning_content ?? '').toBe(thoughts.join(''))
  })

  test('of Gemini keeps the signature of its call', async () => {
    const extra = { google: { thought_signature: 'EjQKsigned==' } }
    const call = {
      index: 0,
      id: 'function-call-1',
      type: 'function',
      function: { name: 'look', arguments: '{"city":"Zürich"}' },
      extra_content: extra,
    }
    const chunk = (delta: object, finish_reason: string | null): { readonly data: JsonObject } => ({
      data: { id: 'x', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] } as JsonObject,
    })
    const frames = [chunk({ role: 'assistant', tool_calls: [call] }, null), chunk({}, 'tool_calls'), { data: '[DONE]' }]
    await using server = await served(undefined, { frames })
    await roundTrip(createOpenAICompatible({ name: 'google', baseURL: server.baseUrl })('gemini-3'))
    expect((bodyOf(server).messages as readonly JsonObject[])[1]).toMatchObject({
      tool_calls: [{ id: 'function-call-1', extra_content: extra }],
    })
  })
})

describe('blocks that were open at once', () => {
  test('are put together by the core and sent back whole', async () => {
    const parts = [
      { type: 'reasoning-start', id: 'r' },
      { type: 'reasoning-delta', id: 'r', delta: 'one' },
      { type: 'text-start', id: 't' },
      { type: 'text-delta', id: 't', delta: 'Hello ' },
      { type: 'reasoning-delta', id: 'r', delta: ' two' },
      { type: 'text-delta', id: 't', delta: 'there' },
      { type: 'reasoning-end', id: 'r', providerMetadata: { mock: { signature: 's' } } },
      { type: 'text-end', id: 't' },
      finish(),
    ]
    const { model, calls } = mockModel('v4', () => streamOf(parts))
    await roundTrip(model as AiSdkModel)
    expect(calls[1]?.prompt[1]).toEqual({
      role: 'assistant',
      content: [
        { type: 'reasoning', text: 'one two', providerOptions: { mock: { signature: 's' } } },
        { type: 'text', text: 'Hello there' },
      ],
    })
  })
})
