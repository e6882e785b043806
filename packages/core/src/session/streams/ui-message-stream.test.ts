import { gate } from '@beamclaw/actor/testing'
import { describe, expect, test } from 'vitest'
import { BeamClawError } from '../../base/errors.ts'
import type { ProviderPart } from '../../ports/provider.ts'
import { calls, finish, PlainChat, says, secret, serve, sessionOf, thinks, until } from '../testing/chat.ts'

describe('the chat of the AI SDK shows', () => {
  test('text, thinking and tool calls of several turns, each turn a step', async () => {
    const { session } = await sessionOf(
      {
        parts: [
          thinks('Hm, '),
          thinks('weather.'),
          says('Let me '),
          says('look.'),
          calls('weather', { city: 'Bern' }),
          finish('tool-calls'),
        ],
      },
      { parts: [says('Again.'), calls('weather'), finish('tool-calls')] },
      { parts: [says('It '), says('rains.'), finish('stop')] },
    )
    const chat = new PlainChat(await serve(session))
    await chat.sendMessage({ text: 'Will I get wet?' })
    expect([chat.status, chat.error]).toEqual(['ready', undefined])
    const tool = { type: 'tool-weather', toolCallId: 'call', state: 'output-available', output: 'rain' }
    expect(chat.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'Hm, weather.', state: 'done' },
      { type: 'text', text: 'Let me look.', state: 'done' },
      { ...tool, input: { city: 'Bern' } },
      { type: 'step-start' },
      { type: 'text', text: 'Again.', state: 'done' },
      { ...tool, input: {} },
      { type: 'step-start' },
      { type: 'text', text: 'It rains.', state: 'done' },
    ])
    const [user, answer] = chat.messages
    expect(answer?.id).toBe(`${user?.id}:answer`)
  })

  test('an answer piece by piece while it comes', async () => {
    const held = gate()
    const { session } = await sessionOf(async function* () {
      yield says('one ')
      await held.promise
      yield says('two')
      yield finish('stop')
    })
    const chat = new PlainChat(await serve(session))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one ')
    held.resolve()
    await done
    expect(chat.text).toBe('one two')
  })

  test('a failed tool and a failed run by their codes, and nothing of their texts', async () => {
    const { session } = await sessionOf(
      { parts: [calls('broken'), finish('tool-calls')] },
      { error: new BeamClawError('provider-auth', secret) },
    )
    const chat = new PlainChat(await serve(session))
    await chat.sendMessage({ text: 'hi' })
    expect(chat.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'tool-broken', state: 'output-error', errorText: 'Something went wrong (tool-failed).' },
    ])
    expect([chat.status, chat.error?.message]).toEqual(['error', 'Something went wrong (provider-auth).'])
    expect(JSON.stringify(chat.messages)).not.toContain('secret')
  })

  test('errors in the words of the host, unless its function throws', async () => {
    const errorText = ({ code, message }: { code: string; message: string }): string => {
      if (code === 'tool-failed') throw new Error(secret)
      return `Sorry: ${message}`
    }
    const { session } = await sessionOf(
      { parts: [calls('broken'), finish('tool-calls')] },
      { error: new BeamClawError('provider-auth', 'no key') },
    )
    const chat = new PlainChat(await serve(session, { errorText }))
    await chat.sendMessage({ text: 'hi' })
    expect(chat.error?.message).toBe('Sorry: no key')
    expect(chat.parts[1]).toMatchObject({ errorText: 'Something went wrong (tool-failed).' })
  })

  test('a run that is aborted, without an error', async () => {
    const { session } = await sessionOf(async function* (_, { signal }) {
      yield says('one ')
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const chat = new PlainChat(await serve(session))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one ')
    await session.abort()
    await done
    expect([chat.status, chat.text]).toEqual(['ready', 'one '])
    expect(chat.parts.at(-1)).toMatchObject({ state: 'done', providerMetadata: { beamclaw: { void: true } } })
  })

  test('an answer whose first attempt broke off: once, when the second says the same and more', async () => {
    const { session, clock } = await sessionOf(
      { parts: [says('one '), says('two ')], error: new BeamClawError('provider-server', 'down') },
      { parts: [says('one'), says(' two'), says(' three'), says(' four'), finish('stop')] },
    )
    const chat = new PlainChat(await serve(session))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one two ')
    await clock.advance(2_000)
    await done
    expect(chat.text).toBe('one two three four')
  })

  test('an answer whose second attempt says something else: after the first, which is marked as void', async () => {
    const { session, clock } = await sessionOf(
      { parts: [says('one '), says('two ')], error: new BeamClawError('provider-server', 'down') },
      { parts: [says('un'), says(' deux'), says(' trois'), finish('stop')] },
    )
    const chat = new PlainChat(await serve(session))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one two ')
    await clock.advance(2_000)
    await done
    expect(chat.parts).toMatchObject([
      { type: 'step-start' },
      { text: 'one two ', providerMetadata: { beamclaw: { void: true } } },
      { text: 'un deux trois' },
    ])
    expect(chat.parts[2]).not.toHaveProperty('providerMetadata')
  })

  test('a call whose input is no JSON, and what the model was told', async () => {
    const call: ProviderPart = { type: 'tool-call', id: 'call', name: 'weather', input: null, invalidInput: '{"city": ' }
    const { session } = await sessionOf({ parts: [call, finish('tool-calls')] }, 'Sorry.')
    const chat = new PlainChat(await serve(session))
    await chat.sendMessage({ text: 'hi' })
    expect(chat.parts[1]).toMatchObject({ type: 'tool-weather', state: 'output-error', errorText: 'Something went wrong (tool-failed).' })
    expect(chat.text).toBe('Sorry.')
  })

  test('a run that is joined in the middle of an answer: whole, in the place of what was there', async () => {
    const held = gate()
    const { session } = await sessionOf({ parts: [says('First.'), calls('weather'), finish('tool-calls')] }, async function* () {
      yield says('one ')
      await held.promise
      yield says('two')
      yield finish('stop')
    })
    const api = await serve(session)
    const first = new PlainChat(api)
    const gone = first.sendMessage({ text: 'count' })
    await until(() => first.text === 'First.|one ')
    await first.stop()
    await gone
    const second = new PlainChat(api, structuredClone(first.messages))
    const resumed = second.resumeStream()
    await until(() => second.text === 'First.')
    held.resolve()
    await resumed
    expect(second.text).toBe('First.|one two')
    expect(second.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
    // Nothing is under way any more.
    await second.resumeStream()
    expect(second.text).toBe('First.|one two')
  })

  test('a run that the session paused before its end: an error, and the run goes on later', async () => {
    const { session, claw } = await sessionOf({ parts: [says('one ')], hang: true })
    const chat = new PlainChat(await serve(session))
    const done = chat.sendMessage({ text: 'count' })
    await until(() => chat.text === 'one ')
    await claw.stop()
    await done
    expect(chat.error?.message).toBe('Something went wrong (run-interrupted).')
  })
})
