// Whatever a model does, a call ends with its answer or with one typed error, leaves nothing behind, and no rejection is left without a handler.
import { BeamClawError, type ProviderPart } from '@beamclaw/core'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AiSdkProvider, type AiSdkProviderOptions } from './ai-sdk-provider.ts'
import { collect, finish, type MockAnswer, mockModel, streamOf, textBlock } from './testing/mock-models.ts'

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeAll(() => void process.on('unhandledRejection', note))
afterAll(async () => {
  await flushEventLoop()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

const thrower = new Proxy(
  {},
  {
    get: () => {
      throw new Error('a getter throws')
    },
    getPrototypeOf: () => {
      throw new Error('a prototype throws')
    },
  },
)
const never = (): Promise<never> => new Promise(() => {})
const providerOf = (answer: MockAnswer, options: Partial<AiSdkProviderOptions> = {}): AiSdkProvider =>
  new AiSdkProvider({ model: mockModel('v4', answer).model, ...options })

/** A stream that reads these, and counts how often it is cancelled. */
function reading(...reads: readonly (() => unknown)[]) {
  const left = [...reads]
  const told = { cancels: 0 }
  const getReader = () => ({
    read: () => (left.shift() ?? never)(),
    cancel: () => {
      told.cancels++
      return Promise.reject(new Error('cannot be cancelled'))
    },
  })
  return { told, answer: { stream: { getReader } } }
}

const part = (value: unknown) => () => Promise.resolve({ done: false, value })
const piece = part({ type: 'text-delta', id: '0', delta: 'x' })

describe('a model that throws', () => {
  test.each([
    ['a text', () => Promise.reject('no')],
    ['nothing', () => Promise.reject(undefined)],
    ['null', () => Promise.reject(null)],
    ['a proxy whose every field throws', () => Promise.reject(thrower)],
    [
      'at once',
      () => {
        throw new Error('now')
      },
    ],
    ['a BeamClawError of another kind', () => Promise.reject(new BeamClawError('invalid-option', 'x'))],
    ['no answer', () => undefined],
    ['an answer without a stream', () => ({})],
    ['an answer whose stream throws', () => thrower],
    [
      'a stream that is locked',
      () => {
        const answer = streamOf([])
        answer.stream.getReader()
        return answer
      },
    ],
    ['a read that is no result', () => reading(() => undefined).answer],
    [
      'a read that throws at once',
      () =>
        reading(() => {
          throw new Error('now')
        }).answer,
    ],
    ['a part whose every field throws', () => reading(part(thrower)).answer],
    ['warnings that throw', () => reading(part({ type: 'stream-start', warnings: [thrower] })).answer],
    ['an error that throws', () => reading(part({ type: 'error', error: thrower })).answer],
  ])('%s', async (_, answer) => {
    const error = await collect(providerOf(answer as MockAnswer)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BeamClawError)
    expect((error as BeamClawError).code).toMatch(/^provider-(?:protocol|server)$/)
  })

  test('a provider error of ours is passed on as it is', async () => {
    const own = new BeamClawError('provider-overloaded', 'full')
    await expect(collect(providerOf(() => Promise.reject(own)))).rejects.toBe(own)
  })

  test('the function that should return the model is told by its kind, and what it returns is checked', async () => {
    const failing = new AiSdkProvider({
      model: () => {
        throw new RangeError('x')
      },
    })
    await expect(collect(failing)).rejects.toMatchObject({ code: 'provider-protocol', message: expect.stringContaining('RangeError') })
    for (const made of [undefined, null, 'openai/gpt-5', { specificationVersion: 'v2', doStream: never }, () => undefined]) {
      await expect(collect(new AiSdkProvider({ model: () => made as never }))).rejects.toMatchObject({ code: 'provider-bad-request' })
    }
  })

  test('the parts before an error come before it, and the stream is cancelled', async () => {
    const { told, answer } = reading(piece, () => Promise.reject(new TypeError('terminated')))
    const parts: ProviderPart[] = []
    const hearing = async (): Promise<void> => {
      for await (const heard of providerOf(() => answer).doStream({ model: 'x', messages: [] }, { signal: new AbortController().signal }))
        parts.push(heard)
    }
    await expect(hearing()).rejects.toMatchObject({ code: 'provider-network' })
    expect([parts, told.cancels]).toEqual([[{ type: 'text-delta', text: 'x' }], 1])
  })
})

describe('an abort', () => {
  test('before the call asks no model', async () => {
    const { model, calls } = mockModel('v4', () => streamOf([finish()]))
    await expect(collect(new AiSdkProvider({ model }), {}, AbortSignal.abort('early'))).rejects.toMatchObject({ code: 'provider-aborted' })
    expect(calls).toEqual([])
  })

  test('ends a call whose model never settles, and a stream that comes after it is cancelled', async () => {
    const { told, answer } = reading(piece)
    const late = Promise.withResolvers<unknown>()
    const abort = new AbortController()
    let given: AbortSignal | undefined
    const provider = providerOf(({ abortSignal }) => {
      given = abortSignal
      return late.promise
    })
    const hearing = collect(provider, {}, abort.signal)
    hearing.catch(() => {})
    await flushEventLoop()
    abort.abort()
    await expect(hearing).rejects.toMatchObject({ code: 'provider-aborted' })
    expect(given?.aborted).toBe(true)
    late.resolve(answer)
    await flushEventLoop()
    expect(told.cancels).toBe(1)
  })

  test('cancels the stream at once, also between two parts, and a read that fails later is not heard of', async () => {
    const late = Promise.withResolvers<unknown>()
    const { told, answer } = reading(piece, () => late.promise)
    const abort = new AbortController()
    const stream = providerOf(() => answer)
      .doStream({ model: 'x', messages: [] }, abort)
      [Symbol.asyncIterator]()
    expect(await stream.next()).toEqual({ done: false, value: { type: 'text-delta', text: 'x' } })
    const waiting = stream.next()
    waiting.catch(() => {})
    abort.abort()
    expect(told.cancels).toBe(1)
    await expect(waiting).rejects.toMatchObject({ code: 'provider-aborted' })
    late.reject(new Error('late'))
    await flushEventLoop()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  test('leaving the loop cancels the stream and the model’s signal, also while the model is silent', async () => {
    for (const reads of [[piece], [piece, never]]) {
      const { told, answer } = reading(...reads)
      let given: AbortSignal | undefined
      const provider = providerOf(({ abortSignal }) => {
        given = abortSignal
        return answer
      })
      for await (const _ of provider.doStream({ model: 'x', messages: [] }, { signal: new AbortController().signal })) break
      expect([told.cancels, given?.aborted]).toEqual([1, true])
    }
  })
})

describe('a stream that does not end after its finish', () => {
  test('is cancelled, and the answer is whole', async () => {
    const clock = new ManualClock()
    const { told, answer } = reading(...textBlock('Hi').map(part), part(finish()))
    expect((await collect(providerOf(() => answer, { clock }))).at(-1)).toMatchObject({ type: 'finish' })
    expect(told.cancels).toBe(0)
    await clock.advance(1_000)
    expect([told.cancels, clock.pendingTimers]).toEqual([1, 0])
  })

  test('though it goes on for ever', async () => {
    const { told, answer } = reading(part(finish()), ...Array.from({ length: 1_000 }, () => piece))
    expect((await collect(providerOf(() => answer))).length).toBe(1)
    await flushEventLoop()
    expect(told.cancels).toBe(1)
  })

  test('or ends with an error, which changes nothing', async () => {
    const { answer } = reading(part(finish()), () => Promise.reject(new Error('late')))
    expect(await collect(providerOf(() => answer))).toMatchObject([{ type: 'finish' }])
    await flushEventLoop()
  })
})

describe('an answer without bounds', () => {
  test.each([
    ['of blocks', (id: number) => ({ type: 'text-start', id: String(id) })],
    [
      'of parts after a call without input',
      (id: number) =>
        id === 0 ? { type: 'tool-call', toolCallId: 'c', toolName: 'add', input: '' } : { type: 'text-delta', id: '0', delta: 'x' },
    ],
  ])('%s is an error', async (_, partOf) => {
    function* endless(): Generator<object> {
      for (let id = 0; ; id++) yield partOf(id)
    }
    await expect(collect(providerOf(() => ({ stream: ReadableStream.from(endless()) })))).rejects.toMatchObject({
      code: 'provider-protocol',
    })
  })

  test('of parts that waited for the finish comes whole', async () => {
    const call = { type: 'tool-call', toolCallId: 'c', toolName: 'add', input: '' }
    const parts = Array.from({ length: 50_000 }, () => ({ type: 'text-delta', id: '0', delta: 'x' }))
    const heard = await collect(providerOf(() => streamOf([call, ...parts, finish('length')])))
    expect([heard.length, heard.at(0)?.type, heard.at(-1)?.type]).toEqual([50_002, 'text-delta', 'finish'])
  })
})

describe('deadlines', () => {
  const limits = { firstByteTimeoutMs: 1_000, idleTimeoutMs: 100, totalTimeoutMs: 5_000 }

  test.each([
    ['first-byte', 1_000, never],
    ['first-byte', 1_000, () => reading(never).answer],
    ['idle', 100, () => reading(piece, never).answer],
  ])('end a silent model: %s after %i ms', async (deadline, limitMs, answer) => {
    const clock = new ManualClock()
    const hearing = collect(providerOf(answer as MockAnswer, { clock, ...limits }))
    let isOver = false
    hearing
      .catch(() => {})
      .finally(() => {
        isOver = true
      })
    await flushEventLoop()
    await clock.advance(limitMs - 1)
    await flushEventLoop()
    expect(isOver).toBe(false)
    await clock.advance(1)
    await expect(hearing).rejects.toMatchObject({ code: 'provider-timeout', details: { deadline, limitMs } })
    expect(clock.pendingTimers).toBe(0)
  })

  test('do not count the time in which the caller does not read', async () => {
    const clock = new ManualClock()
    const { answer } = reading(piece, part(finish()), () => Promise.resolve({ done: true }))
    const stream = providerOf(() => answer, { clock, ...limits })
      .doStream({ model: 'x', messages: [] }, { signal: new AbortController().signal })
      [Symbol.asyncIterator]()
    await stream.next()
    await clock.advance(4_000)
    const rest: unknown[] = []
    for (let next = await stream.next(); next.done !== true; next = await stream.next()) rest.push(next.value.type)
    expect(rest).toEqual(['text-end', 'finish'])
    await flushEventLoop()
    expect(clock.pendingTimers).toBe(0)
  })

  test('end an answer that never ends', async () => {
    const clock = new ManualClock()
    const endless = {
      stream: { getReader: () => ({ read: async () => ({ done: false, value: { type: 'ping' } }), cancel: async () => {} }) },
    }
    const hearing = collect(providerOf(() => endless, { clock, ...limits }))
    hearing.catch(() => {})
    await new Promise((resolve) => setImmediate(resolve)).then(() => clock.advance(5_000))
    await expect(hearing).rejects.toMatchObject({ code: 'provider-timeout', details: { deadline: 'total' } })
  })
})
