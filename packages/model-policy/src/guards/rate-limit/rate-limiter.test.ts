import { BeamClawError, type Provider, type ProviderRequest } from '@beamclaw/core'
import {
  collectAnswer,
  flushEventLoop,
  ManualClock,
  type ScriptedAnswer,
  ScriptedProvider,
  textAnswer,
  textRequest,
} from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { guarded } from '../../guarded.ts'
import { RateLimiter, type RateLimiterOptions } from './rate-limiter.ts'

function limiter(options: Partial<RateLimiterOptions> = {}, answers: readonly ScriptedAnswer[] = []) {
  const clock = new ManualClock()
  const provider = new ScriptedProvider({ answers, otherwise: 'fine' })
  const made = new RateLimiter({ id: 'acme', services: { clock }, ...options })
  const begun = () => provider.requests.map(({ model }) => model)
  return { limiter: made, limited: guarded(provider, [made]), clock, begun }
}

/** Begins calls in order; the model's name is the call's. */
function begin(limited: Provider, names: readonly string[], request: Partial<ProviderRequest> = {}) {
  return names.map((model) => {
    const abort = new AbortController()
    return { model, abort, heard: collectAnswer(limited, { ...request, model }, abort.signal) }
  })
}

const hang: ScriptedAnswer = { hang: true }

describe('a rate limiter without limits', () => {
  test('passes everything', async () => {
    const { limiter: made, limited } = limiter()
    expect((await collectAnswer(limited)).text).toBe('fine')
    expect(made.inspect()).toEqual({ running: 0, waiting: 0, requestsLeft: undefined, tokensLeft: undefined })
  })
})

describe('requests per minute', () => {
  test('begin at once while there are some, then a minute after those before, in the order they were asked', async () => {
    const { limiter: made, limited, clock, begun } = limiter({ requestsPerMinute: 2, maxWaitMs: 300_000 })
    begin(limited, ['1'])
    await clock.advance(20_000)
    begin(limited, ['2', '3', '4', '5'])
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2'])
    expect(made.inspect()).toMatchObject({ waiting: 3, requestsLeft: 0 })
    await clock.advance(39_999)
    expect(begun()).toHaveLength(2)
    await clock.advance(1)
    expect(begun()).toEqual(['1', '2', '3'])
    await clock.advance(60_000)
    expect(begun()).toEqual(['1', '2', '3', '4', '5'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('are never more than allowed in any minute, the first included', async () => {
    const { limited, clock, begun } = limiter({ requestsPerMinute: 60, maxWaitMs: 300_000 })
    begin(limited, Array(200).fill('-'))
    await clock.advance(59_999)
    expect(begun()).toHaveLength(60)
    await clock.advance(60_000)
    expect(begun()).toHaveLength(120)
  })
})

describe('calls under way', () => {
  test('are never more than allowed, and the next begins as soon as one ends', async () => {
    const { limiter: made, limited, clock, begun } = limiter({ maxConcurrent: 2 }, [hang, hang, hang])
    const [first, second] = begin(limited, ['1', '2', '3', '4'])
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2'])
    expect(made.inspect()).toMatchObject({ running: 2, waiting: 2 })
    second?.abort.abort()
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2', '3'])
    first?.abort.abort()
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2', '3', '4'])
    expect(made.inspect()).toMatchObject({ running: 1, waiting: 0 })
    expect(clock.pendingTimers).toBe(0)
  })

  test.each<[string, ScriptedAnswer]>([
    ['an answer', 'fine'],
    ['an error', { error: new BeamClawError('provider-server', 'Down') }],
    ['an answer that breaks off', { parts: [{ type: 'text-delta', text: 'half' }], error: new BeamClawError('provider-network', 'Reset') }],
    ['an answer without an end', {}],
  ])('end with %s', async (_, answer) => {
    const { limiter: made, limited } = limiter({ maxConcurrent: 1 }, [answer])
    await collectAnswer(limited)
    expect(made.inspect().running).toBe(0)
    expect((await collectAnswer(limited)).text).toBe('fine')
  })

  test('end when the consumer leaves the loop', async () => {
    const { limiter: made, limited } = limiter({ maxConcurrent: 1 }, [{ parts: [{ type: 'text-delta', text: 'half' }], hang: true }])
    for await (const _ of limited.doStream(textRequest, { signal: new AbortController().signal })) break
    expect(made.inspect().running).toBe(0)
    expect((await collectAnswer(limited)).text).toBe('fine')
  })

  test('end with the last part, though nobody asks on', async () => {
    const { limited } = limiter({ maxConcurrent: 1 })
    const parts = limited.doStream(textRequest, { signal: new AbortController().signal })
    await parts.next()
    await parts.next()
    expect((await collectAnswer(limited)).text).toBe('fine')
  })

  test('do not begin before the first part is asked for', async () => {
    const { limiter: made, limited } = limiter({ maxConcurrent: 1 })
    limited.doStream(textRequest, { signal: new AbortController().signal })
    await flushEventLoop()
    expect(made.inspect().running).toBe(0)
  })
})

describe('tokens per minute', () => {
  const estimateTokens = () => 600

  test('are set aside before a call and settled with what it used', async () => {
    const answer = { parts: textAnswer('hi', { inputTokens: 50, outputTokens: 40, cacheWriteTokens: 10, cacheReadTokens: 5_000 }) }
    const { limiter: made, limited } = limiter({ tokensPerMinute: 1_000, estimateTokens }, [answer])
    const parts = limited.doStream(textRequest, { signal: new AbortController().signal })
    await parts.next()
    expect(made.inspect().tokensLeft).toBe(400)
    await parts.next()
    expect(made.inspect().tokensLeft).toBe(900)
  })

  test('that were set aside and not used let a waiting call begin at once', async () => {
    const { limited, clock, begun } = limiter({ tokensPerMinute: 1_000, estimateTokens }, [hang])
    const [first] = begin(limited, ['1', '2'])
    await flushEventLoop()
    expect(begun()).toEqual(['1'])
    first?.abort.abort()
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2'])
    expect(clock.monotonic()).toBe(0)
  })

  test('that a call took beyond its estimate are waited for by the next', async () => {
    const {
      limiter: made,
      limited,
      clock,
      begun,
    } = limiter({ tokensPerMinute: 1_000, estimateTokens, maxWaitMs: 300_000 }, [{ parts: textAnswer('long', { outputTokens: 2_000 }) }])
    begin(limited, ['1', '2'])
    await flushEventLoop()
    expect(made.inspect()).toMatchObject({ tokensLeft: -1_000, waiting: 1 })
    await clock.advance(59_999)
    expect(begun()).toEqual(['1'])
    await clock.advance(1)
    expect(begun()).toEqual(['1', '2'])
  })

  test('of a call that is larger than a minute are waited for until a whole minute is there, not forever', async () => {
    const { limited, clock, begun } = limiter({ tokensPerMinute: 1_000, estimateTokens: ({ model }) => Number(model) }, [
      { parts: textAnswer('', { outputTokens: 500 }) },
    ])
    begin(limited, ['500', '9999'])
    await flushEventLoop()
    expect(begun()).toEqual(['500'])
    await clock.advance(60_000)
    expect(begun()).toEqual(['500', '9999'])
  })

  test.each<[string, ScriptedAnswer, number]>([
    ['that failed before it said anything: none', { error: new BeamClawError('provider-server', 'Down') }, 1_000],
    [
      'that broke off: what was sent and seen',
      { parts: [{ type: 'text-delta', text: 'x'.repeat(400) }], error: new BeamClawError('provider-network', 'Reset') },
      894,
    ],
  ])('used by a call %s', async (_, answer, left) => {
    const { limiter: made, limited } = limiter({ tokensPerMinute: 1_000, estimateTokens }, [answer])
    await collectAnswer(limited)
    expect(made.inspect().tokensLeft).toBe(left)
  })

  test('counted by a function that answers nonsense do no harm', async () => {
    const { limiter: made, limited } = limiter({ tokensPerMinute: 1_000, estimateTokens: () => Number.NaN, tokensOf: () => Number.NaN })
    await collectAnswer(limited)
    expect(made.inspect().tokensLeft).toBe(1_000)
  })
})

describe('waiting', () => {
  test('ends after maxWaitMs, saying when to come back', async () => {
    const { limiter: made, limited, clock } = limiter({ maxConcurrent: 1, maxWaitMs: 5_000 }, [hang])
    const [, second] = begin(limited, ['1', '2'])
    await clock.advance(5_000)
    expect((await second?.heard)?.error).toMatchObject({
      code: 'provider-rate-limit',
      isRetryable: true,
      retryAfterMs: 1_000,
      details: { refusedBy: 'rate-limiter', provider: 'acme' },
    })
    expect(made.inspect()).toMatchObject({ running: 1, waiting: 0 })
    expect(clock.pendingTimers).toBe(0)
  })

  test('does not even begin when the turn cannot come in time', async () => {
    const { limited, clock } = limiter({ requestsPerMinute: 1, maxWaitMs: 59_999 })
    await collectAnswer(limited)
    expect((await collectAnswer(limited)).error).toMatchObject({ code: 'provider-rate-limit', retryAfterMs: 60_000 })
    expect(clock.monotonic()).toBe(0)
  })

  test('does not begin when those before it leave no turn in time, and they keep theirs', async () => {
    const { limited, clock, begun } = limiter({ requestsPerMinute: 1 })
    const [, , hopeless] = begin(limited, ['1', '2', '3'])
    expect((await hopeless?.heard)?.error).toMatchObject({ code: 'provider-rate-limit', retryAfterMs: 120_000 })
    expect(clock.monotonic()).toBe(0)
    await clock.advance(60_000)
    expect(begun()).toEqual(['1', '2'])
  })

  test('is refused when too many wait', async () => {
    const { limiter: made, limited } = limiter({ requestsPerMinute: 1, maxQueue: 2, maxWaitMs: 300_000 })
    const [, , , fourth] = begin(limited, ['1', '2', '3', '4'])
    expect((await fourth?.heard)?.error).toMatchObject({ code: 'provider-rate-limit', retryAfterMs: 180_000 })
    expect(made.inspect().waiting).toBe(2)
  })

  test('is foretold from those who still wait', async () => {
    const estimateTokens = ({ model }: ProviderRequest) => Number(model)
    const { limited, clock } = limiter({ tokensPerMinute: 1_000, estimateTokens, maxQueue: 1, maxWaitMs: 300_000 }, [
      { parts: textAnswer('', { outputTokens: 1_000 }) },
      hang,
      hang,
    ])
    begin(limited, ['1000', '500'])
    await clock.advance(30_000)
    begin(limited, ['250'])
    await flushEventLoop()
    expect((await collectAnswer(limited, { model: '250' })).error?.retryAfterMs).toBe(30_000)
  })

  test('is not done at all when maxWaitMs is 0', async () => {
    const { limited } = limiter({ maxConcurrent: 1, maxWaitMs: 0 }, [hang])
    const [, second] = begin(limited, ['1', '2'])
    expect((await second?.heard)?.error?.code).toBe('provider-rate-limit')
  })

  test('ends when it is aborted, and the next moves up', async () => {
    const { limited, clock, begun } = limiter({ requestsPerMinute: 1, maxWaitMs: 300_000 })
    const [, second] = begin(limited, ['1', '2', '3'])
    await flushEventLoop()
    second?.abort.abort()
    expect((await second?.heard)?.error?.code).toBe('provider-aborted')
    await clock.advance(60_000)
    expect(begun()).toEqual(['1', '3'])
  })

  test('ends when the consumer leaves while it waits', async () => {
    const { limiter: made, limited } = limiter({ maxConcurrent: 1 }, [hang])
    begin(limited, ['1'])
    await flushEventLoop()
    const parts = limited.doStream(textRequest, { signal: new AbortController().signal })
    const waiting = expect(parts.next()).rejects.toMatchObject({ code: 'provider-aborted' })
    await flushEventLoop()
    expect(made.inspect().waiting).toBe(1)
    await parts.return?.()
    await waiting
    expect(made.inspect()).toMatchObject({ running: 1, waiting: 0 })
  })

  test('of a large call that is given up lets a small one behind it begin', async () => {
    const estimateTokens = ({ model }: ProviderRequest) => Number(model)
    const { limited, begun } = limiter({ tokensPerMinute: 1_000, estimateTokens, maxWaitMs: 300_000 }, [hang])
    const [, large] = begin(limited, ['700', '900', '200'])
    await flushEventLoop()
    expect(begun()).toEqual(['700'])
    large?.abort.abort()
    await flushEventLoop()
    expect(begun()).toEqual(['700', '200'])
  })

  test('is shared fairly between keys: a busy one does not hold up the others', async () => {
    const { limited, clock, begun } = limiter({ requestsPerMinute: 60, maxWaitMs: 300_000, keyOf: ({ userId }) => userId })
    begin(limited, Array(60).fill('-'))
    begin(limited, ['a1', 'a2', 'a3', 'a4'], { userId: 'a' })
    begin(limited, ['b1', 'b2'], { userId: 'b' })
    begin(limited, ['c1'])
    await clock.advance(60_000)
    expect(begun().slice(60)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4'])
  })
})

describe('the options of a rate limiter', () => {
  test.each([
    [{ requestsPerMinute: 0 }, /"requestsPerMinute"/],
    [{ maxConcurrent: 1.5 }, /"maxConcurrent"/],
    [{ keyOf: 'user' }, /"keyOf" must be a function/],
    [{ rpm: 3 }, /unknown option "rpm"/],
  ])('are checked when it is made: %#', (options, message) => {
    expect(() => new RateLimiter(options as never)).toThrow(message)
  })

  test('are none when nothing is said', () => {
    expect(new RateLimiter().inspect()).toEqual({ running: 0, waiting: 0, requestsLeft: undefined, tokensLeft: undefined })
  })
})

describe('other limits', () => {
  test('let in at once who waits and now may', async () => {
    const { limiter: made, limited, clock, begun } = limiter({ maxConcurrent: 1 }, [hang, hang, hang])
    begin(limited, ['1', '2', '3'])
    await flushEventLoop()
    expect(begun()).toEqual(['1'])
    made.setLimits({ maxConcurrent: 2 })
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2'])
    made.setLimits({})
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2', '3'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('hold back who comes later, and do not forget what the minute has used', async () => {
    const { limiter: made, limited, clock, begun } = limiter({ requestsPerMinute: 4, maxWaitMs: 300_000 })
    begin(limited, ['1', '2', '3'])
    await flushEventLoop()
    made.setLimits({ requestsPerMinute: 2 })
    begin(limited, ['4', '5'])
    await flushEventLoop()
    expect(begun()).toEqual(['1', '2', '3'])
    await clock.advance(59_999)
    expect(begun()).toHaveLength(3)
    await clock.advance(1)
    expect(begun()).toHaveLength(5)
  })

  test.each([{ maxConcurrent: 0 }, { requestsPerMinute: 1.5 }, { tokensPerMinute: '9' as never }, { perMinute: 3 } as never])(
    'that make no sense are refused, and the old ones stay: %j',
    (limits) => {
      const { limiter: made } = limiter({ requestsPerMinute: 4 })
      expect(() => made.setLimits(limits)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
      expect(made.inspect().requestsLeft).toBe(4)
    },
  )
})
