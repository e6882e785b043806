/** Reads the tokens of an answer. The AI SDK's total includes what was read from a cache and written to it; ours does not. */
import { type Usage, zeroUsage } from '@beamclaw/core'
import { countIn, objectOf } from '../shared/fields.ts'

/** Returns the usage; zero for counts that the service does not tell. */
export function toUsage(value: unknown): Usage {
  const { inputTokens, outputTokens } = objectOf(value) ?? {}
  const input = objectOf(inputTokens) ?? {}
  const output = objectOf(outputTokens) ?? {}
  const cacheReadTokens = countIn(input.cacheRead)
  const cacheWriteTokens = countIn(input.cacheWrite)
  const uncached = typeof input.noCache === 'number' ? countIn(input.noCache) : countIn(input.total) - cacheReadTokens - cacheWriteTokens
  const written = typeof output.total === 'number' ? countIn(output.total) : countIn(output.text) + countIn(output.reasoning)
  const reasoningTokens = Math.min(written, countIn(output.reasoning))
  return {
    ...zeroUsage,
    inputTokens: Math.max(0, uncached),
    outputTokens: written,
    cacheReadTokens,
    cacheWriteTokens,
    // Models that do not think say 0.
    ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
  }
}
