import type { ModelInfo } from '@beamclaw/core'
import { expect, it } from 'vitest'
import type { ChatDialectName } from './dialects/dialect.ts'
import { OpenAiChatProvider } from './openai-chat-provider.ts'
import type { OpenAiChatProviderOptions } from './openai-options.ts'

/** Returns the models that a provider lists for answers of `GET /models`, and the addresses that it asked. */
async function list(dialect: ChatDialectName, answers: readonly unknown[], options: OpenAiChatProviderOptions = {}) {
  const urls: string[] = []
  const fetch = async (url: string): Promise<Response> => {
    urls.push(url)
    return Response.json(answers[urls.length - 1])
  }
  const provider = new OpenAiChatProvider({
    dialect,
    baseUrl: 'https://models.example/v1',
    apiKey: 'sk-list-0123456789',
    fetch,
    ...options,
  })
  const models: readonly ModelInfo[] = await provider.listModels({ signal: new AbortController().signal })
  return { models, urls }
}

it.each<[ChatDialectName, object, ModelInfo]>([
  [
    'openrouter',
    {
      id: 'a/b',
      context_length: 200_000,
      top_provider: { context_length: 200_000, max_completion_tokens: 64_000, is_moderated: false },
      pricing: { prompt: '0.0000003', completion: '0.0000025', request: '0', input_cache_read: '0.00000003', input_cache_write: '' },
    },
    { id: 'a/b', contextWindow: 200_000, maxOutputTokens: 64_000, price: { input: 0.3, output: 2.5, cacheRead: 0.03 } },
  ],
  ['openrouter', { id: 'openrouter/auto', context_length: 0, pricing: { prompt: '-1', completion: '-1' } }, { id: 'openrouter/auto' }],
  [
    'groq',
    { id: 'openai/gpt-oss-20b', context_window: 131_072, max_completion_tokens: 65_000 },
    {
      id: 'openai/gpt-oss-20b',
      contextWindow: 131_072,
      maxOutputTokens: 65_000,
      price: { input: 0.075, output: 0.3, cacheRead: 0.0375 },
      thinking: 'always',
    },
  ],
  ['vllm', { id: 'mine', max_model_len: 32_768 }, { id: 'mine', contextWindow: 32_768 }],
  [
    'mistral',
    { id: 'codestral-2508', max_context_length: 200_000 },
    { id: 'codestral-2508', contextWindow: 200_000, price: { input: 0.3, output: 0.9, cacheRead: 0.03 }, thinking: 'never' },
  ],
  ['gemini', { id: 'models/gemma-9' }, { id: 'gemma-9', contextWindow: 262_144, maxOutputTokens: 32_768 }],
  [
    'deepseek',
    { id: 'deepseek-flash' },
    {
      id: 'deepseek-flash',
      contextWindow: 1_048_576,
      maxOutputTokens: 384_000,
      price: { input: 0.15, output: 0.6, cacheRead: 0.003 },
      thinking: 'optional',
    },
  ],
  ['generic', { id: 'x', context_length: 'many', pricing: 'free', top_provider: 5 }, { id: 'x' }],
])('%s lists %j', async (dialect, listed, model) => {
  expect((await list(dialect, [{ object: 'list', data: [listed] }])).models).toEqual([model])
})

it('what the user says of a model counts more than what its service says', async () => {
  const { models } = await list('vllm', [{ data: [{ id: 'mine', max_model_len: 32_768 }] }], {
    models: { mine: { contextWindow: 8_000, thinking: 'never' } },
  })
  expect(models).toEqual([{ id: 'mine', contextWindow: 8_000, thinking: 'never' }])
})

it('reads all pages, each from the same server', async () => {
  const { models, urls } = await list('openrouter', [
    { data: [{ id: 'a' }], links: { next: 'https://elsewhere.example/api/v1/models?offset=1' } },
    { data: [{ id: 'b' }], links: { next: null } },
  ])
  expect(models.map(({ id }) => id)).toEqual(['a', 'b'])
  expect(urls).toEqual(['https://models.example/v1/models', 'https://models.example/v1/models?offset=1'])
})

it('does not follow pages for ever', async () => {
  const pages = Array.from({ length: 60 }, (_, index) => ({ data: [{ id: `m${index}` }], links: { next: '?again' } }))
  expect((await list('openrouter', pages)).urls.length).toBe(50)
})

it('asks LM Studio for the list that tells how much of its context a model was loaded with, and older servers for the usual one', async () => {
  const told = { object: 'list', data: [{ id: 'mine', state: 'loaded', max_context_length: 131_072, loaded_context_length: 8_192 }] }
  const { models, urls } = await list('lmstudio', [told])
  expect(models).toEqual([{ id: 'mine', contextWindow: 8_192 }])
  expect(urls.map((url) => new URL(url).href)).toEqual(['https://models.example/api/v0/models'])
  const older = await list('lmstudio', [{ error: 'Unexpected endpoint or method. (GET /api/v0/models)' }, { data: [{ id: 'mine' }] }])
  expect(older.models).toEqual([{ id: 'mine' }])
  expect(older.urls.at(-1)).toBe('https://models.example/v1/models')
})
