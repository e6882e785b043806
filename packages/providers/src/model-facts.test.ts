// What each provider knows of a model without asking its service, which would answer here only with an error.
import type { Provider } from '@beamclaw/core'
import { describe, expect, it } from 'vitest'
import { AiSdkProvider } from './ai-sdk/ai-sdk-provider.ts'
import { AnthropicProvider } from './anthropic/anthropic-provider.ts'
import { DemoProvider } from './demo/demo-provider.ts'
import { OpenAiChatProvider } from './openai/openai-chat-provider.ts'
import { OpenAiProvider } from './openai/openai-provider.ts'
import { OpenAiResponsesProvider } from './openai-responses/openai-responses-provider.ts'

const fetch = (): never => {
  throw new Error('a request was sent')
}
const own = { fetch, apiKey: 'sk-facts-0123456789', models: { mine: { contextWindow: 8_192 }, 'gpt-4o': { contextWindow: 5_000 } } }

describe.each<[string, Provider, string, number]>([
  ['AnthropicProvider', new AnthropicProvider(own), 'claude-sonnet-4-5', 200_000],
  ['OpenAiChatProvider', new OpenAiChatProvider(own), 'gpt-4.1', 1_047_576],
  ['OpenAiProvider', new OpenAiProvider(own), 'gpt-4.1', 1_047_576],
  ['OpenAiResponsesProvider', new OpenAiResponsesProvider(own), 'gpt-4.1', 1_047_576],
])('%s', (_, provider, model, window) => {
  it('knows the context window of its models, and of those that the user names', () => {
    expect(provider.modelFacts?.(model)).toMatchObject({ contextWindow: window })
    expect(provider.modelFacts?.('mine')).toEqual({ contextWindow: 8_192 })
    expect(provider.modelFacts?.('gpt-4o').contextWindow).toBe(5_000)
    expect(provider.modelFacts?.('a-model-of-nobody')).toEqual({})
  })

  it('tells nothing that is for its own requests only', () => {
    const known = ['contextWindow', 'maxOutputTokens', 'price', 'thinking']
    expect(Object.keys(provider.modelFacts?.(model) ?? {}).filter((field) => !known.includes(field))).toEqual([])
  })
})

it('the demo model has a window', () => {
  expect(new DemoProvider().modelFacts()).toEqual({ contextWindow: 128_000 })
})

it('AiSdkProvider knows what the user says', () => {
  const provider = new AiSdkProvider({ model: fetch, models: own.models })
  expect(provider.modelFacts('mine')).toEqual({ contextWindow: 8_192 })
  expect(provider.modelFacts('constructor')).toEqual({})
})

it('a price that is none is refused with the name of its model', () => {
  const models = { good: { price: { input: 1, output: 2 } }, 'my-model': { price: { input: 1 } as never } }
  expect(() => new AnthropicProvider({ ...own, models })).toThrow('models["my-model"].price: option "output" is required')
})
