import { expect, test } from 'vitest'
import { BeamClawError } from './errors.ts'
import { usageOf } from './message-check.ts'

const fail = (problem: string): Error => new BeamClawError('provider-protocol', problem)

test('a service that counts more tokens than there are is not believed, so that sums stay numbers', () => {
  const usage = { inputTokens: 1e308, outputTokens: 2 ** 53, cacheReadTokens: 7, cacheWriteTokens: 0, reasoningTokens: 1e20 }
  const taken = usageOf(usage, 'usage', fail)
  expect(taken).toMatchObject({ cacheReadTokens: 7, cacheWriteTokens: 0 })
  for (const count of Object.values(taken)) expect(Number.isSafeInteger(count * 1_000)).toBe(true)
})
