import { BeamClawError, type BeamClawErrorOptions, type Provider, silentLogger } from '@beamclaw/core'
import { collectAnswer, flushEventLoop, ManualClock, type ScriptedAnswer, ScriptedProvider } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import type { ProviderErrorCode } from '../error-policy.ts'
import { type FallbackEvent, FallbackProvider, type FallbackProviderOptions, type FallbackTarget } from './fallback-provider.ts'

function fails(code: ProviderErrorCode, about: BeamClawErrorOptions = {}): ScriptedAnswer {
  return { error: new BeamClawError(code, `It was ${code}`, about) }
}

/** A fallback over one scripted provider for each list of answers, called a, b, c …; each says its name when its script is over. */
function chain(scripts: readonly (readonly ScriptedAnswer[])[], options: Partial<FallbackProviderOptions> = {}) {
  const clock = new ManualClock()
  const events: FallbackEvent[] = []
  const providers = scripts.map((answers, index) => new ScriptedProvider({ answers, otherwise: `I am ${'abcdef'[index]}` }))
  const targets = providers.map((provider, index): FallbackTarget => ({ id: 'abcdef'[index] ?? '', provider }))
  const onFallback = (event: FallbackEvent) => void events.push(event)
  const fallback = new FallbackProvider({ targets, onFallback, services: { clock, logger: silentLogger }, ...options })
  const asked = () => providers.map(({ calls }) => calls.length)
  return { clock, events, providers, targets, fallback, asked }
}

describe('a fallback', () => {
  test('asks only the first target while that answers', async () => {
    const { fallback, asked } = chain([[], []])
    expect((await collectAnswer(fallback)).text).toBe('I am a')
    expect(asked()).toEqual([1, 0])
  })

  test.each([
    'provider-rate-limit',
    'provider-overloaded',
    'provider-auth',
    'provider-billing',
    'provider-server',
    'provider-timeout',
    'provider-network',
    'provider-protocol',
  ] as const)('moves on at once after %s', async (code) => {
    const { fallback, events } = chain([[fails(code)], []])
    expect(await collectAnswer(fallback)).toMatchObject({ text: 'I am b', error: undefined })
    expect(events).toEqual([{ failed: { target: 'a', model: 'small', code }, next: { target: 'b', model: 'small' } }])
  })

  test('does not wait for a service that asks for patience', async () => {
    const { fallback, clock } = chain([[fails('provider-rate-limit', { retryAfterMs: 3_600_000 })], []])
    expect((await collectAnswer(fallback)).text).toBe('I am b')
    expect(clock.pendingTimers).toBe(0)
    expect(clock.monotonic()).toBe(0)
  })

  test.each(['provider-bad-request', 'provider-content-filter', 'provider-aborted'] as const)('asks nobody else after %s', async (code) => {
    const { fallback, asked } = chain([[fails(code)], []])
    expect((await collectAnswer(fallback)).error?.code).toBe(code)
    expect(asked()).toEqual([1, 0])
  })

  test('follows the policy it is given', async () => {
    const policy = () => ({ tryNext: 'any', countsAgainstBreaker: false, cooldown: false }) as const
    const { fallback } = chain([[fails('provider-bad-request')], []], { policy })
    expect((await collectAnswer(fallback)).text).toBe('I am b')
  })

  test('asks each target for its own model, and otherwise for the one that was asked for', async () => {
    const [first, second] = [new ScriptedProvider({ answers: [fails('provider-server')] }), new ScriptedProvider({ answers: ['hi'] })]
    const targets = [
      { id: 'first', provider: first },
      { id: 'second', provider: second, model: 'other' },
    ]
    await collectAnswer(new FallbackProvider({ targets }), { model: 'wanted', system: 'Be brief' })
    expect(first.requests).toMatchObject([{ model: 'wanted', system: 'Be brief' }])
    expect(second.requests).toMatchObject([{ model: 'other', system: 'Be brief' }])
  })

  test('throws the last failure with all that were tried, and nothing of what they were asked', async () => {
    const late = fails('provider-server', { retryAfterMs: 5, details: { status: 503 } })
    const { fallback } = chain([[fails('provider-auth')], [fails('provider-rate-limit', { retryAfterMs: 9 })], [late]])
    const { error } = await collectAnswer(fallback, { system: 'secret' })
    expect(error).toMatchObject({ code: 'provider-server', isRetryable: true, retryAfterMs: 5, cause: { code: 'provider-server' } })
    expect(error?.details).toEqual({
      status: 503,
      tried: [
        { target: 'a', model: 'small', code: 'provider-auth' },
        { target: 'b', model: 'small', code: 'provider-rate-limit', retryAfterMs: 9 },
        { target: 'c', model: 'small', code: 'provider-server', retryAfterMs: 5 },
      ],
    })
    expect(error?.message).toBe('3 models failed, the last with: It was provider-server')
  })

  test('makes sense to repeat as soon as it does for one of those that were tried', async () => {
    const { fallback } = chain([[fails('provider-rate-limit', { retryAfterMs: 7 })], [fails('provider-auth')]])
    expect((await collectAnswer(fallback)).error).toMatchObject({ code: 'provider-auth', isRetryable: true, retryAfterMs: 7 })
    expect((await collectAnswer(chain([[fails('provider-auth')], [fails('provider-billing')]]).fallback)).error?.isRetryable).toBe(false)
  })

  test('survives a listener that throws', async () => {
    const onFallback = () => {
      throw new Error('listener')
    }
    expect((await collectAnswer(chain([[fails('provider-server')], []], { onFallback }).fallback)).text).toBe('I am b')
  })

  test('takes a provider that throws anything at all for one that failed', async () => {
    expect((await collectAnswer(chain([[{ error: new TypeError('undefined is not a function') }], []]).fallback)).text).toBe('I am b')
  })
})

describe('once something was said', () => {
  test.each([
    { type: 'text-delta', text: 'Once' },
    { type: 'thinking-delta', text: 'Hm' },
    { type: 'thinking-end', providerMetadata: { x: { redacted: 'x' } } },
    { type: 'tool-call-start', id: '1', name: 'deploy' },
    { type: 'tool-call', id: '1', name: 'deploy', input: {} },
  ] as const)('a failure after $type is thrown, and nobody else begins anew', async (part) => {
    const { fallback, asked } = chain([[{ parts: [part], error: new BeamClawError('provider-network', 'Reset') }], []])
    const { parts, error } = await collectAnswer(fallback)
    expect(parts).toEqual([part])
    expect(error).toMatchObject({ code: 'provider-network', details: { tried: [{ target: 'a' }] } })
    expect(asked()).toEqual([1, 0])
  })

  test('the target that broke off cools down all the same', async () => {
    const { fallback } = chain([
      [{ parts: [{ type: 'text-delta', text: 'half' }], error: new BeamClawError('provider-network', 'Reset') }],
      [],
    ])
    await collectAnswer(fallback)
    expect((await collectAnswer(fallback)).text).toBe('I am b')
  })
})

describe('a request that is too long', () => {
  const tooLong = fails('provider-context-overflow')

  function sized(windows: readonly (number | undefined)[]) {
    const { providers, targets, clock } = chain(windows.map((_, index) => (index === 0 ? [tooLong] : [])))
    const withWindows = targets.map((target, index) => {
      const contextWindow = windows[index]
      return contextWindow === undefined ? target : { ...target, contextWindow }
    })
    return { fallback: new FallbackProvider({ targets: withWindows, services: { clock } }), providers }
  }

  test('goes to the next target with more room', async () => {
    const { fallback, providers } = sized([100, 100, undefined, 50, 200])
    expect((await collectAnswer(fallback)).text).toBe('I am e')
    expect(providers.map(({ calls }) => calls.length)).toEqual([1, 0, 0, 0, 1])
  })

  test('goes nowhere when nobody has more room', async () => {
    const { fallback, providers } = sized([200, 200, undefined, 50])
    expect((await collectAnswer(fallback)).error?.code).toBe('provider-context-overflow')
    expect(providers.map(({ calls }) => calls.length)).toEqual([1, 0, 0, 0])
  })

  test('goes to any that says how much it holds, when the first does not', async () => {
    expect((await collectAnswer(sized([undefined, undefined, 10]).fallback)).text).toBe('I am c')
  })

  test('keeps nobody from asking the same target again', async () => {
    const { fallback } = sized([100, 200])
    await collectAnswer(fallback)
    expect((await collectAnswer(fallback)).text).toBe('I am a')
  })
})

describe('a target that failed', () => {
  test('is passed over for 30 s, then asked by one call first', async () => {
    const { fallback, clock, providers } = chain([[fails('provider-server'), { hang: true }], []])
    await collectAnswer(fallback)
    expect((await collectAnswer(fallback)).text).toBe('I am b')
    expect(fallback.inspect('small')).toMatchObject([{ target: 'a', status: 'cooling', waitMs: 30_000 }, { status: 'available' }])
    await clock.advance(30_000)
    const abort = new AbortController()
    const probe = collectAnswer(fallback, {}, abort.signal)
    await flushEventLoop()
    expect(fallback.inspect('small')).toMatchObject([{ status: 'probing', waitMs: 0 }, {}])
    expect((await collectAnswer(fallback)).text).toBe('I am b')
    abort.abort()
    expect((await probe).error?.code).toBe('provider-aborted')
    // A probe whose consumer left told nothing: the next call is the probe.
    expect((await collectAnswer(fallback)).text).toBe('I am a')
    expect(providers[0]?.calls.length).toBe(3)
    expect(fallback.inspect('small')).toMatchObject([{ status: 'available' }, { status: 'available' }])
  })

  test('is asked again by all as soon as the probe gets an answer, however long that is', async () => {
    const { fallback, clock } = chain([[fails('provider-server'), { parts: [{ type: 'text-delta', text: 'long' }], hang: true }], []])
    await collectAnswer(fallback)
    await clock.advance(30_000)
    const abort = new AbortController()
    const probe = collectAnswer(fallback, {}, abort.signal)
    await flushEventLoop()
    expect((await collectAnswer(fallback)).text).toBe('I am a')
    abort.abort()
    await probe
  })

  test('is left alone as long as it asked for, at most 10 min', async () => {
    const { fallback, clock } = chain([[fails('provider-rate-limit', { retryAfterMs: 86_400_000 })], []])
    await collectAnswer(fallback)
    await clock.advance(599_999)
    expect((await collectAnswer(fallback)).text).toBe('I am b')
    await clock.advance(1)
    expect((await collectAnswer(fallback)).text).toBe('I am a')
  })

  test('cools down for the model that failed only', async () => {
    const { fallback } = chain([[fails('provider-rate-limit')], []])
    await collectAnswer(fallback, { model: 'large' })
    expect((await collectAnswer(fallback, { model: 'small' })).text).toBe('I am a')
    expect((await collectAnswer(fallback, { model: 'large' })).text).toBe('I am b')
  })

  test('does not cool down for a call that one of ours turned away', async () => {
    const { fallback } = chain([[fails('provider-rate-limit', { details: { refusedBy: 'rate-limiter' } })], []])
    expect((await collectAnswer(fallback)).text).toBe('I am b')
    expect((await collectAnswer(fallback)).text).toBe('I am a')
  })
})

describe('when every target cools down', () => {
  const down = (retryAfterMs: number): ScriptedAnswer => fails('provider-overloaded', { retryAfterMs })

  test('the one that is due first is asked rather than failing', async () => {
    const { fallback, asked } = chain([[down(300_000)], [down(20_000)], [down(100_000)]])
    expect((await collectAnswer(fallback)).error).toBeDefined()
    expect((await collectAnswer(fallback)).text).toBe('I am b')
    expect(asked()).toEqual([1, 2, 1])
  })

  test('only that one is asked, and the next call turns to another', async () => {
    const { fallback, asked } = chain([[down(300_000)], [down(20_000), down(400_000)], [down(100_000)]])
    await collectAnswer(fallback)
    const { error } = await collectAnswer(fallback)
    expect(error?.details.tried).toMatchObject([{ target: 'b' }])
    expect(asked()).toEqual([1, 2, 1])
    expect((await collectAnswer(fallback)).text).toBe('I am c')
  })

  test('also when the last one that did not has just failed', async () => {
    const { fallback, asked } = chain([[fails('provider-server')], ['fine', fails('provider-server')]])
    await collectAnswer(fallback)
    expect((await collectAnswer(fallback)).text).toBe('I am a')
    expect(asked()).toEqual([2, 2])
  })

  test('no call is ever refused without asking somebody', async () => {
    const { fallback, providers, clock } = chain([[], [], []].map(() => Array.from({ length: 50 }, () => fails('provider-server'))))
    for (let call = 0; call < 30; call++) {
      const before = providers.reduce((sum, { calls }) => sum + calls.length, 0)
      await collectAnswer(fallback)
      expect(providers.reduce((sum, { calls }) => sum + calls.length, 0)).toBeGreaterThan(before)
      await clock.advance(call * 1_000)
    }
  })
})

describe('giving up a call', () => {
  test('stops the target that is asked, asks nobody else and blames nobody', async () => {
    const { fallback, providers, asked } = chain([[{ hang: true }], []])
    const abort = new AbortController()
    const heard = collectAnswer(fallback, {}, abort.signal)
    await flushEventLoop()
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
    expect(asked()).toEqual([1, 0])
    expect(providers[0]?.running).toBe(0)
    expect((await collectAnswer(fallback)).text).toBe('I am a')
  })

  test('before it began asks nobody', async () => {
    const { fallback, asked } = chain([[]])
    expect((await collectAnswer(fallback, {}, AbortSignal.abort())).error?.code).toBe('provider-aborted')
    expect(asked()).toEqual([0])
  })
})

describe('the models of a fallback', () => {
  const signal = new AbortController().signal

  test('are those of the first target that passes names through', async () => {
    const targets = [
      { id: 'a', provider: new ScriptedProvider({ models: [{ id: 'hidden' }] }), model: 'fixed' },
      { id: 'b', provider: new ScriptedProvider({ models: [{ id: 'small' }] }) },
    ]
    expect(await new FallbackProvider({ targets }).listModels({ signal })).toEqual([{ id: 'small' }])
  })

  test('are those the targets name when none passes names through', async () => {
    const provider = new ScriptedProvider()
    const targets = [
      { id: 'a', provider, model: 'fixed', contextWindow: 10 },
      { id: 'b', provider, model: 'fixed' },
      { id: 'b', provider, model: 'other' },
    ]
    expect(await new FallbackProvider({ targets }).listModels({ signal })).toEqual([{ id: 'fixed', contextWindow: 10 }, { id: 'other' }])
  })

  test('knows of a model what its first target knows, and what that target says itself before it', () => {
    const provider: Provider = {
      doStream: (request, options) => new ScriptedProvider().doStream(request, options),
      modelFacts: (model) => ({ contextWindow: model.length, maxOutputTokens: 2 }),
    }
    const second = { id: 'b', provider: new ScriptedProvider(), contextWindow: 3 }
    const factsOf = (first: Partial<FallbackTarget>) =>
      new FallbackProvider({ targets: [{ id: 'a', provider, ...first }, second] }).modelFacts('asked')
    expect(factsOf({})).toEqual({ contextWindow: 5, maxOutputTokens: 2 })
    expect(factsOf({ model: 'own-model' })).toEqual({ contextWindow: 9, maxOutputTokens: 2 })
    expect(factsOf({ contextWindow: 70 })).toEqual({ contextWindow: 70, maxOutputTokens: 2 })
    expect(factsOf({ provider: new ScriptedProvider() })).toEqual({})
  })
})

describe('the options of a fallback', () => {
  const provider = new ScriptedProvider()

  test.each([
    [{}, /"targets"/],
    [{ targets: [] }, /at least 1/],
    [{ targets: [{ id: 'a', provider: {} }] }, /targets\[0\].*"provider"/],
    [{ targets: [{ provider }] }, /targets\[0\].*"id"/],
    [{ targets: [{ id: 'a', provider, contextWindow: 0 }] }, /"contextWindow"/],
    [
      {
        targets: [
          { id: 'a', provider },
          { id: 'a', provider },
        ],
      },
      /targets\[1\].*unique/,
    ],
    [{ targets: [{ id: 'a', provider }], cooldown: { stepsMs: [] } }, /"stepsMs"/],
    [{ targets: [{ id: 'a', provider }], retries: 3 }, /unknown option "retries"/],
  ])('are checked when it is made: %#', (options, message) => {
    expect(() => new FallbackProvider(options as never)).toThrow(message)
  })
})
