/** Counts the tokens of an answer, which services report in several places and ways. */
import type { Usage } from '@beamclaw/core'
import type { ChatDialect } from './dialects/dialect.ts'
import type { OpenAiChunk, OpenAiUsage } from './openai-api.ts'

/** Returns the usage in a chunk, wherever it stands: at the top, at Groq also below `x_groq`, at Kimi also in the choice. */
export function usageIn({ usage, x_groq, choices }: OpenAiChunk): OpenAiUsage | undefined {
  return usage ?? x_groq?.usage ?? choices?.[0]?.usage ?? undefined
}

/** Returns the tokens of an answer. `prompt_tokens` counts cached tokens too, as ours do not. */
export function usageOf(usage: OpenAiUsage, counted: ChatDialect['reasoningTokens']): Usage {
  const prompt = count(usage.prompt_tokens)
  const completion = count(usage.completion_tokens)
  const given = usage.completion_tokens_details?.reasoning_tokens
  const cacheReadTokens = count(usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens)
  const cacheWriteTokens = count(usage.prompt_tokens_details?.cache_write_tokens)
  // Where thinking is counted beside, the total tells how much, also of thinking that is not itemised.
  const total = count(usage.total_tokens)
  const beside = counted === 'inside' ? 0 : total > 0 ? Math.max(0, total - prompt - completion) : count(given)
  const reasoningTokens = counted === 'beside' ? beside : given === undefined || given === null ? undefined : count(given)
  return {
    inputTokens: Math.max(0, prompt - cacheReadTokens - cacheWriteTokens),
    outputTokens: completion + beside,
    cacheReadTokens,
    cacheWriteTokens,
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  }
}

function count(value: number | null | undefined): number {
  return value !== undefined && value !== null && value > 0 ? Math.round(value) : 0
}
