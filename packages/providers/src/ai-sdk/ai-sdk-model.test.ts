// The types of the AI SDK fit those that are declared here; the compiler proves it, and the models of its packages are asked at run time elsewhere.
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { EmbeddingModelV3, EmbeddingModelV4, LanguageModelV3, LanguageModelV4 } from '@ai-sdk/provider'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type { AiSdkEmbeddingModel, AiSdkModel } from './ai-sdk-model.ts'
import { AiSdkProvider, type AiSdkProviderOptions } from './ai-sdk-provider.ts'

describe('the types', () => {
  test('take the models of both versions', () => {
    expectTypeOf<LanguageModelV3>().toExtend<AiSdkModel>()
    expectTypeOf<LanguageModelV4>().toExtend<AiSdkModel>()
    expectTypeOf<EmbeddingModelV3>().toExtend<AiSdkEmbeddingModel>()
    expectTypeOf<EmbeddingModelV4>().toExtend<AiSdkEmbeddingModel>()
    expectTypeOf<{ readonly specificationVersion: 'v2' }>().not.toExtend<AiSdkModel>()
  })

  test('take the providers of the AI SDK as they are, which are functions', () => {
    const openai = createOpenAI({ apiKey: 'none' })
    const options: readonly AiSdkProviderOptions[] = [
      { model: openai, embeddingModel: openai.embedding },
      { model: createAnthropic({ apiKey: 'none' })('claude-opus-5') },
      { model: createOpenAICompatible({ name: 'local', baseURL: 'http://127.0.0.1:1' }) },
    ]
    expect(options.map((given) => typeof new AiSdkProvider(given).doStream)).toEqual(['function', 'function', 'function'])
  })
})

describe('the constructor', () => {
  test.each([
    {},
    { model: 'openai/gpt-5' },
    { model: { specificationVersion: 'v2', doStream: () => undefined } },
    { model: () => undefined, embeddingModel: {} },
    { model: () => undefined, secrets: 'one' },
    { model: () => undefined, providerOptions: 1 },
    { model: () => undefined, idleTimeoutMs: 0 },
    { model: () => undefined, baseUrl: 'http://127.0.0.1' },
  ])('refuses %j', (options) => {
    expect(() => new AiSdkProvider(options as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })

  test('offers embeddings and a list of models only where it has them', async () => {
    const model = createOpenAI({ apiKey: 'none' })
    const bare = new AiSdkProvider({ model })
    expect([bare.doEmbed, bare.listModels]).toEqual([undefined, undefined])
    const full = new AiSdkProvider({
      model,
      embeddingModel: model.embedding,
      models: { large: { contextWindow: 1_000, thinking: 'always' } },
    })
    expect(typeof full.doEmbed).toBe('function')
    expect(await full.listModels?.({ signal: new AbortController().signal })).toEqual([
      { id: 'large', contextWindow: 1_000, thinking: 'always' },
    ])
  })
})
