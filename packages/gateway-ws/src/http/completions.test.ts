/** Chat Completions as programs use them, over a real port. */
import { once } from 'node:events'
import { BeamClawError, defineErrors, type ProviderPart } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { chunksOf, type ErrorBody, hello, post, textOf } from '../testing/http.ts'
import { scene } from '../testing/scene.ts'

const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }

describe('a session', () => {
  const session = { 'x-beamclaw-session-key': 'agent:main:a' }

  test('takes the last message, and remembers the others itself', async () => {
    await using stage = await scene()
    await post(stage.url, hello, session)
    await post(
      stage.url,
      {
        ...hello,
        messages: [
          { role: 'user', content: 'made up' },
          { role: 'user', content: 'again' },
        ],
      },
      session,
    )
    expect(stage.model.requests[1]?.messages.map(({ content }) => (typeof content === 'string' ? content : 'you said hello'))).toEqual([
      'hello',
      'you said hello',
      'again',
    ])
  })

  test('of another agent than the model names is refused', async () => {
    await using stage = await scene()
    for (const model of ['beamclaw/other', 'test/model']) {
      const response = await post(stage.url, { ...hello, model }, session)
      expect([response.status, ((await response.json()) as ErrorBody).error.code]).toEqual([400, 'agent-mismatch'])
    }
    expect((await post(stage.url, { ...hello, model: 'beamclaw/other' }, { 'x-beamclaw-session-key': 'agent:other:a' })).status).toBe(200)
  })

  test('runs its own tools, and takes none from the client', async () => {
    await using stage = await scene()
    const response = await post(stage.url, { ...hello, tools: [{ type: 'function', function: { name: 'look' } }] }, session)
    expect([response.status, ((await response.json()) as ErrorBody).error.code]).toEqual([400, 'tools-in-session'])
  })

  test('tells of a run that a guardrail of the host failed by the kind of its error', async () => {
    const guardrail = defineErrors({ 'guardrail-tripped': { kind: 'forbidden' } })
    const beforeModel = (): never => {
      throw guardrail('guardrail-tripped', 'A card number')
    }
    await using stage = await scene({ agent: { hooks: { beforeModel } } })
    const key = { ...session, 'idempotency-key': 'one' }
    // The first request began the run; the second one reads how it ended.
    for (const _ of ['first', 'again']) {
      const response = await post(stage.url, hello, key)
      expect([response.status, ((await response.json()) as ErrorBody).error.code]).toEqual([403, 'guardrail-tripped'])
    }
  })

  test('goes on with its run when the client is gone, and has the answer for who asks again', async () => {
    const held = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    await using stage = await scene({
      model: () => {
        asked.resolve()
        return held.promise.then(() => ({ text: 'done' }))
      },
    })
    const key = { ...session, 'idempotency-key': 'one' }
    const gone = new AbortController()
    const first = post(stage.url, hello, key, gone.signal)
    const failed = expect(first).rejects.toThrow()
    await asked.promise
    gone.abort()
    await failed
    held.resolve()
    const response = await post(stage.url, hello, key)
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'done' } }] })
    expect(response.headers.get('x-beamclaw-run-id')).toBe('one')
    expect(stage.model.requests).toHaveLength(1)
  })

  test('streams on in silence when a second attempt says the same again', async () => {
    const fails = new BeamClawError('provider-overloaded', 'busy')
    await using stage = await scene({
      model: (_request, index) => (index === 0 ? { before: 'one two ', fails } : { text: 'one two three' }),
    })
    const chunks = await chunksOf(await post(stage.url, { ...hello, stream: true }, session))
    expect(textOf(chunks)).toBe('one two three')
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }] })
  })

  test('ends a stream with an error when the second attempt says something else, and tells where the answer is', async () => {
    const fails = new BeamClawError('provider-overloaded', 'busy')
    await using stage = await scene({
      model: (_request, index) => (index === 0 ? { before: 'one two ', fails } : { text: 'something else' }),
    })
    const response = await post(stage.url, { ...hello, stream: true }, session)
    const runId = response.headers.get('x-beamclaw-run-id') ?? ''
    const chunks = await chunksOf(response)
    expect(textOf(chunks)).toBe('one two ')
    expect(chunks.at(-1)).toMatchObject({
      error: { code: 'answer-restarted', message: expect.stringContaining(`Idempotency-Key: ${runId}`) },
    })
    const again = await post(stage.url, hello, { ...session, 'idempotency-key': runId })
    expect(await again.json()).toMatchObject({ choices: [{ message: { content: 'something else' } }] })
    expect(stage.model.requests).toHaveLength(2)
  })

  test('answers whole with the last attempt alone', async () => {
    const fails = new BeamClawError('provider-overloaded', 'busy')
    await using stage = await scene({ model: (_request, index) => (index === 0 ? { before: 'one', fails } : { text: 'two' }) })
    const response = await post(stage.url, hello, session)
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'two' } }] })
  })
})

describe('a stateless question', () => {
  const tools = [
    {
      type: 'function',
      function: { name: 'look', description: 'looks', parameters: { type: 'object', properties: { what: { type: 'string' } } } },
    },
  ]
  const call = { id: 'c1', name: 'look', input: { what: 'x' } as never }

  test('hands the client’s tools to the model and its calls back, whole', async () => {
    await using stage = await scene({ model: () => ({ text: 'wait', calls: [call] }) })
    const response = await post(stage.url, { ...hello, tools, tool_choice: { type: 'function', function: { name: 'look' } } })
    expect(await response.json()).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: { content: 'wait', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{"what":"x"}' } }] },
        },
      ],
    })
    expect(stage.model.requests[0]).toMatchObject({
      tools: [{ name: 'look', description: 'looks', inputSchema: { type: 'object', properties: { what: { type: 'string' } } } }],
      toolChoice: { name: 'look' },
    })
  })

  test('and in pieces, as they come', async () => {
    const parts: ProviderPart[] = [
      { type: 'tool-call-start', id: 'c1', name: 'look' },
      { type: 'tool-call-delta', id: 'c1', inputText: '{"what":' },
      { type: 'tool-call-delta', id: 'c1', inputText: '"x"}' },
      { type: 'tool-call', ...call },
      { type: 'tool-call', id: 'c2', name: 'look', input: {} },
      { type: 'finish', reason: 'tool-calls', usage },
    ]
    await using stage = await scene({
      claw: {
        providers: {
          test: {
            async *doStream() {
              yield* parts
            },
          },
        },
      },
    })
    const chunks = await chunksOf(await post(stage.url, { ...hello, stream: true, tools }))
    const deltas = chunks.map(({ choices }) => choices?.[0]?.delta.tool_calls?.[0])
    expect(deltas.filter((delta) => delta !== undefined)).toEqual([
      { index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '' } },
      { index: 0, function: { arguments: '{"what":' } },
      { index: 0, function: { arguments: '"x"}' } },
      { index: 1, id: 'c2', type: 'function', function: { name: 'look', arguments: '' } },
      { index: 1, function: { arguments: '{}' } },
    ])
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] })
  })

  test('takes the results of tools back, with the names of the calls', async () => {
    await using stage = await scene()
    const messages = [
      ...hello.messages,
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c1', content: 'found' },
    ]
    await post(stage.url, { ...hello, messages, tools })
    expect(stage.model.requests[0]?.messages.at(-1)).toMatchObject({
      role: 'tool',
      content: [{ toolCallId: 'c1', name: 'look', content: 'found' }],
    })
  })

  test('passes on how to answer', async () => {
    await using stage = await scene()
    const schema = { type: 'object', properties: { a: { type: 'number' } } }
    await post(stage.url, {
      ...hello,
      stop: 'END',
      max_tokens: 5,
      user: 'ada',
      response_format: { type: 'json_schema', json_schema: { name: 'thing', schema } },
    })
    expect(stage.model.requests[0]).toMatchObject({
      stopSequences: ['END'],
      maxOutputTokens: 5,
      userId: 'ada',
      responseFormat: { type: 'json', name: 'thing', schema },
    })
  })

  test('ends when its client is gone', async () => {
    const asked = Promise.withResolvers<AbortSignal>()
    await using stage = await scene({
      model: (_request, _index, signal) => {
        asked.resolve(signal)
        return new Promise(() => {})
      },
    })
    const gone = new AbortController()
    const failed = expect(post(stage.url, hello, {}, gone.signal)).rejects.toThrow()
    const signal = await asked.promise
    const aborted = signal.aborted ? Promise.resolve() : once(signal, 'abort')
    gone.abort()
    await Promise.all([failed, aborted])
  })

  test('also in the middle of a stream', async () => {
    const ended = Promise.withResolvers<void>()
    await using stage = await scene({
      claw: {
        providers: {
          test: {
            async *doStream(_request, { signal }) {
              try {
                yield { type: 'text-delta', text: 'hello' }
                await once(signal, 'abort')
              } finally {
                ended.resolve()
              }
            },
          },
        },
      },
    })
    const response = await post(stage.url, { ...hello, stream: true })
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await ended.promise
  })

  test('says when to come again', async () => {
    const fails = new BeamClawError('provider-rate-limit', 'slow down', { retryAfterMs: 1_500 })
    await using stage = await scene({ model: () => ({ fails }) })
    const response = await post(stage.url, hello)
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2'])
  })
})

describe('lists and pages', () => {
  test('models are agents, then models, each once', async () => {
    await using stage = await scene({ gateway: { models: ['test/model', 'test/large'] } })
    const { data } = (await (await fetch(`${stage.url}/v1/models`)).json()) as { readonly data: readonly { readonly id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(['beamclaw/main', 'beamclaw/other', 'test/model', 'test/large'])
  })

  test('the front page names the routes', async () => {
    await using stage = await scene()
    expect(await (await fetch(stage.url)).text()).toContain('POST /v1/chat/completions')
  })
})
