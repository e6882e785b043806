import { BeamClawError, silentLogger } from '@beamclaw/core'
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
import { guarded } from './guarded.ts'
import { CircuitBreaker } from './guards/circuit-breaker/circuit-breaker.ts'
import { RateLimiter } from './guards/rate-limit/rate-limiter.ts'
import { UsageLedger } from './guards/usage/usage-ledger.ts'
import type { CallEnding, ModelGuard } from './model-guard.ts'

const half = { type: 'text-delta', text: 'half' } as const

function watched(answer: ScriptedAnswer, abort = new AbortController()) {
  const provider = new ScriptedProvider({ answers: [answer] })
  const endings: CallEnding[] = []
  const watch: ModelGuard = { enter: () => ({ onEnd: (ending) => endings.push(ending) }) }
  const stream = guarded(provider, [watch]).doStream(textRequest, { signal: abort.signal })
  return { provider, endings, stream, abort }
}

async function drain(stream: AsyncIterable<unknown>): Promise<unknown> {
  try {
    for await (const _ of stream) void _
    return undefined
  } catch (error) {
    return error
  }
}

describe('a watched call', () => {
  test('has finished as soon as its last part is there, though nobody asks on', async () => {
    const { stream, endings } = watched({ parts: textAnswer('hi', { outputTokens: 3 }) })
    await stream.next()
    expect(endings).toEqual([])
    await stream.next()
    expect(endings).toMatchObject([{ type: 'finished', usage: { outputTokens: 3 } }])
    await stream.return?.()
    expect(endings).toHaveLength(1)
  })

  test('has failed with the error of the provider', async () => {
    const error = new BeamClawError('provider-server', 'Down')
    const { stream, endings } = watched({ parts: [half], error })
    expect(await drain(stream)).toBe(error)
    expect(endings).toEqual([{ type: 'failed', error }])
  })

  test('has failed when the answer ends without saying why', async () => {
    const { stream, endings } = watched({ parts: [half] })
    expect(await drain(stream)).toMatchObject({ code: 'provider-protocol' })
    expect(endings).toMatchObject([{ type: 'failed', error: { code: 'provider-protocol' } }])
  })

  test('keeps its answer when something breaks after the last part', async () => {
    const { stream, endings } = watched({ parts: textAnswer('hi'), error: new BeamClawError('provider-network', 'Reset') })
    expect(await drain(stream)).toBeUndefined()
    expect(endings).toMatchObject([{ type: 'finished' }])
  })

  test('keeps its answer when the provider fails to clean up', async () => {
    const { stream } = watched(async function* () {
      try {
        yield* textAnswer('hi')
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: this is what a careless provider does.
        throw new Error('socket')
      }
    })
    expect(await drain(stream)).toBeUndefined()
  })

  test('leaves nothing behind on a signal that outlives it', async () => {
    const abort = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = abort.signal
    abort.signal.addEventListener = (...given: unknown[]) => {
      listeners++
      addEventListener.apply(abort.signal, given as Parameters<typeof addEventListener>)
    }
    abort.signal.removeEventListener = (...given: unknown[]) => {
      listeners--
      removeEventListener.apply(abort.signal, given as Parameters<typeof removeEventListener>)
    }
    for (const answer of ['hi', { parts: [half] }, { error: new BeamClawError('provider-server', 'Down') }]) {
      await drain(watched(answer, abort).stream)
    }
    for await (const _ of watched({ parts: [half], hang: true }, abort).stream) break
    expect(listeners).toBe(0)
  })

  test('shows nothing of a foreign error but its kind, and keeps it as the cause', async () => {
    const foreign = new TypeError('fetch failed with key sk-secret')
    const error = await drain(watched({ error: foreign }).stream)
    expect(error).toMatchObject({ code: 'provider-protocol', cause: foreign })
    expect(String(error)).toContain('TypeError')
    expect(String(error)).not.toContain('secret')
  })

  test('is abandoned when its consumer leaves', async () => {
    const { stream, endings, provider } = watched({ parts: [half], hang: true })
    for await (const _ of stream) break
    expect(endings).toEqual([{ type: 'abandoned' }])
    await flushEventLoop()
    expect(provider.calls).toMatchObject([{ status: 'left' }])
  })

  test('is abandoned at once when its consumer leaves while a part is awaited', async () => {
    const { stream, endings, provider } = watched({ hang: true })
    const waiting = stream.next()
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'provider-aborted' })
    await flushEventLoop()
    await stream.return?.()
    await outcome
    expect(endings).toEqual([{ type: 'abandoned' }])
    expect(provider.running).toBe(0)
  })

  test('is abandoned when it is aborted, whatever the provider throws then', async () => {
    const { stream, endings, abort } = watched(async function* (_, { signal }) {
      yield half
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      throw new Error('socket closed')
    })
    const error = drain(stream)
    await flushEventLoop()
    abort.abort()
    expect(await error).toMatchObject({ code: 'provider-aborted' })
    expect(endings).toEqual([{ type: 'abandoned' }])
  })

  test.each(['abort', 'leave'])('is abandoned at once on %s, also by a provider that does not listen', async (how) => {
    const { stream, endings, abort } = watched(async function* () {
      yield half
      await new Promise(() => {})
    })
    await stream.next()
    const waiting = expect(stream.next()).rejects.toMatchObject({ code: 'provider-aborted' })
    await flushEventLoop()
    if (how === 'abort') abort.abort()
    else await stream.return?.()
    await waiting
    expect(endings).toEqual([{ type: 'abandoned' }])
  })

  test('is left at once by a consumer that breaks off, also where the provider never finishes to clean up', async () => {
    const { stream, endings } = watched(async function* () {
      try {
        yield half
      } finally {
        await new Promise(() => {})
      }
    })
    for await (const _ of stream) break
    expect(endings).toEqual([{ type: 'abandoned' }])
  })

  test('does not reach the provider when nobody asks for a part', async () => {
    const { stream, endings, provider } = watched('hi')
    await stream.return?.()
    expect(provider.calls).toEqual([])
    expect(endings).toEqual([])
  })
})

/** A guard that writes down what it is told. */
function scribe(name: string, told: string[], enter?: () => void | Promise<void>): ModelGuard {
  return {
    async enter() {
      told.push(`${name} asked`)
      await enter?.()
      return { onPart: ({ type }) => told.push(`${name} ${type}`), onEnd: ({ type }) => told.push(`${name} ${type}`) }
    },
  }
}

const refusal = new BeamClawError('provider-billing', 'Not today', { details: { refusedBy: 'scribe' } })

describe('a call through several guards', () => {
  test('enters them in order, and they hear of it in reverse', async () => {
    const told: string[] = []
    const provider = new ScriptedProvider({ answers: ['hi'] })
    expect((await collectAnswer(guarded(provider, [scribe('outer', told), scribe('inner', told)]))).text).toBe('hi')
    expect(told).toEqual([
      ...['outer asked', 'inner asked'],
      ...['inner text-delta', 'outer text-delta', 'inner finish', 'outer finish', 'inner finished', 'outer finished'],
    ])
  })

  test('that one of them refuses has failed for those before it, and is unknown to those behind it and to the provider', async () => {
    const told: string[] = []
    const provider = new ScriptedProvider()
    const refuse = () => {
      throw refusal
    }
    const guards = [scribe('first', told), scribe('second', told), scribe('third', told, refuse), scribe('fourth', told)]
    expect((await collectAnswer(guarded(provider, guards))).error).toBe(refusal)
    expect(told).toEqual(['first asked', 'second asked', 'third asked', 'second failed', 'first failed'])
    expect(provider.calls).toEqual([])
  })

  test('that is aborted while one of them lets it wait is abandoned at once, and told so to the one that lets it in too late', async () => {
    const told: string[] = []
    const gate = Promise.withResolvers<void>()
    const provider = new ScriptedProvider()
    const abort = new AbortController()
    const heard = collectAnswer(guarded(provider, [scribe('first', told), scribe('slow', told, () => gate.promise)]), {}, abort.signal)
    await flushEventLoop()
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
    expect(told).toEqual(['first asked', 'slow asked', 'first abandoned'])
    gate.resolve()
    await flushEventLoop()
    expect(told.slice(3)).toEqual(['slow abandoned'])
    expect(provider.calls).toEqual([])
  })

  test('is told to be over to all of them, also when one throws', async () => {
    const told: string[] = []
    const careless: ModelGuard = {
      enter: () => ({
        onEnd: () => {
          throw new Error('careless')
        },
      }),
    }
    const { error } = await collectAnswer(guarded(new ScriptedProvider({ answers: ['hi'] }), [scribe('first', told), careless]))
    expect(error).toMatchObject({ code: 'provider-protocol', cause: { message: 'careless' } })
    expect(told.at(-1)).toBe('first finished')
  })

  test('that none of them let in leaves nothing behind in any', async () => {
    const clock = new ManualClock()
    const services = { clock, logger: silentLogger }
    const ledger = new UsageLedger({ services })
    const breaker = new CircuitBreaker({ services })
    const limiter = new RateLimiter({ maxConcurrent: 1, maxWaitMs: 0, services })
    const provider = guarded(new ScriptedProvider({ answers: [{ hang: true }], otherwise: 'hi' }), [
      ledger.guard({ provider: 'acme' }),
      breaker,
      limiter,
    ])
    const abort = new AbortController()
    const first = collectAnswer(provider, {}, abort.signal)
    await flushEventLoop()
    expect((await collectAnswer(provider)).error).toMatchObject({ code: 'provider-rate-limit', details: { refusedBy: 'rate-limiter' } })
    expect(limiter.inspect()).toMatchObject({ running: 1, waiting: 0 })
    expect(breaker.inspect('small').failures).toBe(0)
    abort.abort()
    await first
    expect((await collectAnswer(provider)).text).toBe('hi')
    expect(limiter.inspect()).toMatchObject({ running: 0, waiting: 0 })
    expect(breaker.models).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a guarded provider', () => {
  test('lists models when its provider can', async () => {
    const { signal } = new AbortController()
    const provider = new ScriptedProvider({ models: [{ id: 'small' }] })
    expect(await guarded(provider, []).listModels?.({ signal })).toEqual([{ id: 'small' }])
    expect(guarded({ doStream: (...given) => provider.doStream(...given) }, []).listModels).toBeUndefined()
  })

  test('keeps the guards that it was made with', async () => {
    const guards: ModelGuard[] = []
    const provider = guarded(new ScriptedProvider({ answers: ['hi'] }), guards)
    guards.push({ enter: () => Promise.reject(refusal) })
    expect((await collectAnswer(provider)).text).toBe('hi')
  })

  test.each([
    [undefined, [], /"provider" must be a Provider/],
    [new ScriptedProvider(), undefined, /"guards" must be an array/],
    [new ScriptedProvider(), [new RateLimiter(), {}], /"guards\[1\]" must be a ModelGuard/],
  ])('is checked when it is made: %#', (provider, guards, message) => {
    expect(() => guarded(provider as never, guards as never)).toThrow(message)
  })
})
