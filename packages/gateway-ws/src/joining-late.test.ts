/** A client that sends a message again in the middle of its run gets the text so far as one piece, and then what follows. */
import { once } from 'node:events'
import type { Provider } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { hello, post, textOf } from './testing/http.ts'
import { RawClient } from './testing/raw-client.ts'
import { scene } from './testing/scene.ts'

const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
const key = { 'x-beamclaw-session-key': 'agent:main:a', 'idempotency-key': 'one' }

/** A model that says what a test lets it say. */
function gatedModel() {
  const said: string[] = []
  let wake = (): void => {}
  let isDone = false
  const provider: Provider = {
    async *doStream() {
      for (;;) {
        const text = said.shift()
        if (text !== undefined) yield { type: 'text-delta', text }
        else if (isDone) return yield { type: 'finish', reason: 'stop', usage }
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
  const say = (...texts: readonly string[]): void => {
    said.push(...texts)
    wake()
  }
  const end = (): void => {
    isDone = true
    wake()
  }
  return { provider, say, end }
}

/** The deltas of a stream as they come. */
async function* deltasOf(response: Response): AsyncGenerator<string> {
  let rest = ''
  for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue
      const chunk = JSON.parse(line.slice(6)) as Parameters<typeof textOf>[0][number]
      if (chunk.error !== undefined) throw new Error(line)
      const delta = textOf([chunk])
      if (delta !== '') yield delta
    }
  }
}

async function next(deltas: AsyncGenerator<string>): Promise<string> {
  const { value } = await deltas.next()
  return value as string
}

async function restOf(deltas: AsyncGenerator<string>): Promise<string> {
  let text = ''
  for await (const delta of deltas) text += delta
  return text
}

describe('joining late', () => {
  test('a stream over HTTP, after the first reader is gone', async () => {
    const model = gatedModel()
    await using stage = await scene({ claw: { providers: { test: model.provider } } })
    const gone = new AbortController()
    model.say('one ')
    const first = deltasOf(await post(stage.url, { ...hello, stream: true }, key, gone.signal))
    expect(await next(first)).toBe('one ')
    model.say('two ')
    expect(await next(first)).toBe('two ')
    gone.abort()
    const second = deltasOf(await post(stage.url, { ...hello, stream: true }, key))
    expect(await next(second)).toBe('one two ')
    model.say('three')
    model.end()
    expect(await restOf(second)).toBe('three')
  })

  test('a stream over HTTP, of a run that a WebSocket began', async () => {
    const model = gatedModel()
    await using stage = await scene({ claw: { providers: { test: model.provider } } })
    const client = await RawClient.connected(stage.url)
    await client.ask('chat.send', { sessionKey: 'a', message: 'hello', idempotencyKey: 'one' })
    model.say('one ')
    await client.frame(({ payload }) => payload?.state === 'delta')
    await client[Symbol.asyncDispose]()
    const late = deltasOf(await post(stage.url, { ...hello, stream: true }, key))
    expect(await next(late)).toBe('one ')
    model.say('two')
    model.end()
    expect(await restOf(late)).toBe('two')
  })

  test.each(['chat.send', 'agent'])('%s, after its connection is gone', async (method) => {
    const model = gatedModel()
    await using stage = await scene({ claw: { providers: { test: model.provider } } })
    const params = { sessionKey: 'a', message: 'hello', idempotencyKey: 'one' }
    const first = await RawClient.connected(stage.url)
    await first.request(method, params)
    model.say('one ')
    await first.frame(({ payload }) => payload?.state === 'delta')
    model.say('two ')
    await first.frame(({ payload }) => payload?.deltaText === 'two ')
    await first[Symbol.asyncDispose]()
    await using second = await RawClient.connected(stage.url)
    await second.request(method, params)
    const head = await second.frame(({ payload }) => payload?.state === 'delta')
    expect(head.payload).toMatchObject({ deltaText: 'one two ', replace: true })
    model.say('three')
    model.end()
    await second.chatEnd('one')
    const deltas = second.eventsOf('one', 'chat').filter(({ payload }) => payload?.state === 'delta')
    expect(deltas.map(({ payload }) => payload?.deltaText)).toEqual(['one two ', 'three'])
  })

  test('a run whose beginning nobody here has heard comes whole, and never from its middle', async () => {
    const model = gatedModel()
    await using stage = await scene({ claw: { providers: { test: model.provider } } })
    const run = stage.claw.session('agent:main:a').send('hello', { idempotencyKey: 'one' })
    const heard = run[Symbol.asyncIterator]()
    model.say('one ')
    for (;;) if ((await heard.next()).value?.type === 'text-delta') break
    // It is answered once there is something to tell.
    const late = post(stage.url, { ...hello, stream: true }, key)
    await using client = await RawClient.connected(stage.url)
    await client.ask('sessions.subscribe', { sessionKey: 'a' })
    model.say('two')
    model.end()
    expect(await restOf(deltasOf(await late))).toBe('one two')
    await client.chatEnd('one')
    const deltas = client.eventsOf('one', 'chat').filter(({ payload }) => payload?.state === 'delta')
    expect(deltas.map(({ payload }) => payload?.deltaText).join('')).toBe('one two')
  })

  test('a run that is over comes whole', async () => {
    await using stage = await scene()
    await (await post(stage.url, { ...hello, stream: true }, key)).arrayBuffer()
    expect(await restOf(deltasOf(await post(stage.url, { ...hello, stream: true }, key)))).toBe('you said hello')
  })
})

test('a reader that leaves a stream ends the wait for the model, also where no socket tells so', async () => {
  const ended = Promise.withResolvers<void>()
  const provider: Provider = {
    async *doStream(_request, { signal }) {
      try {
        yield { type: 'text-delta', text: 'hello' }
        if (!signal.aborted) await once(signal, 'abort')
      } finally {
        ended.resolve()
      }
    },
  }
  await using stage = await scene({ claw: { providers: { test: provider } } })
  const body = JSON.stringify({ ...hello, stream: true })
  const request = new Request('http://localhost/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  const reader = (await stage.gateway.handler(request)).body?.getReader()
  await reader?.read()
  await reader?.cancel()
  await ended.promise
})
