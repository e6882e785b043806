/** Embeddings by a model of the AI SDK. */
import { BeamClawError, type EmbedAnswer, type EmbedRequest, zeroUsage } from '@beamclaw/core'
import { type FailureContext, protocolError } from '../shared/failure.ts'
import { countIn, objectOf } from '../shared/fields.ts'
import type { AiSdkEmbeddingModel, AiSdkEmbedOptions } from './ai-sdk-model.ts'

/** Resolves with an embedding for each text, in as many calls as the model needs. Throws what the model throws, and `provider-*`. */
export async function embedWith(
  model: AiSdkEmbeddingModel,
  { texts, dimensions }: EmbedRequest,
  failures: FailureContext,
  signal: AbortSignal,
): Promise<EmbedAnswer> {
  if (dimensions !== undefined && model.specificationVersion === 'v3') {
    throw new BeamClawError(
      'provider-bad-request',
      `${failures.name}: models of version 3 of the AI SDK have no common setting for dimensions; leave it out`,
    )
  }
  const limit: unknown = await model.maxEmbeddingsPerCall
  const step = typeof limit === 'number' && limit >= 1 ? Math.floor(limit) : texts.length
  const embeddings: (readonly number[])[] = []
  let tokens = 0
  for (let start = 0; start < texts.length; start += step) {
    const values = texts.slice(start, start + step).map((text) => text.toWellFormed())
    const options: AiSdkEmbedOptions = { values, abortSignal: signal, ...(dimensions === undefined ? {} : { dimensions }) }
    const answer = await model.doEmbed(options)
    const made: unknown = answer.embeddings
    if (!Array.isArray(made) || made.length !== values.length || !made.every(areNumbers)) {
      throw protocolError(failures.name, 'the answer does not have one embedding for each text', { texts: values.length })
    }
    embeddings.push(...(made as readonly (readonly number[])[]))
    tokens += countIn(objectOf(answer.usage)?.tokens)
  }
  return { embeddings, usage: { ...zeroUsage, inputTokens: tokens } }
}

function areNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => Number.isFinite(number))
}
