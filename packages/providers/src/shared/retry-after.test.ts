import { describe, expect, it } from 'vitest'
import { retryAfterMs } from './retry-after.ts'

const now = Date.parse('2026-11-21T10:00:00Z')

function wait(headers: Record<string, string>): number | undefined {
  return retryAfterMs(new Headers(headers), now, true)
}

describe('retryAfterMs', () => {
  it.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Sat, 21 Nov 2026 10:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 09:00:00 GMT' }, 0],
    [{ 'retry-after': '99999999' }, 86_400_000],
    [{ 'retry-after-ms': '120', 'retry-after': '9' }, 120],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{}, undefined],
  ])('reads %j', (headers, expected) => {
    expect(wait(headers as unknown as Record<string, string>)).toBe(expected)
  })

  it('waits for the limit that is used up, else for the first to reset', () => {
    const openAi = { 'x-ratelimit-reset-requests': '1m2.5s', 'x-ratelimit-reset-tokens': '20ms' }
    expect(wait(openAi)).toBe(20)
    expect(wait({ ...openAi, 'x-ratelimit-remaining-requests': '0' })).toBe(62_500)
    const anthropic = {
      'anthropic-ratelimit-requests-reset': '2026-11-21T10:00:01Z',
      'anthropic-ratelimit-requests-remaining': '40',
      'anthropic-ratelimit-input-tokens-reset': '2026-11-21T10:00:09Z',
      'anthropic-ratelimit-input-tokens-remaining': '0',
    }
    expect(wait(anthropic)).toBe(9000)
    expect(retryAfterMs(new Headers(anthropic), now, false)).toBe(undefined)
    expect(wait({ 'x-ratelimit-reset-requests': 'whenever', 'x-ratelimit-reset-tokens': '3' })).toBe(3000)
  })
})
