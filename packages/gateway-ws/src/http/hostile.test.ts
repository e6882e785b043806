/** Malformed and hostile HTTP requests, over a real port. */
import { request as httpRequest } from 'node:http'
import { ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { type ErrorBody, hello, post, spoken } from '../testing/http.ts'
import { scene } from '../testing/scene.ts'

describe('a request that nobody should make', () => {
  test.each([
    ['no body', '', 400, 'invalid_json'],
    ['not JSON', 'model=beamclaw', 400, 'invalid_json'],
    ['JSON that is no object', '"hello"', 400, 'invalid_request'],
    ['wrong types', { ...hello, messages: 'hello' }, 400, 'invalid_request'],
    ['a temperature of 3', { ...hello, temperature: 3 }, 400, 'invalid_request'],
    ['a top_p of 2', { ...hello, top_p: 2 }, 400, 'invalid_request'],
    ['two answers', { ...hello, n: 2 }, 400, 'invalid_request'],
    [
      'nine pictures',
      {
        ...hello,
        messages: [
          {
            role: 'user',
            content: Array.from({ length: 9 }, () => ({ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' } })),
          },
        ],
      },
      400,
      'invalid_request',
    ],
    ['an unknown model', { ...hello, model: 'gpt-5' }, 404, 'unknown-model'],
    ['an unknown provider', { ...hello, model: 'nobody/x' }, 404, 'unknown-model'],
    ['an unknown agent', { ...hello, model: 'beamclaw/nobody' }, 404, 'unknown-agent'],
    ['deep nesting', `{"model":"beamclaw","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400, 'too-deep'],
    ['a tool that is no function', { ...hello, tools: [{ type: 'wizard' }] }, 400, 'invalid_request'],
  ])('with %s gets %d and a text', async (_what, body, status, code) => {
    await using stage = await scene()
    const response = await post(stage.url, body)
    expect(response.status).toBe(status)
    const { error } = (await response.json()) as ErrorBody
    expect(error).toMatchObject({ code, type: 'invalid_request_error', message: expect.stringMatching(/./) })
    expect((await post(stage.url, hello)).status).toBe(200)
  })

  test('with the name of an agent as the model is told which model that is', async () => {
    await using stage = await scene()
    const { error } = (await (await post(stage.url, { ...hello, model: 'main' })).json()) as ErrorBody
    expect(error).toMatchObject({ code: 'unknown-model', message: expect.stringContaining('"beamclaw/main"') })
  })

  test('with __proto__ changes nothing', async () => {
    await using stage = await scene()
    const response = await post(
      stage.url,
      '{"model":"beamclaw","messages":[{"role":"user","content":"x","__proto__":{"polluted":1}}],"__proto__":{"polluted":1}}',
    )
    expect(response.status).toBe(200)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test('of 50 MB is refused, whether it says so or not', async () => {
    await using stage = await scene()
    const body = Buffer.alloc(50_000_000, 'x')
    const { promise, resolve } = Promise.withResolvers<number>()
    const request = httpRequest(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': body.length },
    })
    request.on('response', (response) => resolve(response.statusCode ?? 0))
    request.on('error', () => {})
    request.end(body)
    expect(await promise).toBe(413)
    const chunked = Promise.withResolvers<number>()
    const other = httpRequest(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    })
    other.on('response', (response) => chunked.resolve(response.statusCode ?? 0))
    other.on('error', () => {})
    other.end(body)
    expect(await chunked.promise).toBe(413)
    expect((await post(stage.url, hello)).status).toBe(200)
  })

  test('whose body never comes to its end gets 408', async () => {
    await using stage = await scene({ gateway: { limits: { requestMs: 200, headersMs: 200 } } })
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    expect(await spoken(stage.url, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{"mod\r\n`)).toMatch(/^HTTP\/1\.1 408 /)
    expect(await spoken(stage.url, head)).toMatch(/^HTTP\/1\.1 408 /)
    expect((await post(stage.url, hello)).status).toBe(200)
  })

  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET, HEAD'],
    ['PUT', '/health', 'GET, HEAD'],
  ])('%s %s is told what will do', async (method, path, allow) => {
    await using stage = await scene()
    const response = await fetch(`${stage.url}${path}`, { method })
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
    expect(await response.json()).toMatchObject({ error: { code: 'method-not-allowed' } })
  })

  test.each([['text/plain'], ['application/x-www-form-urlencoded'], ['application/jsonp'], ['']])(
    'with the type "%s" gets 415',
    async (type) => {
      await using stage = await scene()
      expect((await post(stage.url, hello, { 'content-type': type })).status).toBe(415)
    },
  )

  test('a thousand at once are all answered', async () => {
    await using stage = await scene()
    const statuses = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const response = await post(stage.url, hello)
        await response.arrayBuffer()
        return response.status
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([200]))
  })

  test('what nobody meant to throw is not shown', async () => {
    await using stage = await scene({ model: () => Promise.reject(new TypeError('secret detail')) })
    const response = await post(stage.url, hello)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret detail')
  })
})

describe('who may ask', () => {
  const auth = { mode: 'token', token: 'correct horse' } as const
  const right = { authorization: 'Bearer correct horse' }

  test('a bad token gets 401, one in the address a hint, and neither is repeated', async () => {
    await using stage = await scene({ gateway: { auth } })
    const wrong = await post(stage.url, hello, { authorization: 'Bearer battery staple' })
    expect(wrong.status).toBe(401)
    expect(await wrong.text()).not.toContain('staple')
    const response = await fetch(`${stage.url}/v1/models?token=correct%20horse`)
    expect(response.status).toBe(401)
    const text = await response.text()
    expect(text).toContain('Authorization: Bearer <token>')
    expect(text).not.toContain('horse')
    expect((await post(stage.url, hello, right)).status).toBe(200)
  })

  test('ten wrong tokens of one address in a minute, however it is written, and it has to wait', async () => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { auth, services: { clock } } })
    const ask = (address: string, authorization: string) =>
      stage.gateway.handler(new Request('http://localhost/v1/models', { headers: { authorization } }), { address })
    for (let index = 0; index < 10; index++)
      expect((await ask(index % 2 === 0 ? '192.0.2.7' : '::ffff:192.0.2.7', 'Bearer no')).status).toBe(401)
    const locked = await ask('192.0.2.7', right.authorization)
    expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, '60'])
    expect((await ask('192.0.2.8', right.authorization)).status).toBe(200)
    await clock.advance(60_000)
    expect((await ask('192.0.2.7', right.authorization)).status).toBe(200)
    for (let index = 0; index < 20; index++) await ask('127.0.0.1', 'Bearer no')
    expect((await ask('127.0.0.1', right.authorization)).status).toBe(200)
  })

  test.each([
    ['an evil Host', { host: 'evil.example' }, 403],
    ['an evil Host with a port', { host: 'evil.example:80' }, 403],
    ['an evil Origin', { origin: 'https://evil.example' }, 403],
    ['the Origin "null"', { origin: 'null' }, 403],
    ['an allowed Host', { host: 'claw.example' }, 200],
    ['an allowed Origin', { origin: 'https://chat.example' }, 200],
    ['localhost', { host: 'localhost:1' }, 200],
  ])('%s', async (_what, headers, status) => {
    await using stage = await scene({ gateway: { allowedHosts: ['claw.example'], allowedOrigins: ['https://chat.example'] } })
    const { promise, resolve } = Promise.withResolvers<number>()
    httpRequest(`${stage.url}/v1/models`, { headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }).end()
    expect(await promise).toBe(status)
  })

  test('two Hosts are one too many', async () => {
    await using stage = await scene()
    expect(await spoken(stage.url, 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    )
  })

  test('a page that is allowed may also send', async () => {
    await using stage = await scene({ gateway: { auth, allowedOrigins: ['https://chat.example'] } })
    const preflight = await fetch(`${stage.url}/v1/chat/completions`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://chat.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, 'https://chat.example'])
    const answer = await post(stage.url, hello, { ...right, origin: 'https://chat.example' })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, 'https://chat.example'])
  })
})
