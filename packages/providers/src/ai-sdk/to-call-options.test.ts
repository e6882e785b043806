// The settings of a call of a model of the AI SDK.
import type { ProviderRequest } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { AiSdkProvider } from './ai-sdk-provider.ts'
import { asked, collect, finish, mockModel, streamOf } from './testing/mock-models.ts'

describe('settings', () => {
  test('are passed on, with tools and their choice', async () => {
    const inputSchema = { type: 'object', properties: { a: { type: 'number' } } } as const
    const tools = [{ name: 'add', description: 'adds', inputSchema }]
    const responseFormat = { type: 'json', name: 'sum', schema: { type: 'object' } } as const
    const call = await asked('v4', {
      ...{ system: 'Be brief.', tools, toolChoice: { name: 'add' }, responseFormat, thinking: 'high' },
      ...{ maxOutputTokens: 100, temperature: 0.5, topP: 0.9, stopSequences: ['END'] },
    })
    expect(call).toMatchObject({
      maxOutputTokens: 100,
      temperature: 0.5,
      topP: 0.9,
      stopSequences: ['END'],
      responseFormat,
      reasoning: 'high',
    })
    expect(call.tools).toEqual([{ type: 'function', name: 'add', description: 'adds', inputSchema }])
    expect(call.toolChoice).toEqual({ type: 'tool', toolName: 'add' })
    expect(call.prompt).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'hello' }] },
    ])
    expect(call.abortSignal).toBeInstanceOf(AbortSignal)
  })

  test('that a request does not have are not there', async () => {
    const { warned, ...call } = await asked('v4', { tools: [], toolChoice: 'required', stopSequences: [], thinking: 'off' })
    expect([Object.keys(call).sort(), warned]).toEqual([['abortSignal', 'prompt'], []])
  })

  test.each(['auto', 'none', 'required'] as const)('choose tools by %s', async (toolChoice) => {
    const tools = [{ name: 'add', description: 'adds', inputSchema: { type: 'object' } }]
    expect((await asked('v3', { tools, toolChoice })).toolChoice).toEqual({ type: toolChoice })
  })

  test('of a tool for OpenAI’s models of version 3 say that its schema is not strict, which these would take it for', async () => {
    const tools = [{ name: 'add', description: 'adds', inputSchema: { type: 'object' } }]
    for (const [version, provider, strict] of [
      ['v3', 'openai.responses', false],
      ['v3', 'azure.chat', false],
      ['v3', 'mock.chat', undefined],
      ['v4', 'openai.chat', undefined],
    ] as const) {
      const { model, calls } = mockModel(version, () => streamOf([finish()]), { provider })
      await collect(new AiSdkProvider({ model }), { tools })
      expect((calls[0]?.tools as readonly { readonly strict?: boolean }[] | undefined)?.[0]?.strict, `${version} ${provider}`).toBe(strict)
    }
  })

  test('of the services are those of the option, for all calls or for each', async () => {
    const openai = { openai: { serviceTier: 'flex' } }
    expect((await asked('v3', {}, { providerOptions: openai })).providerOptions).toEqual(openai)
    const byUser = ({ userId = '' }: ProviderRequest) => ({ openai: { user: userId } })
    expect((await asked('v4', { userId: 'u1' }, { providerOptions: byUser })).providerOptions).toEqual({ openai: { user: 'u1' } })
  })

  test('of version 3 have no thinking, which is told unless the option may set it', async () => {
    const call = await asked('v3', { thinking: 'low' })
    expect([call.reasoning, call.warned]).toEqual([undefined, ['thinking']])
    expect((await asked('v3', { thinking: 'low' }, { providerOptions: () => ({}) })).warned).toEqual([])
  })
})
