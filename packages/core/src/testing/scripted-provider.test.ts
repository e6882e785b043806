import { flushEventLoop } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../base/errors.ts'
import { zeroUsage } from '../base/messages.ts'
import { collectAnswer, ScriptedProvider, textAnswer, textRequest, toolAnswer } from './scripted-provider.ts'

describe('a scripted provider', () => {
  test('answers in order and remembers what it was asked', async () => {
    const provider = new ScriptedProvider({ answers: ['one'] }).add({ parts: textAnswer('two') }, async function* () {
      yield* textAnswer('three')
    })
    expect([await collectAnswer(provider), await collectAnswer(provider), await collectAnswer(provider)].map(({ text }) => text)).toEqual([
      'one',
      'two',
      'three',
    ])
    expect(provider.requests).toEqual([textRequest, textRequest, textRequest])
    expect(provider.calls.map(({ status }) => status)).toEqual(['finished', 'finished', 'finished'])
    expect(provider.remaining).toBe(0)
  })

  test('says so when the script is over, unless it was told what to answer then', async () => {
    expect((await collectAnswer(new ScriptedProvider())).error).toMatchObject({ code: 'provider-bad-request', message: /no answer left/ })
    expect((await collectAnswer(new ScriptedProvider({ otherwise: 'again' }))).text).toBe('again')
  })

  test('gives its parts before its error', async () => {
    const error = new BeamClawError('provider-server', 'Down')
    const provider = new ScriptedProvider({ answers: [{ parts: [{ type: 'text-delta', text: 'half' }], error }] })
    expect(await collectAnswer(provider)).toMatchObject({ text: 'half', error })
    expect(provider.calls).toMatchObject([{ status: 'failed' }])
  })

  test('hangs until it is aborted, and tells that from being left', async () => {
    const provider = new ScriptedProvider({ otherwise: { parts: [{ type: 'text-delta', text: 'half' }], hang: true } })
    const abort = new AbortController()
    const heard = collectAnswer(provider, {}, abort.signal)
    await flushEventLoop()
    expect(provider.running).toBe(1)
    abort.abort()
    expect((await heard).error?.code).toBe('provider-aborted')
    for await (const _ of provider.doStream(textRequest, { signal: new AbortController().signal })) break
    expect(provider.calls.map(({ status }) => status)).toEqual(['aborted', 'left'])
    expect(provider.running).toBe(0)
  })

  test('does not begin before its first part is asked for', () => {
    const provider = new ScriptedProvider({ otherwise: 'hi' })
    provider.doStream(textRequest, { signal: new AbortController().signal })
    expect(provider.calls).toEqual([])
  })

  test('lists the models it was given', async () => {
    expect(await new ScriptedProvider({ models: [{ id: 'small' }] }).listModels()).toEqual([{ id: 'small' }])
  })
})

test('answers of tools and texts carry the tokens that a test of budgets needs', async () => {
  const answers = [toolAnswer('look', {}, { id: 'one', usage: { inputTokens: 3 } }), textAnswer('hi', { outputTokens: 4 })]
  const provider = new ScriptedProvider({ answers })
  const [first, second] = [await collectAnswer(provider), await collectAnswer(provider)]
  expect(first.parts).toMatchObject([{ id: 'one', name: 'look' }, { usage: { ...zeroUsage, inputTokens: 3 } }])
  expect([second.text, second.parts.at(-1)]).toMatchObject(['hi', { usage: { ...zeroUsage, outputTokens: 4 } }])
})
