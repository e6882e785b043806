/** What clients say to each other through the gateway, frame by frame; each is checked against the published schema as it comes. */
import { BeamClawError } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { connectParams, type HeardFrame, RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

const hello = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

/** A frame in a few words. */
function inShort({ type, event, payload }: HeardFrame): string {
  if (type === 'res') return 'res'
  const { state, phase, deltaText, stream, data } = payload as Readonly<Record<string, string | undefined>> & {
    readonly data?: { readonly phase?: string }
  }
  const words = event === 'chat' ? [state, phase, deltaText] : [stream, data?.phase]
  return [event, ...words]
    .filter((word) => word !== undefined)
    .join(' ')
    .trim()
}

describe('hello', () => {
  test('comes after the challenge, and names what there is', async () => {
    await using stage = await scene()
    await using client = new RawClient(stage.url)
    const { payload: challenge } = await client.challenge()
    expect(challenge).toEqual({ nonce: expect.any(String), ts: expect.any(Number) })
    const { payload } = await client.request('connect', connectParams)
    expect(payload).toMatchObject({
      type: 'hello-ok',
      protocol: 4,
      server: { version: '1.2.3' },
      auth: { role: 'operator', scopes: ['operator.read', 'operator.write'] },
      policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000 },
    })
  })

  test('grants nothing that was not asked for', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url, { scopes: undefined })
    expect((await client.request('status')).error).toMatchObject({
      code: 'FORBIDDEN',
      details: { code: 'MISSING_SCOPE', missingScope: 'operator.read' },
    })
  })
})

describe('chat.send', () => {
  test('is answered once the message is durable, and then told of in the order that clients know', async () => {
    await using stage = await scene({ agent: { system: 'Be brief.' } })
    await using client = await RawClient.connected(stage.url)
    expect(await client.ask('chat.send', hello)).toEqual({ runId: 'one', status: 'started' })
    const end = await client.chatEnd('one')
    const story = client.heard.slice(2).map(inShort)
    expect(story).toEqual([
      'res',
      'chat status preparing_workspace',
      'chat status preparing_context',
      'chat status starting_model',
      'agent lifecycle start',
      // Three pieces, which came at the same time.
      'agent assistant',
      'chat delta you said hello',
      'agent lifecycle finishing',
      'agent lifecycle end',
      'chat final',
    ])
    expect(end.payload).toMatchObject({
      sessionKey: 'agent:main:a',
      message: { role: 'assistant', content: [{ type: 'text', text: 'you said hello' }] },
    })
    const seqs = client.heard.filter(({ event }) => event !== undefined && event !== 'connect.challenge').map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    const runSeqs = client.eventsOf('one').map(({ payload }) => payload?.seq)
    expect(runSeqs).toEqual(runSeqs.map((_, index) => index + 1))
  })

  test('a repeat gets the same run: in flight, and then over; the model is asked once', async () => {
    const held = Promise.withResolvers<void>()
    await using stage = await scene({ model: () => held.promise.then(() => ({ text: 'done' })) })
    await using client = await RawClient.connected(stage.url)
    const answers = await Promise.all([client.ask('chat.send', hello), client.ask('chat.send', hello)])
    expect(answers).toEqual([
      { runId: 'one', status: 'started' },
      { runId: 'one', status: 'in_flight' },
    ])
    held.resolve()
    await client.chatEnd('one')
    expect(await client.ask('chat.send', hello)).toEqual({ runId: 'one', status: 'ok' })
    expect(stage.model.requests).toHaveLength(1)
  })

  test('what an attempt said that did not hold is replaced', async () => {
    const fails = new BeamClawError('provider-overloaded', 'busy')
    await using stage = await scene({ model: (_request, index) => (index === 0 ? { before: 'well I', fails } : { text: 'yes' }) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    await client.chatEnd('one')
    const deltas = client.eventsOf('one', 'chat').filter(({ payload }) => payload?.state === 'delta')
    expect(deltas.map(({ payload }) => [payload?.deltaText, payload?.replace])).toEqual([
      ['well I', undefined],
      ['', true],
      ['yes', undefined],
    ])
  })

  test('a failure is told with its kind', async () => {
    const fails = new BeamClawError('provider-context-overflow', 'too much was said')
    await using stage = await scene({ model: () => ({ fails }) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    expect((await client.chatEnd('one')).payload).toMatchObject({
      state: 'error',
      errorKind: 'context_length',
      errorMessage: 'too much was said',
    })
    expect(await client.ask('chat.send', hello)).toMatchObject({ status: 'error', errorMessage: 'too much was said' })
  })

  test('a message that joins a run is told of its end under its own name', async () => {
    const held = Promise.withResolvers<void>()
    await using stage = await scene({
      model: (_request, index) => (index === 0 ? held.promise.then(() => ({ text: 'first' })) : { text: 'both' }),
    })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    await client.ask('chat.send', { ...hello, message: 'and', idempotencyKey: 'two', queueMode: 'steer' })
    held.resolve()
    expect((await client.chatEnd('one')).payload).toMatchObject({ state: 'final' })
    expect((await client.chatEnd('two')).payload).toMatchObject({ state: 'final', message: { content: [{ text: 'both' }] } })
  })

  test('takes the session part of a key for one of the default agent', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', { ...hello, sessionKey: 'main' })
    expect((await client.chatEnd('one')).payload).toMatchObject({ sessionKey: 'agent:main:main' })
  })

  test('passes pictures on', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    const attachments = [{ mimeType: 'image/png', content: 'data:image/png;base64,aGk=' }]
    await client.ask('chat.send', { ...hello, attachments })
    await client.chatEnd('one')
    expect(stage.model.requests[0]?.messages[0]?.content).toEqual([
      { type: 'text', text: 'hello' },
      { type: 'image', mediaType: 'image/png', data: 'aGk=' },
    ])
  })

  test.each([
    ['no message', { ...hello, message: undefined }, /params\.message/],
    ['an empty one', { ...hello, message: '' }, /expected a text or an attachment/],
    ['no key', { ...hello, idempotencyKey: undefined }, /params\.idempotencyKey/],
    ['a key with a space', { ...hello, idempotencyKey: 'a b' }, /printable/],
    ['an unknown field', { ...hello, wizard: true }, /wizard/],
    ['a session key that is none', { ...hello, sessionKey: 'agent:main:../x' }, /session key/],
    ['an unknown agent', { ...hello, sessionKey: 'agent:nobody:x' }, /nobody/],
    ['another agent than the session’s', { ...hello, agentId: 'other' }, /another agent/],
  ])('with %s is refused, and nothing is kept', async (_what, params, message) => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    const { error } = await client.request('chat.send', params)
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringMatching(message) })
    expect(stage.model.requests).toEqual([])
    expect(await client.ask('chat.send', hello)).toMatchObject({ status: 'started' })
  })
})

describe('chat.history', () => {
  test('has the messages in order, and what waits beside them', async () => {
    const held = Promise.withResolvers<void>()
    await using stage = await scene({
      model: (_request, index) => (index === 0 ? { text: 'hi' } : held.promise.then(() => ({ text: 'bye' }))),
    })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    await client.chatEnd('one')
    await client.ask('chat.send', { ...hello, message: 'second', idempotencyKey: 'two' })
    await client.ask('chat.send', { ...hello, message: 'third', idempotencyKey: 'three' })
    await client.frame(({ event, payload }) => event === 'chat' && payload?.runId === 'two' && payload.phase === 'starting_model')
    const history = await client.ask('chat.history', { sessionKey: 'agent:main:a' })
    expect(history).toMatchObject({
      sessionKey: 'agent:main:a',
      total: 3,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'hello' }], timestamp: expect.any(Number), runId: 'one' },
        { role: 'assistant', content: [{ type: 'text', text: 'hi' }] },
        { role: 'user', content: [{ type: 'text', text: 'second' }] },
      ],
      runs: [
        { runId: 'two', status: 'running' },
        { runId: 'three', status: 'waiting', message: { content: [{ text: 'third' }] } },
      ],
    })
    held.resolve()
    await client.chatEnd('three')
  })

  test('goes back page by page to the first message', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    for (const idempotencyKey of ['one', 'two', 'three']) {
      await client.ask('chat.send', { ...hello, message: idempotencyKey, idempotencyKey })
      await client.chatEnd(idempotencyKey)
    }
    interface Page {
      readonly messages: readonly { readonly content: readonly { readonly text: string }[] }[]
      readonly before?: number
      readonly total: number
      readonly deltaCursor: string
    }
    const { deltaCursor: newest } = await client.ask<Page>('chat.history', { sessionKey: 'a' })
    const said: (string | undefined)[] = []
    for (let before: number | undefined, pages = 0; pages === 0 || before !== undefined; pages++) {
      const page = await client.ask<Page>('chat.history', { sessionKey: 'a', limit: 4, ...(before === undefined ? {} : { before }) })
      expect(page).toMatchObject({ total: 6, deltaCursor: newest })
      said.unshift(...page.messages.map(({ content }) => content[0]?.text))
      before = page.before
    }
    expect(said).toEqual(['one', 'you said one', 'two', 'you said two', 'three', 'you said three'])
  })

  test('with a cursor has only what came since, in the published form', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    const { deltaCursor: empty } = await client.ask('chat.history', { sessionKey: 'a' })
    await client.ask('chat.send', hello)
    await client.chatEnd('one')
    const first = await client.ask('chat.history', { sessionKey: 'a', cursor: empty })
    expect(first).toMatchObject({ kind: 'delta', messages: [{ role: 'user' }, { role: 'assistant' }] })
    await client.ask('chat.send', { ...hello, message: 'again', idempotencyKey: 'two' })
    await client.chatEnd('two')
    const second = await client.ask('chat.history', { sessionKey: 'a', cursor: first.deltaCursor })
    expect(second).toMatchObject({ kind: 'delta', messages: [{ content: [{ text: 'again' }] }, { content: [{ text: 'you said again' }] }] })
    expect(await client.ask('chat.history', { sessionKey: 'b', cursor: first.deltaCursor })).toEqual({ kind: 'reset' })
    expect(await client.ask('chat.history', { sessionKey: 'a', cursor: 'nonsense' })).toEqual({ kind: 'reset' })
  })

  test('cuts long texts where it is asked to', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    await client.chatEnd('one')
    const { messages } = await client.ask<{ messages: { content: { text: string }[] }[] }>('chat.history', { sessionKey: 'a', maxChars: 3 })
    expect(messages.map(({ content }) => content[0]?.text)).toEqual(['hel…', 'you…'])
  })
})

describe('chat.abort', () => {
  test('ends the run under way, and one that waits', async () => {
    await using stage = await scene({ model: () => new Promise(() => {}) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    await client.ask('chat.send', { ...hello, idempotencyKey: 'two' })
    expect(await client.ask('chat.abort', { sessionKey: 'a', runId: 'two' })).toEqual({ ok: true, aborted: true, runIds: ['two'] })
    expect(await client.ask('chat.abort', { sessionKey: 'a' })).toEqual({ ok: true, aborted: true, runIds: ['one'] })
    expect((await client.chatEnd('one')).payload).toMatchObject({ state: 'aborted' })
    expect((await client.chatEnd('two')).payload).toMatchObject({ state: 'aborted' })
    expect(await client.ask('chat.abort', { sessionKey: 'a' })).toEqual({ ok: true, aborted: false, runIds: [] })
  })
})

describe('agent', () => {
  test('answers twice: accepted, and with the text', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    expect(await client.ask('agent', { message: 'hello', idempotencyKey: 'one' })).toMatchObject({
      runId: 'one',
      status: 'accepted',
      sessionKey: 'agent:main:main',
    })
    const [, final] = await client.frames((heard) => heard.filter(({ type, id }) => type === 'res' && id === 'r2'), 2)
    expect(final?.payload).toMatchObject({ runId: 'one', status: 'ok', result: { payloads: [{ text: 'you said hello', mediaUrl: null }] } })
    expect(await client.ask('agent.wait', { runId: 'one' })).toEqual({ runId: 'one', status: 'ok' })
  })

  test('a failed run is a refusal with its code', async () => {
    const fails = new BeamClawError('provider-auth', 'the key is wrong')
    await using stage = await scene({ model: () => ({ fails }) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('agent', { message: 'hello', idempotencyKey: 'one' })
    const [, final] = await client.frames((heard) => heard.filter(({ type, id }) => type === 'res' && id === 'r2'), 2)
    expect(final?.error).toMatchObject({ code: 'UNAVAILABLE', message: 'the key is wrong', details: { code: 'provider-auth' } })
    expect(await client.ask('agent.wait', { runId: 'one' })).toMatchObject({ status: 'error', error: 'the key is wrong' })
  })

  test('waiting ends when the time is over, and knows runs of other times by their session', async () => {
    await using stage = await scene({ model: () => new Promise(() => {}) })
    await using client = await RawClient.connected(stage.url)
    await stage.claw.session('agent:main:elsewhere').send('hello', { idempotencyKey: 'mine' }).accepted
    expect((await client.request('agent.wait', { runId: 'mine' })).error).toMatchObject({ details: { code: 'unknown-run' } })
    expect(await client.ask('agent.wait', { runId: 'mine', sessionKey: 'elsewhere', timeoutMs: 0 })).toEqual({
      runId: 'mine',
      status: 'timeout',
    })
    await stage.claw.session('agent:main:elsewhere').abort()
    expect(await client.ask('agent.wait', { runId: 'mine', sessionKey: 'elsewhere' })).toMatchObject({ status: 'aborted' })
  })
})
