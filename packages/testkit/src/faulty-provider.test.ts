import { BeamClawError } from '@beamclaw/core'
import { collectAnswer, ScriptedProvider } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { faultyProvider, type ProviderFault } from './faulty-provider.ts'

function faulty(fault: ProviderFault) {
  return faultyProvider(new ScriptedProvider({ otherwise: 'a text' }), ({ index }) => (index === 0 ? fault : undefined))
}

describe('a faulty provider', () => {
  test.each([0, 1, 9])('fails after %i parts, and never after its end', async (afterParts) => {
    const error = new BeamClawError('provider-server', 'Down')
    const provider = faulty({ type: 'fail', error, afterParts })
    expect(await collectAnswer(provider)).toMatchObject({ text: afterParts === 0 ? '' : 'a text', error })
    expect(await collectAnswer(provider)).toMatchObject({ text: 'a text', error: undefined })
  })

  test('cuts an answer short', async () => {
    const { parts, error } = await collectAnswer(faulty({ type: 'cut', afterParts: 1 }))
    expect(parts).toEqual([{ type: 'text-delta', text: 'a text' }])
    expect(error).toBeUndefined()
  })

  test('hangs until it is aborted', async () => {
    const abort = new AbortController()
    const heard = collectAnswer(faulty({ type: 'hang' }), {}, abort.signal)
    await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
  })

  test('delays the rest of an answer', async () => {
    const until = Promise.withResolvers<void>()
    let isOver = false
    const heard = collectAnswer(faulty({ type: 'delay', until: until.promise, afterParts: 1 })).finally(() => {
      isOver = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(isOver).toBe(false)
    until.resolve()
    expect((await heard).text).toBe('a text')
  })
})
