/** The handlers for msw that testkit has, against both adapters: no server, no port, the same script. */
import type { Provider, ProviderPart, ProviderRequest } from '@beamclaw/core'
import { type ModelHandlersOptions, modelHandlers } from '@beamclaw/testkit/msw'
import { http } from 'msw'
import { setupServer } from 'msw/node'
import { describe, expect, onTestFinished, test } from 'vitest'
import { AnthropicProvider } from './anthropic/anthropic-provider.ts'
import { OpenAiProvider } from './openai/openai-provider.ts'
import type { HttpOptions } from './shared/http-options.ts'

const request: ProviderRequest = { model: 'scripted-1', messages: [{ role: 'user', content: 'hello' }] }
const secret = 'sk-live-abcdefghijklmnop'

function handle(options: ModelHandlersOptions) {
  const model = modelHandlers(http, options)
  const server = setupServer(...model.handlers)
  server.listen()
  onTestFinished(() => server.close())
  return model
}

async function ask(provider: Provider, signal = new AbortController().signal): Promise<{ parts: ProviderPart[]; text: string }> {
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream(request, { signal })) parts.push(part)
  return { parts, text: parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('') }
}

// By default the adapters call undici itself, which msw does not see; the global fetch is looked up at each call, since msw replaces it.
const viaFetch: HttpOptions = { apiKey: secret, fetch: (url, init) => fetch(url, init) }

// msw does not replace the fetch of Bun.
describe.skipIf('Bun' in globalThis).each([
  ['OpenAI', (options: HttpOptions = {}): Provider => new OpenAiProvider({ ...viaFetch, ...options }), 'openai-responses'],
  ['Chat Completions', (options: HttpOptions = {}): Provider => new OpenAiProvider({ api: 'chat', ...viaFetch, ...options }), 'openai'],
  ['Anthropic', (options: HttpOptions = {}): Provider => new AnthropicProvider({ ...viaFetch, ...options }), 'anthropic'],
] as const)('the %s adapter hears from msw', (_name, make, protocol) => {
  test('an answer in pieces, thinking, tool calls and usage', async () => {
    const model = handle({
      answers: [{ thinking: 'Hm.', text: 'one two', toolCalls: [{ id: 'a', name: 'look', input: { at: 1 } }], usage: { outputTokens: 7 } }],
    })
    const { parts, text } = await ask(make())
    expect(text).toBe('one two')
    expect(parts.filter(({ type }) => type === 'text-delta').length).toBe(2)
    expect(parts).toContainEqual(expect.objectContaining({ type: 'thinking-delta', text: 'Hm.' }))
    expect(parts).toContainEqual({ type: 'tool-call', id: 'a', name: 'look', input: { at: 1 } })
    expect(parts.at(-1)).toMatchObject({ type: 'finish', reason: 'tool-calls', usage: { outputTokens: 7 } })
    expect(model.requests).toMatchObject([{ protocol, method: 'POST', body: { model: 'scripted-1', stream: true } }])
  })

  test('an answer while it comes, which ends when it is aborted', async () => {
    handle({ answers: () => ({ text: 'one two three', delivery: { endless: 'text' } }) })
    const controller = new AbortController()
    const stream = make().doStream(request, { signal: controller.signal })[Symbol.asyncIterator]()
    for (let count = 0; count < 20; count++) expect((await stream.next()).done).toBe(false)
    // Not while msw passes a chunk on: the fetch of Node then meets a connection that closes without an error. A real connection has one (300 aborts).
    await new Promise(setImmediate)
    controller.abort()
    await expect(stream.next()).rejects.toMatchObject({ code: 'provider-aborted' })
  })

  test('answers in their order, one that is added, and that there are no more', async () => {
    const model = handle({ answers: ['one'] })
    model.enqueue('two')
    expect([(await ask(make())).text, (await ask(make())).text]).toEqual(['one', 'two'])
    await expect(ask(make())).rejects.toMatchObject({ code: 'provider-server', message: expect.stringContaining('no more answers') })
  })

  test.each([
    [{ error: { status: 429, headers: { 'retry-after': '2' } } }, { code: 'provider-rate-limit', retryAfterMs: 2_000 }],
    [
      { text: 'one two', delivery: { disconnectAfterEvents: 3 } },
      // In Node, msw passes a broken connection on as an early end.
      { code: expect.stringMatching(/^provider-(network|protocol)$/), isRetryable: true },
    ],
    [{ text: 'one two', delivery: { disconnectAfterEvents: 3, disconnect: 'end' as const } }, { code: 'provider-protocol' }],
  ])('failures: %j', async (answer, error) => {
    handle({ answers: [answer] })
    await expect(ask(make())).rejects.toMatchObject(error)
  })

  test('an answer that travels badly', async () => {
    handle({ answers: [{ text: 'grün 🌲', delivery: { chunks: 'character', lineEnd: '\r\n', pings: true, comments: true } }] })
    expect((await ask(make())).text).toBe('grün 🌲')
  })

  test('its key refused, and its models', async () => {
    handle({ apiKey: 'another', models: [{ id: 'a' }, { id: 'b' }] })
    await expect(ask(make())).rejects.toMatchObject({ code: 'provider-auth', message: expect.not.stringContaining(secret) })
    expect((await make({ apiKey: 'another' }).listModels?.({ signal: new AbortController().signal }))?.map(({ id }) => id)).toEqual([
      'a',
      'b',
    ])
  })

  test('nothing from another address than the one that was named', async () => {
    const model = handle({ baseUrl: 'https://models.example/api/', answers: () => 'hi' })
    expect((await ask(make({ baseUrl: 'https://models.example/api' }))).text).toBe('hi')
    await expect(ask(make({ baseUrl: 'http://127.0.0.1:9/v1' }))).rejects.toMatchObject({ code: 'provider-network' })
    expect(model.requests).toMatchObject([{ path: protocol === 'anthropic' ? '/v1/messages' : '/v1/chat/completions' }])
  })
})
