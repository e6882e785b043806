/** How both adapters behave when the network and the server misbehave, against a real server. */
import { createServer, type Socket } from 'node:net'
import { BeamClawError, type Clock, type Provider, type ProviderPart, type ProviderRequest, SystemClock } from '@beamclaw/core'
import { type Delivery, type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiProvider } from '../openai/openai-provider.ts'
import type { HttpOptions } from './http-options.ts'

const request: ProviderRequest = { model: 'scripted-1', messages: [{ role: 'user', content: 'hello' }] }
const never = new AbortController().signal
const answer = {
  thinking: 'First I think — hmm.',
  text: 'grüße 🦞 日本語\n"quoted" \\ done',
  toolCalls: [
    { name: 'read_file', input: { path: 'a/ü.txt', deep: [1, { b: null }] } },
    { name: 'now', input: {} },
  ],
  usage: { inputTokens: 12, outputTokens: 34, cacheReadTokens: 5, cacheWriteTokens: 6 },
} as const satisfies ModelAnswer

const providers = [
  ['OpenAI', (options: HttpOptions): Provider => new OpenAiProvider(options)],
  ['Anthropic', (options: HttpOptions): Provider => new AnthropicProvider({ service: 'claude', ...options })],
] as const

async function collect(provider: Provider, signal = never): Promise<ProviderPart[]> {
  const parts: ProviderPart[] = []
  for await (const part of provider.doStream(request, { signal })) parts.push(part)
  return parts
}

/** What came before the failure, and the failure. */
async function fail(provider: Provider, signal = never): Promise<{ parts: ProviderPart[]; error: BeamClawError }> {
  const parts: ProviderPart[] = []
  try {
    for await (const part of provider.doStream(request, { signal })) parts.push(part)
  } catch (error) {
    if (BeamClawError.isInstance(error)) return { parts, error }
    throw error
  }
  throw new Error('The stream did not fail')
}

describe.each(providers)('%s adapter', (_name, makeProvider) => {
  async function withServer<T>(
    delivery: Delivery,
    options: HttpOptions,
    run: (provider: Provider, server: ModelServer) => Promise<T>,
  ): Promise<T> {
    await using server = await startModelServer({ answers: () => ({ ...answer, delivery }) })
    const result = await run(makeProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test', ...options }), server)
    await server.idle()
    return result
  }

  const deliveries: Delivery[] = [
    ...[1, 2, 3, 5, 7, 64].map((chunks) => ({ chunks })),
    ...(['whole', 'line', 'character', 'field'] as const).map((chunks) => ({ chunks })),
    { lineEnd: '\r\n' },
    { lineEnd: '\r\n', chunks: 1 },
    { lineEnd: '\r', chunks: 1 },
    { comments: true, pings: true, unknownEvents: true, chunks: 3 },
    { omitDone: true },
    { omitLastLineEnd: true },
    { omitDone: true, omitLastLineEnd: true },
    { contentType: 'text/plain' },
    { contentType: 'application/json' },
    { contentType: 'application/json', chunks: 1 },
    { contentType: '' },
    { contentType: 'Text/Event-Stream; charset=utf-8' },
    { firstByteDelayMs: 10 },
    { contentLength: 1_000_000 },
  ]

  it('yields the same parts however they are delivered', async () => {
    const expected = await withServer({}, {}, (provider) => collect(provider))
    const texts = expected.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')
    expect(texts).toBe(answer.text)
    expect(expected.filter(({ type }) => type === 'tool-call')).toEqual(
      answer.toolCalls.map(({ name, input }, index) => ({ type: 'tool-call', id: `call_${index + 1}`, name, input })),
    )
    expect(expected.at(-1)).toEqual({ type: 'finish', reason: 'tool-calls', usage: answer.usage })
    for (const delivery of deliveries)
      expect([delivery, await withServer(delivery, {}, (provider) => collect(provider))]).toEqual([delivery, expected])
  })

  it('uses its connection again', async () => {
    await withServer({}, {}, async (provider, server) => {
      let calls = 0
      // Not always the first time, because the platform frees a connection a moment after the last byte.
      while (server.totalConnections === calls && calls < 50) {
        await collect(provider)
        calls++
      }
      expect(server.totalConnections).toBeLessThan(calls)
    })
  })

  it('never yields a call or a finish of an answer that broke off', async () => {
    const total = (await withServer({}, {}, (provider) => collect(provider))).length
    expect(total).toBeGreaterThan(10)
    for (const disconnect of ['reset', 'end'] as const) {
      for (let events = 1; events <= 12; events++) {
        const { parts, error } = await withServer({ disconnectAfterEvents: events, disconnect }, {}, (provider) => fail(provider))
        expect(error.code).toBe(disconnect === 'end' ? 'provider-protocol' : 'provider-network')
        if (disconnect === 'reset') expect(error.details).toMatchObject({ phase: 'body' })
        expect(parts.some(({ type }) => type === 'tool-call' || type === 'finish')).toBe(false)
      }
    }
    for (const bytes of [0, 1, 100, 777]) {
      const { error } = await withServer({ disconnectAfterBytes: bytes }, {}, (provider) => fail(provider))
      expect(error.code).toBe('provider-network')
    }
  })

  it.each<[string, Delivery, HttpOptions, object]>([
    ['malformed JSON', { malformedAfterEvents: 2 }, {}, { code: 'provider-protocol' }],
    ['a 10 MB line', { hugeLineBytes: 10_000_000 }, {}, { code: 'provider-protocol', details: { limit: 'maxEventBytes' } }],
    ['an endless line', { endless: 'line' }, { maxEventBytes: 100_000 }, { details: { limit: 'maxEventBytes' } }],
    [
      'endless text',
      { endless: 'text' },
      { maxResponseBytes: 200_000 },
      { code: 'provider-protocol', details: { limit: 'maxResponseBytes' } },
    ],
    ['endless pings', { endless: 'pings' }, { totalTimeoutMs: 80 }, { code: 'provider-timeout', details: { deadline: 'total' } }],
    ['no headers', { stall: 'headers' }, { firstByteTimeoutMs: 40 }, { code: 'provider-timeout', details: { deadline: 'first-byte' } }],
    ['no body', { stall: 'body' }, { firstByteTimeoutMs: 40 }, { code: 'provider-timeout', details: { deadline: 'first-byte' } }],
    ['silence midway', { stall: 4 }, { idleTimeoutMs: 40 }, { code: 'provider-timeout', details: { deadline: 'idle', limitMs: 40 } }],
    ['a slow first byte', { firstByteDelayMs: 5000 }, { firstByteTimeoutMs: 40 }, { details: { deadline: 'first-byte' } }],
    ['a content-length that cuts', { contentLength: 300 }, {}, { code: 'provider-protocol' }],
    ['a web page', { contentType: 'text/html' }, {}, { code: 'provider-protocol', details: { contentType: 'text/html' } }],
    ['a JSON answer that breaks off', { contentType: 'application/json', disconnectAfterBytes: 99 }, {}, { code: 'provider-network' }],
  ])('reports %s and frees the connection', async (_fault, delivery, options, expected) => {
    await withServer(delivery, options, async (provider, server) => {
      expect((await fail(provider)).error).toMatchObject(expected)
      await server.idle()
    })
  })

  it('reports an answer in the other protocol', async () => {
    for (const protocol of ['openai', 'anthropic'] as const) {
      const run = () => withServer({ protocol }, {}, (provider) => collect(provider))
      if (_name.toLowerCase() === protocol) expect((await run()).at(-1)).toMatchObject({ type: 'finish' })
      else await expect(run()).rejects.toMatchObject({ code: 'provider-protocol' })
    }
  })

  it('keeps an answer whose ending breaks after the reason to stop', async () => {
    const stalled = await withServer({ omitDone: true, stall: 1000 }, { idleTimeoutMs: 200 }, (provider) => collect(provider))
    expect(stalled.at(-1)).toMatchObject({ type: 'finish', reason: 'tool-calls' })
    // The short wait for an ending is skipped: its timer is early, and time has passed by then.
    const system = new SystemClock()
    let skippedMs = 0
    const clock: Clock = {
      now: () => system.now(),
      monotonic: () => system.monotonic() + skippedMs,
      yieldTo: (callback) => system.yieldTo(callback),
      setTimer: (callback, delayMs, background) => {
        if (delayMs <= 4_000 || delayMs > 5_000) return system.setTimer(callback, delayMs, background)
        const skip = (): void => {
          skippedMs += delayMs
          callback()
        }
        return system.setTimer(skip, 10, background)
      },
    }
    const pinged = await withServer({ omitDone: true, stall: 1000 }, { clock }, (provider) => collect(provider))
    expect(pinged.at(-1)).toMatchObject({ type: 'finish' })
  })

  it('reports a connection that cannot be made', async () => {
    const server = await startModelServer()
    const provider = makeProvider({ baseUrl: server.baseUrl })
    await server.stop()
    expect((await fail(provider)).error).toMatchObject({
      code: 'provider-network',
      details: { phase: 'connect', errorCode: 'ECONNREFUSED' },
    })
  })

  it('gives a connection that never stands its own deadline, and abort ends it', async () => {
    // A TLS handshake with a server that never says a word.
    const sockets: Socket[] = []
    const silent = createServer((socket) => void sockets.push(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const baseUrl = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v1`
    const { error } = await fail(makeProvider({ baseUrl, connectTimeoutMs: 50 }))
    expect(error).toMatchObject({ code: 'provider-timeout', details: { deadline: 'connect', limitMs: 50 } })
    const controller = new AbortController()
    silent.once('connection', () => controller.abort())
    expect((await fail(makeProvider({ baseUrl }), controller.signal)).error.code).toBe('provider-aborted')
    // The platform continues an abandoned handshake until its own limit of 10 seconds.
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => silent.close(resolve))
  })

  it('refuses redirects', async () => {
    await using server = await startModelServer({ answers: [{ error: { status: 307, headers: { location: '/v1/elsewhere' } } }] })
    const { error } = await fail(makeProvider({ baseUrl: server.baseUrl, apiKey: 'sk-test' }))
    expect(error).toMatchObject({ code: 'provider-protocol', isRetryable: false, details: { status: 307 } })
    expect(server.requests).toHaveLength(1)
  })

  it('uses the given fetch, and reports one that breaks', async () => {
    const seen: unknown[] = []
    const broken = makeProvider({
      baseUrl: 'http://example.invalid/v1',
      fetch: async (url, init) => {
        seen.push(url, typeof init.body)
        throw new TypeError('fetch failed', { cause: Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }) })
      },
    })
    expect((await fail(broken)).error).toMatchObject({ code: 'provider-network', details: { phase: 'connect', errorCode: 'ENOTFOUND' } })
    expect(seen).toEqual([expect.stringContaining('http://example.invalid/v1/'), 'string'])
    const deaf = makeProvider({ apiKey: 'none', fetch: () => new Promise(() => undefined), firstByteTimeoutMs: 30 })
    expect((await fail(deaf)).error).toMatchObject({ code: 'provider-timeout' })
  })
})
