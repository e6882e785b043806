import { BeamClawError, callStream } from '@beamclaw/core'
import { plainRequest, type ScriptedAnswer, ScriptedProvider, settled, textAnswer } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { type CallEnding, watchCall } from './watch-call.ts'

const half = { type: 'text-delta', text: 'half' } as const

function watched(answer: ScriptedAnswer, abort = new AbortController()) {
  const provider = new ScriptedProvider({ answers: [answer] })
  const endings: CallEnding[] = []
  const watcher = { onEnd: (ending: CallEnding) => endings.push(ending) }
  const stream = callStream((signal) => watchCall(provider, plainRequest, signal, watcher), abort.signal)
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
    await settled()
    expect(provider.calls).toMatchObject([{ status: 'left' }])
  })

  test('is abandoned at once when its consumer leaves while a part is awaited', async () => {
    const { stream, endings, provider } = watched({ hang: true })
    const waiting = stream.next()
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'provider-aborted' })
    await settled()
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
    await settled()
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
    await settled()
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
