/** What differs in the requests of services: each is sent to a server that refuses what the service refuses. */
import type { Message, ProviderRequest, ThinkingLevel, ToolDeclaration } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { type Exchange, exchange } from '../testing/round-trip.ts'
import type { ChatDialectName } from './dialects/dialect.ts'
import { OpenAiChatProvider } from './openai-chat-provider.ts'
import type { OpenAiChatProviderOptions } from './openai-options.ts'

const servers = {
  openai: 'openai-chat',
  azure: 'openai-chat',
  openrouter: 'openai-chat',
  generic: 'openai-chat',
  deepseek: 'deepseek',
  kimi: 'kimi',
  gemini: 'gemini',
  xai: 'xai',
  mistral: 'mistral',
  groq: 'groq',
  ollama: 'ollama',
  vllm: 'vllm',
  lmstudio: 'lmstudio',
  'llama-cpp': 'llama-cpp',
} as const

const tool = (name: string): ToolDeclaration => ({ name, description: name, inputSchema: { type: 'object', properties: {} } })
const tools = [tool('look'), tool('deploy')]
const hello: Message = { role: 'user', content: 'hello' }

function send(dialect: ChatDialectName, request: Partial<ProviderRequest>, options: OpenAiChatProviderOptions = {}): Promise<Exchange> {
  const make = (http: object) => new OpenAiChatProvider({ ...http, ...options, dialect })
  return exchange(servers[dialect], make, { model: 'any', messages: [hello], ...request })
}

describe('thinking', () => {
  const none = ['reasoning_effort', 'thinking', 'reasoning']

  it.each<[ChatDialectName, string, ProviderRequest['thinking'], object]>([
    ['openai', 'gpt-5.6', undefined, { reasoning_effort: 'none' }],
    ['openai', 'gpt-5.4', undefined, {}],
    ['openai', 'gpt-5.4', 'high', { reasoning_effort: 'high' }],
    ['openai', 'o3', undefined, { reasoning_effort: 'low' }],
    ['openai', 'gpt-4o', undefined, {}],
    ['azure', 'gpt-5.6', 'low', { reasoning_effort: 'low' }],
    ['openrouter', 'anthropic/claude', 'medium', { reasoning: { effort: 'medium' } }],
    ['openrouter', 'anthropic/claude', undefined, {}],
    ['deepseek', 'deepseek-flash', undefined, { thinking: { type: 'disabled' } }],
    ['deepseek', 'deepseek-v4-pro', 'medium', { thinking: { type: 'enabled' }, reasoning_effort: 'high' }],
    ['kimi', 'kimi-k3.1-pro', undefined, { reasoning_effort: 'low' }],
    ['kimi', 'kimi-k2.7-code', 'high', {}],
    ['kimi', 'kimi-k2.6', undefined, { thinking: { type: 'disabled' } }],
    ['gemini', 'gemini-2.5-flash', undefined, { reasoning_effort: 'none' }],
    ['gemini', 'models/gemini-3.5-flash', undefined, { reasoning_effort: 'minimal' }],
    ['gemini', 'gemini-3.8-flash', undefined, { reasoning_effort: 'low' }],
    ['gemini', 'gemini-3.1-pro-preview', 'high', { reasoning_effort: 'high' }],
    ['xai', 'grok-4.3', undefined, { reasoning_effort: 'none' }],
    ['xai', 'grok-4.7', undefined, { reasoning_effort: 'low' }],
    ['mistral', 'mistral-small-latest', undefined, {}],
    ['mistral', 'mistral-small-latest', 'low', { reasoning_effort: 'high' }],
    ['mistral', 'mistral-large-4', 'medium', { reasoning_effort: 'medium' }],
    ['groq', 'openai/gpt-oss-120b', undefined, { reasoning_effort: 'low' }],
    ['groq', 'qwen/qwen3.6-27b', 'high', { reasoning_effort: 'default', reasoning_format: 'parsed' }],
    ['ollama', 'qwen3', undefined, {}],
    ['ollama', 'qwen3', 'low', { reasoning_effort: 'low' }],
    ['generic', 'any', undefined, {}],
    ['generic', 'any', 'medium', { reasoning_effort: 'medium' }],
  ])('%s says to %s, which is to think %s: %j', async (dialect, model, thinking, fields) => {
    const { body, text, warnings } = await send(dialect, { model, ...(thinking === undefined ? {} : { thinking }) })
    expect(text).toBe('taken')
    expect(warnings).toEqual([])
    expect(body).toMatchObject(fields)
    for (const field of none) if (!(field in fields)) expect(body).not.toHaveProperty(field)
  })

  it.each<[ChatDialectName, string, ThinkingLevel, string]>([
    ['openai', 'gpt-4o', 'low', 'gpt-4o does not think, so it was not asked to.'],
    ['xai', 'grok-build-0.1', 'low', 'grok-build-0.1 does not think, so it was not asked to.'],
    ['gemini', 'gemma-4-31b-it', 'low', 'gemma-4-31b-it takes no level of thinking, so none was asked for.'],
    ['xai', 'grok-4.7', 'off', 'grok-4.7 always thinks, so it was asked to think as little as it can.'],
  ])('%s warns for %s that is to think %s', async (dialect, model, thinking, message) => {
    const { text, warnings } = await send(dialect, { model, thinking })
    expect(text).toBe('taken')
    expect(warnings).toEqual([{ setting: 'thinking', message }])
  })

  it('is as the user says of a model that is not known, and as the body says that the user gives', async () => {
    const known = await send('ollama', { model: 'mine' }, { models: { mine: { thinking: 'optional' } } })
    expect(known.body).toMatchObject({ reasoning_effort: 'none' })
    const never = await send('ollama', { model: 'mine', thinking: 'low' }, { models: { mine: { thinking: 'never' } } })
    expect(never.body).not.toHaveProperty('reasoning_effort')
    const template = { chat_template_kwargs: { enable_thinking: true } }
    const own = await send('vllm', { thinking: 'low' }, { extraBody: template })
    expect(own.body).toMatchObject(template)
    expect(own.body).not.toHaveProperty('reasoning_effort')
  })

  it('beside tools is left out where OpenAI has both over Responses alone, and tools are refused where it has none here', async () => {
    const both = await send('openai', { model: 'gpt-5.6-terra', thinking: 'high', tools })
    expect(both.body).toMatchObject({ reasoning_effort: 'none', tools: [{}, {}] })
    expect(both.warnings).toEqual([{ setting: 'thinking', message: expect.stringContaining("api: 'responses'") }])
    const quiet = await send('openai', { model: 'gpt-5.6-terra', tools })
    expect(quiet.body).toMatchObject({ reasoning_effort: 'none' })
    expect(quiet.warnings).toEqual([])
    const refused = send('openai', { model: 'gpt-6-astra', tools, toolChoice: 'required' })
    await expect(refused).rejects.toMatchObject({ code: 'provider-bad-request', message: expect.stringContaining("{ api: 'responses' }") })
  })
})

describe('a tool that must be called', () => {
  const named = { toolChoice: { name: 'deploy' }, tools } as const
  const only = { tools: [{ type: 'function', function: { name: 'deploy' } }] }

  it.each<[ChatDialectName, string, Partial<ProviderRequest>, object, string | undefined]>([
    ['openai', 'gpt-4o', named, { tool_choice: { type: 'function', function: { name: 'deploy' } } }, undefined],
    ['lmstudio', 'any', named, { ...only, tool_choice: 'required' }, undefined],
    ['llama-cpp', 'any', named, { ...only, tool_choice: 'required' }, undefined],
    ['kimi', 'kimi-k3', named, { ...only, tool_choice: 'required' }, undefined],
    ['kimi', 'kimi-k3', { tools, toolChoice: 'required' }, { tool_choice: 'required' }, undefined],
    ['kimi', 'kimi-k2.7-code', { tools, toolChoice: 'required' }, {}, 'kimi-k2.7-code cannot be made to call a tool while it thinks'],
    ['kimi', 'kimi-k2.6', { tools, toolChoice: 'required' }, { tool_choice: 'required' }, undefined],
    ['kimi', 'kimi-k2-thinking', named, {}, 'kimi-k2-thinking cannot be made to call a tool while it thinks'],
    ['kimi', 'kimi-k2.5', named, { tool_choice: { type: 'function' }, thinking: { type: 'disabled' } }, undefined],
    ['kimi', 'kimi-k2-0905-preview', named, { tool_choice: { type: 'function' } }, undefined],
    ['kimi', 'moonshot-v1-8k', named, { tool_choice: { type: 'function' } }, undefined],
    ['deepseek', 'deepseek-chat', { tools, toolChoice: 'required' }, { tool_choice: 'required' }, undefined],
    ['deepseek', 'deepseek-flash', named, { tool_choice: { type: 'function' } }, undefined],
    ['deepseek', 'deepseek-flash', { ...named, thinking: 'low' }, {}, 'deepseek-flash cannot be made to call a tool while it thinks'],
    ['ollama', 'any', named, only, 'Ollama cannot be made to call a tool'],
  ])('by %s, %s: %j', async (dialect, model, request, fields, warning) => {
    const { body, text, warnings } = await send(dialect, { model, ...request })
    expect(text).toBe('taken')
    expect(body).toMatchObject(fields)
    if (!('tool_choice' in fields)) expect(body).not.toHaveProperty('tool_choice')
    expect(warnings.map(({ message }) => message)).toEqual(warning === undefined ? [] : [expect.stringContaining(warning)])
  })

  it('is no tool at all for "none" where the choice is not read, and "auto" is not said to DeepSeek', async () => {
    const off = await send('ollama', { tools, toolChoice: 'none' })
    expect(off.body).not.toHaveProperty('tools')
    const auto = await send('deepseek', { model: 'deepseek-flash', tools, thinking: 'high' })
    expect(auto.body).toMatchObject({ tools: [{}, {}] })
    expect(auto.body).not.toHaveProperty('tool_choice')
  })
})

describe('a call of another service in the history', () => {
  const history: readonly Message[] = [
    hello,
    { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'look', input: {} }] },
    { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'a', name: 'look', content: 'seen', isError: false }] },
  ]

  it.each<[ChatDialectName, string]>([
    ['kimi', 'kimi-k3'],
    ['kimi', 'kimi-k2.6'],
    ['kimi', 'kimi-k2.5'],
    ['kimi', 'kimi-k2-thinking'],
    ['kimi', 'kimi-k2-0905-preview'],
    ['kimi', 'moonshot-v1-8k'],
    ['deepseek', 'deepseek-chat'],
    ['deepseek', 'deepseek-reasoner'],
    ['deepseek', 'deepseek-v4-pro'],
  ])('is taken by %s for %s, whether it is to think or not', async (dialect, model) => {
    for (const thinking of [undefined, 'low'] as const)
      expect((await send(dialect, { model, messages: history, ...(thinking === undefined ? {} : { thinking }) })).text).toBe('taken')
  })
})

describe('settings that a model refuses', () => {
  it.each<[ChatDialectName, string, Partial<ProviderRequest>, readonly string[]]>([
    ['openai', 'o3', { temperature: 0.5, topP: 0.9 }, ['temperature', 'topP']],
    ['openai', 'gpt-5.6', { temperature: 0.5, thinking: 'low' }, ['temperature']],
    ['openai', 'gpt-5.6', { temperature: 0.5 }, []],
    ['deepseek', 'deepseek-flash', { temperature: 0.5, topP: 0.9, thinking: 'low' }, ['temperature']],
    ['deepseek', 'deepseek-flash', { temperature: 0.5 }, []],
    ['kimi', 'kimi-k3', { temperature: 0.5, userId: 'u' }, ['temperature']],
    ['kimi', 'moonshot-v1-8k', { temperature: 0.5, topP: 0.9 }, []],
    ['deepseek', 'deepseek-chat', { temperature: 0.5 }, []],
    ['xai', 'grok-4.7', { stopSequences: ['END'] }, ['stopSequences']],
    ['gemini', 'gemini-3.8-flash', { userId: 'u', temperature: 0.5 }, ['userId']],
    ['mistral', 'mistral-small-latest', { userId: 'u' }, ['userId']],
    ['generic', 'any', { temperature: 0.5, topP: 0.9, stopSequences: ['END'], userId: 'u' }, []],
  ])('%s, %s: %j', async (dialect, model, request, settings) => {
    const wire = {
      temperature: 'temperature',
      topP: 'top_p',
      stopSequences: 'stop',
      userId: dialect === 'kimi' ? 'safety_identifier' : 'user',
    }
    const { body, text, warnings } = await send(dialect, { model, ...request })
    expect(text).toBe('taken')
    expect(warnings.map(({ setting }) => setting)).toEqual(settings)
    for (const [setting, field] of Object.entries(wire)) expect(field in body).toBe(setting in request && !settings.includes(setting))
  })

  it.each([
    ['openai', 'max_completion_tokens'],
    ['groq', 'max_completion_tokens'],
    ['kimi', 'max_completion_tokens'],
    ['mistral', 'max_tokens'],
    ['ollama', 'max_tokens'],
  ] as const)('%s has the output limit in %s', async (dialect, field) => {
    expect((await send(dialect, { model: 'any', maxOutputTokens: 9 })).body).toMatchObject({ [field]: 9 })
  })
})
