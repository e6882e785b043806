import { expect, test } from 'vitest'
import { wholeUsage } from './usage-rows.ts'

test.each([
  [Number.POSITIVE_INFINITY, 0],
  [Number.NaN, 0],
  [-3, 0],
  [2.6, 3],
  [2 ** 60, 100_000_000],
])('a count of %d tokens is taken for %d, so that sums stay whole numbers that JSON keeps', (count, tokens) => {
  const usage = { inputTokens: count, outputTokens: count, cacheReadTokens: count, cacheWriteTokens: count, reasoningTokens: count }
  expect(Object.values(wholeUsage(usage))).toEqual([tokens, tokens, tokens, tokens, tokens, 0])
})
