/** Abort and leaving early, at every point of a call; no connection may stay behind. */
import { inspect } from 'node:util'
import { BeamClawError, type Provider, type ProviderRequest } from '@beamclaw/core'
import { type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { AnthropicProvider } from '../anthropic/anthropic-provider.ts'
import { OpenAiProvider } from '../openai/openai-provider.ts'
import type { HttpOptions } from './http-options.ts'

const request: ProviderRequest = { model: 'scripted-1', messages: [{ role: 'user', content: 'hello' }] }
const secret = 'sk-live-abcdefghijklmnop'
const text = 'one two three four five six'

describe.each([
  ['OpenAI', (options: HttpOptions): Provider => new OpenAiProvider(options)],
  ['Anthropic', (options: HttpOptions): Provider => new AnthropicProvider(options)],
] as const)('%s adapter', (_name, makeProvider) => {
  async function start(answer: ModelAnswer): Promise<{ server: ModelServer; provider: Provider; controller: AbortController }> {
    const server = await startModelServer({ answers: () => answer })
    return { server, provider: makeProvider({ baseUrl: server.baseUrl, apiKey: secret }), controller: new AbortController() }
  }

  async function drain(provider: Provider, signal: AbortSignal): Promise<number> {
    let count = 0
    for await (const _ of provider.doStream(request, { signal })) count++
    return count
  }

  const aborted = { code: 'provider-aborted', isRetryable: false }

  it('does not connect when the signal has fired before', async () => {
    const { server, provider, controller } = await start({ text })
    controller.abort(new Error('too late'))
    await expect(drain(provider, controller.signal)).rejects.toMatchObject({ ...aborted, cause: { message: 'too late' } })
    await expect(provider.listModels?.({ signal: controller.signal })).rejects.toMatchObject(aborted)
    expect(server.totalConnections).toBe(0)
    await server.stop()
  })

  it.each(['headers', 'body', 3] as const)('ends while the server is silent (%s)', async (stall) => {
    const { server, provider, controller } = await start({ text, delivery: { stall } })
    const running = drain(provider, controller.signal)
    await server.received(1)
    controller.abort()
    await expect(running).rejects.toMatchObject(aborted)
    await server.idle()
    await server.stop()
  })

  it('ends between two parts, and frees the connection even before the next is asked for', async () => {
    const { server, provider, controller } = await start({ text, delivery: { endless: 'text' } })
    const stream = provider.doStream(request, controller)[Symbol.asyncIterator]()
    await stream.next()
    controller.abort()
    await server.idle()
    await expect(stream.next()).rejects.toMatchObject(aborted)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    await server.stop()
  })

  it('frees the connection when the loop is left', async () => {
    const { server, provider, controller } = await start({ text, delivery: { endless: 'text' } })
    for await (const part of provider.doStream(request, controller)) if (part.type === 'text-delta') break
    await server.idle()
    await server.stop()
  })

  it('frees the connection when it is left while a part is awaited', async () => {
    const { server, provider, controller } = await start({ text, delivery: { stall: 'body' } })
    const stream = provider.doStream(request, controller)[Symbol.asyncIterator]()
    const pending = stream.next()
    pending.catch(() => undefined)
    await server.received(1)
    await stream.return?.()
    await expect(pending).rejects.toMatchObject(aborted)
    await server.idle()
    await server.stop()
  })

  it('starts nothing until the first part is asked for', async () => {
    const { server, provider, controller } = await start({ text })
    const stream = provider.doStream(request, controller)[Symbol.asyncIterator]()
    await stream.return?.()
    expect(server.totalConnections).toBe(0)
    await server.stop()
  })

  it('keeps no listener on a signal that outlives the call', async () => {
    const { server, provider, controller } = await start({ text })
    let listeners = 0
    const { signal } = controller
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners++
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners--
      remove(...given)
    }
    for (let call = 0; call < 5; call++) await drain(provider, signal)
    await provider.listModels?.({ signal })
    expect(listeners).toBe(0)
    await server.stop()
  })

  it('answers many calls at once and leaves nothing behind', async () => {
    const { server, provider, controller } = await start({ text })
    const counts = await Promise.all(Array.from({ length: 20 }, () => drain(provider, controller.signal)))
    expect(new Set(counts).size).toBe(1)
    await server.idle()
    await server.stop()
  })

  it('shows no secret in any failure', async () => {
    const echo = { message: `bad key ${secret}, Bearer ${secret}`, type: secret, code: secret }
    const answers: ModelAnswer[] = [
      { error: { status: 401, body: { type: 'error', error: echo, request_id: secret } } },
      { error: { status: 500, body: `<html>${secret}</html>`, headers: { 'x-request-id': secret, 'retry-after': secret } } },
      { error: { status: 302, headers: { location: `https://evil.example/${secret}` } } },
      { text, streamError: echo },
      { frames: [{ data: secret }] },
      { frames: [{ data: { type: 'message_start', message: secret, choices: secret } }] },
      { text, delivery: { disconnectAfterEvents: 2 } },
      { text, delivery: { contentType: `text/html; x=${secret}` } },
    ]
    await using server = await startModelServer({ answers })
    const provider = makeProvider({ baseUrl: server.baseUrl, apiKey: secret, headers: { 'x-team-token': 'team-secret-value' } })
    const failures: unknown[] = []
    for (const _ of answers) failures.push(await drain(provider, new AbortController().signal).catch((error: unknown) => error))
    const lost = makeProvider({ baseUrl: 'http://127.0.0.1:1/v1', apiKey: secret })
    failures.push(await drain(lost, new AbortController().signal).catch((error: unknown) => error))
    for (const failure of failures) {
      if (!BeamClawError.isInstance(failure)) throw new Error('A call did not fail')
      expect(inspect(failure, { depth: 20, showHidden: true })).not.toMatch(/abcdefghijkl|team-secret/)
    }
  })
})
