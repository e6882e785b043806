import {
  BeamClaw,
  BeamClawError,
  defineAgent,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type RunningBeamClaw,
  silentLogger,
} from '@beamclaw/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Gateway } from './gateway.ts'
import type { GatewayOptions } from './gateway-options.ts'

class Echo implements Provider {
  readonly requests: ProviderRequest[] = []
  failWith: BeamClawError | undefined

  async *doStream(request: ProviderRequest): AsyncGenerator<ProviderPart> {
    this.requests.push(request)
    if (this.failWith !== undefined) throw this.failWith
    const last = request.messages.at(-1)
    for (const word of `you said ${JSON.stringify(last?.content)}`.split(/(?<= )/)) yield { type: 'text-delta', text: word }
    yield { type: 'finish', reason: 'stop', usage: { inputTokens: 3, outputTokens: 4, cacheReadTokens: 2, cacheWriteTokens: 0 } }
  }
}

let echo: Echo
let claw: RunningBeamClaw
let gateways: Gateway[]

beforeEach(async () => {
  echo = new Echo()
  gateways = []
  claw = await new BeamClaw({
    providers: { test: echo },
    agents: [defineAgent({ id: 'main', model: 'test/echo', system: 'Be brief.' })],
    services: { logger: silentLogger },
  }).start()
})

afterEach(async () => {
  for (const gateway of gateways) await gateway.stop()
  await claw.stop()
})

function gatewayWith(options: Partial<GatewayOptions> = {}): Gateway {
  const gateway = new Gateway({ claw, port: 0, version: '1.2.3', ...options })
  gateways.push(gateway)
  return gateway
}

function chat(body: unknown, headers: Readonly<Record<string, string>> = {}): Request {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Request('http://localhost/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: text,
  })
}

const hello = { model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }

describe('the options', () => {
  test.each<[string, object, RegExp]>([
    ['a misspelt auth, which would leave the door open', { authh: { mode: 'token', token: 'x'.repeat(16) } }, /unknown option "authh"/],
    ['a misspelt port', { prot: 0 }, /unknown option "prot"; known options: .*port/],
    ['a misspelt limit', { limits: { maxBodyByte: 5 } }, /unknown limit "maxBodyByte"/],
    ['a BeamClaw that was not started', { claw: new BeamClaw({ providers: {}, agents: [] }) }, /must be a running BeamClaw/],
    ['nothing', { claw: undefined }, /must be a running BeamClaw/],
  ])('are refused for %s', (_what, options, message) => {
    const make = (): Gateway => new Gateway({ claw, port: 0, ...options } as GatewayOptions)
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(message) }))
  })
})

test('a gateway whose BeamClaw has ended is not ready, and asks no model', async () => {
  const gateway = new Gateway({ claw, port: 0 })
  gateways.push(gateway)
  await claw.stop()
  expect((await gateway.handler(new Request('http://127.0.0.1/ready', { headers: { host: '127.0.0.1' } }))).status).toBe(503)
  const body = JSON.stringify({ model: 'test/echo', messages: [{ role: 'user', content: 'hello' }] })
  const headers = { host: '127.0.0.1', 'content-type': 'application/json' }
  const answer = await gateway.handler(new Request('http://127.0.0.1/v1/chat/completions', { method: 'POST', headers, body }))
  expect(answer.status).toBe(503)
  expect(echo.requests).toEqual([])
  expect(() => claw.complete({ model: 'test/echo', messages: [] }, { signal: new AbortController().signal })).toThrow(
    expect.objectContaining({ code: 'actor-not-running' }),
  )
  await expect(claw.session('agent:main:a').send('hello').accepted).rejects.toThrow('This BeamClaw has ended')
})

describe('the handler, as a function from Request to Response', () => {
  test('tells that it is well and ready', async () => {
    const { handler } = gatewayWith()
    expect(await (await handler(new Request('http://localhost/health'))).json()).toMatchObject({ status: 'ok', version: '1.2.3' })
    expect((await handler(new Request('http://localhost/ready'))).status).toBe(200)
  })

  test('lists agents and models', async () => {
    const response = await gatewayWith().handler(new Request('http://localhost/v1/models'))
    const { data } = (await response.json()) as { readonly data: readonly { readonly id: string }[] }
    expect(data.map(({ id }) => id)).toEqual(['beamclaw/main', 'test/echo'])
  })

  test('answers a stateless question whole, with the agent’s own prompt before the client’s', async () => {
    const body = { ...hello, messages: [{ role: 'system', content: 'Speak French.' }, ...hello.messages] }
    const response = await gatewayWith().handler(chat(body))
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      model: 'beamclaw',
      choices: [{ message: { role: 'assistant', content: 'you said "hello"' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 },
    })
    expect(echo.requests[0]?.system).toBe('Be brief.\n\nSpeak French.')
  })

  test('takes the bare model without the agent', async () => {
    await gatewayWith().handler(chat({ ...hello, model: 'test/other' }))
    expect(echo.requests[0]).toMatchObject({ model: 'other' })
    expect(echo.requests[0]?.system).toBeUndefined()
  })

  test('streams, with usage only where it was asked for', async () => {
    const response = await gatewayWith().handler(chat({ ...hello, stream: true, stream_options: { include_usage: true } }))
    const lines = (await response.text()).split('\n').filter((line) => line.startsWith('data: '))
    const chunks = lines.slice(0, -1).map((line) => JSON.parse(line.slice(6)) as Record<string, never>)
    expect(chunks[0]).toMatchObject({ object: 'chat.completion.chunk', choices: [{ delta: { role: 'assistant' } }] })
    expect(chunks.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }] })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 9 } })
    expect(lines.at(-1)).toBe('data: [DONE]')
  })

  test('passes pictures on', async () => {
    const content = [
      { type: 'text', text: 'what is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } },
    ]
    await gatewayWith().handler(chat({ ...hello, messages: [{ role: 'user', content }] }))
    expect(echo.requests[0]?.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is this?' },
          { type: 'image', mediaType: 'image/png', data: 'aGk=' },
        ],
      },
    ])
  })

  test.each([
    ['not JSON', '{', 400, 'invalid_json'],
    ['no messages', { model: 'beamclaw', messages: [] }, 400, 'invalid_request'],
    ['a wrong type', { ...hello, temperature: 'hot' }, 400, 'invalid_request'],
    ['an unknown role', { ...hello, messages: [{ role: 'wizard', content: 'x' }] }, 400, 'invalid_request'],
    ['an unknown model', { ...hello, model: 'nobody/knows' }, 404, 'unknown-model'],
    ['an unknown agent', { ...hello, model: 'beamclaw/nobody' }, 404, 'unknown-agent'],
  ])('refuses %s in the shape that clients expect', async (_what, body, status, code) => {
    const response = await gatewayWith().handler(chat(body))
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ error: { code, message: expect.any(String), type: 'invalid_request_error' } })
  })

  test.each([
    ['provider-rate-limit', 429],
    ['provider-auth', 502],
    ['provider-timeout', 504],
  ] as const)('turns %s of the provider into %d', async (code, status) => {
    echo.failWith = new BeamClawError(code, 'no')
    expect((await gatewayWith().handler(chat(hello))).status).toBe(status)
  })

  test('refuses a session key that is none, and a conversation whose last word is not the user’s', async () => {
    const { handler } = gatewayWith()
    expect((await handler(chat(hello, { 'x-beamclaw-session-key': '../etc/passwd' }))).status).toBe(400)
    const body = { ...hello, messages: [{ role: 'assistant', content: 'x' }] }
    expect((await handler(chat(body, { 'x-beamclaw-session-key': 'agent:main:a' }))).status).toBe(400)
  })

  test('answers 404 for anything else', async () => {
    expect((await gatewayWith().handler(new Request('http://localhost/nothing'))).status).toBe(404)
  })
})

describe('a gateway with a token', () => {
  const auth = { mode: 'token', token: 'correct horse' } as const

  test.each([
    ['without one', {}, 401],
    ['with a wrong one', { authorization: 'Bearer wrong' }, 401],
    ['with part of it', { authorization: 'Bearer correct' }, 401],
    ['with it', { authorization: 'Bearer correct horse' }, 200],
  ])('lets nobody in %s', async (_how, headers, status) => {
    const response = await gatewayWith({ auth }).handler(
      new Request('http://localhost/v1/models', { headers: headers as Record<string, string> }),
    )
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain('correct horse')
  })

  test('tells everybody that it is well', async () => {
    expect((await gatewayWith({ auth }).handler(new Request('http://localhost/health'))).status).toBe(200)
  })
})

describe('a gateway on a port', () => {
  test('answers there, and says where that is', async () => {
    const { url } = await gatewayWith().start()
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' })
  })

  test('says what to do when the port is taken', async () => {
    const { port } = await gatewayWith().start()
    await expect(gatewayWith({ port }).start()).rejects.toThrow(/another program listens there/)
  })

  test('is refused on a host that others can reach, without a token', () => {
    expect(() => gatewayWith({ host: '0.0.0.0' })).toThrowError(expect.objectContaining({ code: 'invalid-option' }))
  })
})
