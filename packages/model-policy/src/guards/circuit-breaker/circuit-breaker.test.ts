import { BeamClawError, silentLogger } from '@beamclaw/core'
import { collectAnswer, flushEventLoop, ManualClock, type ScriptedAnswer, ScriptedProvider, textRequest } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import type { ProviderErrorCode } from '../../error-policy.ts'
import { guarded } from '../../guarded.ts'
import { CircuitBreaker, type CircuitBreakerOptions, type CircuitChange } from './circuit-breaker.ts'

const down: ScriptedAnswer = { error: new BeamClawError('provider-server', 'Down') }
const half = { type: 'text-delta', text: 'half' } as const

function breaker(answers: readonly ScriptedAnswer[], options: Partial<CircuitBreakerOptions> = {}) {
  const clock = new ManualClock()
  const provider = new ScriptedProvider({ answers, otherwise: 'fine' })
  const changes: CircuitChange[] = []
  const onStateChange = (change: CircuitChange) => void changes.push(change)
  const made = new CircuitBreaker({ id: 'acme', onStateChange, services: { clock, logger: silentLogger }, ...options })
  const states = () => changes.map(({ model, to }) => `${model} ${to}`)
  return { breaker: made, asked: guarded(provider, [made]), clock, provider, changes, states }
}

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < count; time++) await work()
}

describe('a circuit breaker', () => {
  test('passes calls and answers while all goes well, and remembers nothing', async () => {
    const { breaker: made, asked, provider } = breaker(['hello'])
    expect((await collectAnswer(asked)).text).toBe('hello')
    expect(provider.requests).toEqual([textRequest])
    expect(made.inspect('small')).toEqual({ state: 'closed', failures: 0 })
    expect(made.models).toEqual([])
  })

  test('passes the error on as it is, and asks the service no more after five in 30 s', async () => {
    const { asked, provider } = breaker(Array(5).fill(down))
    await times(5, async () => expect((await collectAnswer(asked)).error).toMatchObject({ code: 'provider-server', message: 'Down' }))
    const { error } = await collectAnswer(asked)
    expect(error).toMatchObject({ code: 'provider-overloaded', isRetryable: true, retryAfterMs: 30_000 })
    expect(error?.details).toEqual({ refusedBy: 'circuit-breaker', provider: 'acme', model: 'small' })
    expect(provider.calls).toHaveLength(5)
  })

  test('forgets failures that are more than 30 s ago', async () => {
    const { breaker: made, asked, clock } = breaker(Array(5).fill(down))
    await times(4, () => collectAnswer(asked))
    await clock.advance(30_000)
    await collectAnswer(asked)
    expect(made.inspect('small')).toEqual({ state: 'closed', failures: 1 })
  })

  test('probes after 30 s with one call, and tells who asks meanwhile to come back', async () => {
    const { breaker: made, asked, clock, provider, states } = breaker([...Array(5).fill(down), { hang: true }, 'back'])
    await times(5, () => collectAnswer(asked))
    await clock.advance(30_000)
    expect(made.inspect('small').state).toBe('halfOpen')
    const abort = new AbortController()
    const probe = collectAnswer(asked, {}, abort.signal)
    await flushEventLoop()
    expect((await collectAnswer(asked)).error).toMatchObject({ code: 'provider-overloaded', retryAfterMs: 1_000 })
    expect(provider.running).toBe(1)
    abort.abort()
    await probe
    expect((await collectAnswer(asked)).text).toBe('back')
    expect(states()).toEqual(['small open', 'small halfOpen', 'small closed'])
  })

  test('closes with the first part of the probe, however long the rest takes', async () => {
    const { asked, clock } = breaker([...Array(5).fill(down), { parts: [half], hang: true }])
    await times(5, () => collectAnswer(asked))
    await clock.advance(30_000)
    const abort = new AbortController()
    const probe = collectAnswer(asked, {}, abort.signal)
    await flushEventLoop()
    expect((await collectAnswer(asked)).text).toBe('fine')
    abort.abort()
    await probe
  })

  test('stays open for another 30 s when the probe fails', async () => {
    const { asked, clock, states } = breaker(Array(6).fill(down))
    await times(5, () => collectAnswer(asked))
    await clock.advance(30_000)
    await collectAnswer(asked)
    await clock.advance(29_999)
    expect((await collectAnswer(asked)).error).toMatchObject({ code: 'provider-overloaded', retryAfterMs: 1 })
    await clock.advance(1)
    expect((await collectAnswer(asked)).text).toBe('fine')
    expect(states()).toEqual(['small open', 'small halfOpen', 'small open', 'small halfOpen', 'small closed'])
  })

  test('closes when the service finds fault with the probe: it is there', async () => {
    const {
      breaker: made,
      asked,
      clock,
    } = breaker([...Array(5).fill(down), { error: new BeamClawError('provider-bad-request', 'No such model') }])
    await times(5, () => collectAnswer(asked))
    await clock.advance(30_000)
    await collectAnswer(asked)
    expect(made.inspect('small').state).toBe('closed')
  })

  test('learns nothing from a probe that one of ours turned away', async () => {
    const refusal = { error: new BeamClawError('provider-rate-limit', 'No room', { details: { refusedBy: 'rate-limiter' } }) }
    const { breaker: made, asked, clock } = breaker([...Array(5).fill(down), refusal])
    await times(5, () => collectAnswer(asked))
    await clock.advance(30_000)
    await collectAnswer(asked)
    expect(made.inspect('small').state).toBe('halfOpen')
    expect((await collectAnswer(asked)).text).toBe('fine')
  })

  test.each(['provider-server', 'provider-timeout', 'provider-network', 'provider-overloaded', 'provider-protocol'] as const)(
    'counts %s',
    async (code: ProviderErrorCode) => {
      const { breaker: made, asked } = breaker([{ error: new BeamClawError(code, 'Failed') }])
      await collectAnswer(asked)
      expect(made.inspect('small').failures).toBe(1)
    },
  )

  test.each([
    'provider-rate-limit',
    'provider-auth',
    'provider-billing',
    'provider-context-overflow',
    'provider-bad-request',
    'provider-content-filter',
    'provider-aborted',
  ] as const)('does not count %s', async (code: ProviderErrorCode) => {
    const { breaker: made, asked } = breaker([{ error: new BeamClawError(code, 'Failed') }])
    await collectAnswer(asked)
    expect(made.inspect('small').failures).toBe(0)
  })

  test('counts an answer that breaks off midway', async () => {
    const { breaker: made, asked } = breaker([{ parts: [half], error: new BeamClawError('provider-network', 'Reset') }, { parts: [half] }])
    await times(2, () => collectAnswer(asked))
    expect(made.inspect('small').failures).toBe(2)
  })

  test('does not count a call that its consumer left or aborted', async () => {
    const { breaker: made, asked } = breaker([{ parts: [half], hang: true }, { hang: true }])
    for await (const _ of asked.doStream(textRequest, { signal: new AbortController().signal })) break
    const abort = new AbortController()
    const heard = collectAnswer(asked, {}, abort.signal)
    await flushEventLoop()
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
    expect(made.inspect('small').failures).toBe(0)
    expect(made.models).toEqual([])
  })

  test('gives each model a circuit of its own', async () => {
    const { asked } = breaker(Array(5).fill(down))
    await times(5, () => collectAnswer(asked, { model: 'large' }))
    expect((await collectAnswer(asked, { model: 'large' })).error?.code).toBe('provider-overloaded')
    expect((await collectAnswer(asked, { model: 'small' })).text).toBe('fine')
  })

  test('does not keep models that failed long ago', async () => {
    const { breaker: made, asked, clock } = breaker(Array(1_000).fill(down))
    for (let model = 0; model < 1_000; model++) await collectAnswer(asked, { model: `model-${model}` })
    expect(made.models).toHaveLength(1_000)
    await clock.advance(30_000)
    await collectAnswer(asked)
    expect(made.models).toEqual([])
  })

  test('counts by the policy and the numbers it is given', async () => {
    const policy = () => ({ tryNext: 'none', countsAgainstBreaker: true, cooldown: false }) as const
    const answers = [{ error: new BeamClawError('provider-rate-limit', 'Slow down') }]
    const { asked, clock } = breaker(answers, { policy, failureThreshold: 1, openMs: 7 })
    await collectAnswer(asked)
    expect((await collectAnswer(asked)).error?.retryAfterMs).toBe(7)
    await clock.advance(7)
    expect((await collectAnswer(asked)).text).toBe('fine')
  })

  test('survives a listener that throws', async () => {
    const onStateChange = () => {
      throw new Error('listener')
    }
    const { breaker: made, asked } = breaker([down], { failureThreshold: 1, onStateChange })
    expect((await collectAnswer(asked)).error?.message).toBe('Down')
    expect(made.inspect('small').state).toBe('open')
  })

  test.each([
    [{ failureThreshold: 0 }, /"failureThreshold".*at least|"failureThreshold".*from 1/],
    [{ openMs: 1.5 }, /"openMs"/],
    [{ treshold: 3 }, /unknown option "treshold"/],
  ])('checks its options when it is made: %#', (options, message) => {
    expect(() => new CircuitBreaker(options as never)).toThrow(message)
  })
})
