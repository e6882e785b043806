import { expect, it } from 'vitest'
import { OpenAiProvider } from './openai-provider.ts'

it('embeds texts, each in its place, and counts them', async () => {
  const sent: { url: string; body: unknown }[] = []
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    sent.push({ url, body: JSON.parse(String(init.body)) })
    const data = [
      { object: 'embedding', index: 1, embedding: [0.5, -1] },
      { object: 'embedding', index: 0, embedding: [0.25, 1] },
    ]
    return Response.json({ object: 'list', data, model: 'm', usage: { prompt_tokens: 7, total_tokens: 7 } })
  }
  const provider = new OpenAiProvider({ dialect: 'vllm', fetch })
  const answer = await provider.doEmbed({ model: 'm', texts: ['one', 'zwei 漢'], dimensions: 2 }, { signal: new AbortController().signal })
  expect(answer).toMatchObject({
    embeddings: [
      [0.25, 1],
      [0.5, -1],
    ],
    usage: { inputTokens: 7, outputTokens: 0 },
  })
  expect(sent).toMatchObject([
    { url: 'http://127.0.0.1:8000/v1/embeddings', body: { model: 'm', input: ['one', 'zwei 漢'], dimensions: 2 } },
  ])
})
