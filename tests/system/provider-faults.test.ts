/** What a session makes of a provider that misbehaves. How the adapters notice it is in packages/providers. */
import { defineTool } from '@beamclaw/core'
import type { Delivery } from '@beamclaw/testkit/model-server'
import { describe, expect, test } from 'vitest'
import { attemptsOf, Conversation, failuresOf } from './lab/conversation.ts'

const whole = { text: 'at last' }

describe('F31: a provider that refuses', () => {
  test('429 with Retry-After: the run waits that long, and is done', async () => {
    await using talk = await Conversation.begin([{ error: { status: 429, headers: { 'retry-after': '7' } } }, whole])
    const heard = await talk.ask('hello')
    expect(heard.text).toBe('at last')
    expect(attemptsOf(heard)).toEqual(['1.1', '1.2'])
    expect(failuresOf(heard)).toEqual(['provider-rate-limit'])
    expect(talk.clock.waits).toEqual([7_000])
  })

  test('429 without Retry-After: the run waits twice as long each time', async () => {
    await using talk = await Conversation.begin([{ error: { status: 429 } }, { error: { status: 429 } }, whole])
    const heard = await talk.ask('hello')
    expect(heard.text).toBe('at last')
    const [first = 0, second = 0] = talk.clock.waits
    expect(first).toBeGreaterThanOrEqual(250)
    expect(first).toBeLessThanOrEqual(500)
    expect(second).toBeGreaterThanOrEqual(500)
    expect(second).toBeLessThanOrEqual(1_000)
  })

  test('429 with a Retry-After of an hour: the run fails now instead', async () => {
    await using talk = await Conversation.begin([{ error: { status: 429, headers: { 'retry-after': '3600' } } }, whole])
    expect((await talk.ask('hello')).error).toMatchObject({ code: 'provider-rate-limit' })
    expect(talk.model.requests).toHaveLength(1)
    expect((await talk.ask('hello again')).text).toBe('at last')
  })

  test.each([
    [500, 'provider-server'],
    [529, 'provider-overloaded'],
  ])('%i three times: the run failed, and the session takes the next message', async (status, code) => {
    const error = { error: { status } }
    await using talk = await Conversation.begin([error, error, error, whole])
    const heard = await talk.ask('hello')
    expect(heard.error).toMatchObject({ code })
    expect(attemptsOf(heard)).toEqual(['1.1', '1.2', '1.3'])
    expect((await talk.ask('hello again')).text).toBe('at last')
  })

  test('401: the run failed at once', async () => {
    await using talk = await Conversation.begin([{ error: { status: 401 } }, whole])
    expect((await talk.ask('hello')).error).toMatchObject({ code: 'provider-auth' })
    expect(talk.model.requests).toHaveLength(1)
    expect((await talk.ask('hello again')).text).toBe('at last')
  })
})

describe('F32: a provider that falls silent', () => {
  test.each<[string, Delivery]>([
    ['before the first byte', { stall: 'body' }],
    ['in the middle of its answer', { stall: 3 }],
  ])('%s: the attempt is over after its deadline, and the next one has the answer', async (_when, delivery) => {
    const provider = { firstByteTimeoutMs: 100, idleTimeoutMs: 100 }
    await using talk = await Conversation.begin([{ text: 'one two three four', delivery }, whole], { provider })
    const heard = await talk.ask('hello')
    expect(heard.text).toBe('at last')
    expect(failuresOf(heard)).toEqual(['provider-timeout'])
  })
})

describe('F33: a provider that hangs up', () => {
  const answer = { text: 'grüße 🦞 done', toolCalls: [{ id: 'only', name: 'charge' }] }

  test.each([1, 2, 3, 4, 5, 6, 7])('after event %i: the next attempt has it all, and the tool ran once', async (disconnectAfterEvents) => {
    let charges = 0
    const charge = defineTool({ name: 'charge', description: 'counts', execute: () => `${++charges}` })
    const broken = { ...answer, delivery: { disconnectAfterEvents } }
    await using talk = await Conversation.begin([broken, answer, whole], { tools: [charge] })
    const heard = await talk.ask('hello')
    expect(heard.text).toBe('at last')
    expect(attemptsOf(heard)).toEqual(['1.1', '1.2', '2.1'])
    expect(failuresOf(heard)).toEqual(['provider-network'])
    expect(charges).toBe(1)
    // The text of the attempt that broke off is in no message.
    const messages = heard.events.flatMap((event) => (event.type === 'message' ? [event.message.content] : []))
    expect(messages).toHaveLength(2)
    expect(messages[0]).toMatchObject([{ text: answer.text }, { id: 'only' }])
  })

  test('in the middle of a character: what was said before is void', async () => {
    const bytes = Buffer.from('data: {"choices":[{"index":0,"delta":{"content":"grü').length - 1
    const raw = 'data: {"choices":[{"index":0,"delta":{"content":"grüße"},"finish_reason":null}]}\n\n'
    await using talk = await Conversation.begin([{ raw, delivery: { disconnectAfterBytes: bytes } }, whole])
    const heard = await talk.ask('hello')
    expect(heard.text).toBe('at last')
    expect(attemptsOf(heard)).toEqual(['1.1', '1.2'])
  })
})

describe('F34, F35: a provider that talks nonsense, or without end', () => {
  test.each<[string, Delivery]>([
    ['JSON that is none', { malformedAfterEvents: 2 }],
    ['a line of 10 MB', { hugeLineBytes: 10_000_000 }],
    ['text without end', { endless: 'text' }],
    ['a line without end', { endless: 'line' }],
  ])('%s: a typed failure after few attempts, and the session takes the next message', async (_what, delivery) => {
    const bad = { text: 'one two three four', delivery }
    const provider = { maxResponseBytes: 200_000, maxEventBytes: 100_000 }
    await using talk = await Conversation.begin((_request, index) => (bad.delivery.endless === undefined || index < 3 ? bad : whole), {
      provider,
    })
    const heard = await talk.ask('hello')
    expect(heard.error).toMatchObject({ code: 'provider-protocol' })
    expect(attemptsOf(heard).length).toBeLessThanOrEqual(3)
    await talk.model.idle()
    expect((await talk.ask('still there?')).events.at(-1)).toMatchObject({ type: 'run-end' })
  })

  test('pings without end: the total deadline ends each attempt', async () => {
    await using talk = await Conversation.begin([{ text: 'one two three', delivery: { endless: 'pings' } }, whole], {
      provider: { totalTimeoutMs: 150 },
    })
    const heard = await talk.ask('hello')
    expect(heard.text).toBe('at last')
    expect(failuresOf(heard)).toEqual(['provider-timeout'])
  })
})
