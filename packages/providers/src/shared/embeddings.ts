/** Embeddings, as OpenAI's API and those that are made after it have them. */
import { type EmbedAnswer, type EmbedRequest, zeroUsage } from '@beamclaw/core'
import { protocolError } from './failure.ts'
import type { ModelService } from './model-service.ts'
import * as z from './schema.ts'
import { checkShape } from './wire-format.ts'

const wireAnswer = z.object({
  data: z.array(z.object({ index: z.nullish(z.int()), embedding: z.unknown() })),
  usage: z.nullish(z.object({ prompt_tokens: z.nullish(z.number()) })),
})

/** Resolves with an embedding for each text. Rejects with `provider-*`. */
export async function embedTexts(service: ModelService, request: EmbedRequest, signal: AbortSignal): Promise<EmbedAnswer> {
  const { model, texts, dimensions } = request
  if (texts.length === 0) return { embeddings: [], usage: zeroUsage }
  const { name } = service.failures
  const body = { model, input: texts, ...(dimensions === undefined ? {} : { dimensions }) }
  const { data, usage } = checkShape(name, wireAnswer, await service.postJson('/embeddings', body, signal))
  const embeddings: (readonly number[] | undefined)[] = texts.map(() => undefined)
  for (const [place, { index, embedding }] of data.entries()) {
    if (!areNumbers(embedding)) throw protocolError(name, 'the answer has an embedding that is no list of numbers')
    embeddings[index ?? place] = embedding
  }
  if (embeddings.length !== texts.length || !embeddings.every((embedding) => embedding !== undefined)) {
    throw protocolError(name, 'the answer does not have one embedding for each text', { texts: texts.length, embeddings: data.length })
  }
  return { embeddings, usage: { ...zeroUsage, inputTokens: Math.max(0, Math.round(usage?.prompt_tokens ?? 0)) } }
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => Number.isFinite(number))
}
