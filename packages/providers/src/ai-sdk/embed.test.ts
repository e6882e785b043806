// Embeddings by models of the AI SDK.
import { createOpenAI } from '@ai-sdk/openai'
import { zeroUsage } from '@beamclaw/core'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { MockEmbeddingModelV3, MockEmbeddingModelV4 } from 'ai/test'
import { describe, expect, test } from 'vitest'
import type { AiSdkEmbeddingModel } from './ai-sdk-model.ts'
import { AiSdkProvider, type AiSdkProviderOptions } from './ai-sdk-provider.ts'

type Embedding = MockEmbeddingModelV4['doEmbed']

function embedder(doEmbed: Embedding, maxEmbeddingsPerCall = 100, options: Partial<AiSdkProviderOptions> = {}) {
  const embeddingModel = new MockEmbeddingModelV4({ provider: 'mock.embedding', maxEmbeddingsPerCall, doEmbed } as never)
  return providerWith(embeddingModel, options)
}

function providerWith(embeddingModel: AiSdkEmbeddingModel, options: Partial<AiSdkProviderOptions> = {}) {
  const { doEmbed } = new AiSdkProvider({ model: () => expect.unreachable('no language model'), embeddingModel, ...options })
  return (texts: readonly string[], more: { readonly dimensions?: number } = {}, signal = new AbortController().signal) =>
    doEmbed?.({ model: 'small', texts, ...more }, { signal }) ?? expect.unreachable('there are embeddings')
}

const lengths: Embedding = async ({ values }) => ({
  embeddings: values.map(({ length }) => [length, 0.5]),
  usage: { tokens: values.length * 3 },
  warnings: [],
})

describe('doEmbed', () => {
  test('embeds each text in its order, in as many calls as the model needs', async () => {
    const seen: (readonly string[])[] = []
    const embed = embedder(async (options) => {
      seen.push(options.values)
      return lengths(options)
    }, 2)
    expect(await embed(['a', 'bb', 'ccc', 'ä', 'half \ud83e'])).toEqual({
      embeddings: [
        [1, 0.5],
        [2, 0.5],
        [3, 0.5],
        [1, 0.5],
        [6, 0.5],
      ],
      usage: { ...zeroUsage, inputTokens: 15 },
    })
    expect(seen).toEqual([['a', 'bb'], ['ccc', 'ä'], ['half \ufffd']])
  })

  test('asks no model for no texts', async () => {
    expect(await embedder(() => expect.unreachable('a call'))([])).toEqual({ embeddings: [], usage: zeroUsage })
  })

  test('passes dimensions on, which version 3 does not have', async () => {
    let dimensions: number | undefined
    const embed = embedder(async (options) => {
      dimensions = options.dimensions
      return lengths(options)
    })
    await embed(['a'], { dimensions: 2 })
    expect(dimensions).toBe(2)
    const old = providerWith(new MockEmbeddingModelV3({ doEmbed: lengths as never }))
    expect(await old(['a'])).toMatchObject({ embeddings: [[1, 0.5]] })
    await expect(old(['a'], { dimensions: 2 })).rejects.toMatchObject({ code: 'provider-bad-request' })
  })

  test.each([
    {},
    { embeddings: [] },
    { embeddings: [[1]] },
    { embeddings: [[1], []] },
    { embeddings: [[1], ['x']] },
    { embeddings: [[1], [Number.NaN]] },
  ])('refuses %j for two texts', async (answer) => {
    await expect(embedder(async () => answer as never)(['a', 'b'])).rejects.toMatchObject({ code: 'provider-protocol' })
  })

  test('fails with a typed error, ends on an abort, and ends at its deadline', async () => {
    const refused = Object.assign(new Error('no'), { name: 'AI_APICallError', statusCode: 401 })
    await expect(embedder(() => Promise.reject(refused))(['a'])).rejects.toMatchObject({ code: 'provider-auth' })
    await expect(embedder(() => expect.unreachable('a call'))(['a'], {}, AbortSignal.abort())).rejects.toMatchObject({
      code: 'provider-aborted',
    })

    let given: AbortSignal | undefined
    const silent: Embedding = ({ abortSignal }) => {
      given = abortSignal
      return new Promise(() => {})
    }
    const abort = new AbortController()
    const aborted = embedder(silent)(['a'], {}, abort.signal)
    aborted.catch(() => {})
    await flushEventLoop()
    abort.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'provider-aborted' })
    expect(given?.aborted).toBe(true)

    const clock = new ManualClock()
    const late = embedder(silent, 100, { clock, totalTimeoutMs: 50 })(['a'])
    late.catch(() => {})
    await flushEventLoop()
    await clock.advance(50)
    await expect(late).rejects.toMatchObject({ code: 'provider-timeout' })
    expect(clock.pendingTimers).toBe(0)
  })

  test('reads what a package of the AI SDK makes of a service', async () => {
    const bodies: unknown[] = []
    const data = [0, 1].map((index) => ({ object: 'embedding', index, embedding: [index, 0.5] }))
    const fetch = async (_: unknown, { body }: { readonly body?: unknown } = {}): Promise<Response> => {
      bodies.push(JSON.parse(String(body)))
      return Response.json({ object: 'list', data, model: 'small', usage: { prompt_tokens: 4, total_tokens: 4 } })
    }
    const openai = createOpenAI({ apiKey: 'sk-embed-0123456789', fetch: fetch as never })
    const { doEmbed } = new AiSdkProvider({ model: openai, embeddingModel: openai.embedding })
    const answer = await doEmbed?.({ model: 'small', texts: ['a', 'b'], dimensions: 2 }, { signal: new AbortController().signal })
    expect(answer).toEqual({
      embeddings: [
        [0, 0.5],
        [1, 0.5],
      ],
      usage: { ...zeroUsage, inputTokens: 4 },
    })
    expect(bodies).toMatchObject([{ model: 'small', input: ['a', 'b'], dimensions: 2 }])
  })
})
