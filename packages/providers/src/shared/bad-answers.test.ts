/** An address that is no model service, or that of another one: each ends as one error that says what to do. Against real servers. */
import type { RequestListener } from 'node:http'
import { ManualClock } from '@beamclaw/core/testing'
import { describe, expect, it } from 'vitest'
import { type AdapterName, failureOf, httpAdapters, httpServer, socketServer } from '../testing/bad-servers.ts'

const key = 'sk-secret-0123456789'

function answer(status: number, contentType: string, body: string): RequestListener {
  return (_request, response) => {
    response.writeHead(status, contentType === '' ? {} : { 'content-type': contentType })
    response.end(body)
  }
}

const json = (status: number, body: unknown): RequestListener => answer(status, 'application/json', JSON.stringify(body))
const sse = (...events: readonly object[]): RequestListener =>
  answer(200, 'text/event-stream', events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''))

const page = '<!doctype html><title>Welcome</title>'
const chat = sse({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: 'grüße' } }] }, { choices: [] })
const messages = sse({ type: 'message_start', message: { type: 'message', content: [] } }, { type: 'message_stop' })
const responses = sse({ type: 'response.created', response: { object: 'response', status: 'in_progress' } })
const gemini = sse({ candidates: [{ content: { parts: [{ text: '漢字' }] } }] })
const ollama = sse({ model: 'tiny', message: { role: 'assistant', content: '🦀' }, done: false })

const lines = answer(
  200,
  'application/x-ndjson',
  '{"model":"tiny","message":{"content":"Hi"},"done":false}\n{"model":"tiny","done":true}\n',
)

const noPath = { code: 'provider-bad-request', says: 'Check "baseUrl", which has no /' }
const noModel = { code: 'provider-bad-request', says: 'Correct the name of the model' }
const notIts = { code: 'provider-protocol', says: 'Check that "baseUrl" is the address of a server that speaks ' }
const wrongKey = { code: 'provider-auth', says: 'Correct the option "apiKey"' }

interface Expected {
  readonly code: string
  readonly says: string
  readonly isRetryable?: boolean
  /** The adapter that reads this answer well. */
  readonly reader?: AdapterName
}

const cases: readonly (readonly [what: string, listener: RequestListener, expected: Expected])[] = [
  ['a refused key', json(401, { error: { message: 'Incorrect API key provided.', code: 'invalid_api_key' } }), wrongKey],
  ['a refused key, as Anthropic says it', json(401, { error: { type: 'authentication_error', message: 'invalid x-api-key' } }), wrongKey],
  ['a key that may not', answer(403, 'text/html', page), { code: 'provider-auth', says: 'Check what the option "apiKey" may use' }],
  ['no credit', answer(402, 'text/html', page), { code: 'provider-billing', says: 'Add credit or raise the limit' }],
  ['a web page', answer(200, 'text/html', page), { code: 'provider-protocol', says: 'is a web page. Correct "baseUrl"' }],
  ['a web page without a type', answer(200, '', `\n ${page}`), { code: 'provider-protocol', says: 'is a web page. Correct "baseUrl"' }],
  ['a web page with 404', answer(404, 'text/html', page), noPath],
  ['a 404 of a text', answer(404, 'text/plain', '404 page not found'), noPath],
  ['a 404 of another API', json(404, { detail: 'Not Found' }), noPath],
  ['a 404 of a third API', json(404, { timestamp: '2026-01-01T00:00:00Z', status: 404, error: 'Not Found', path: '/v1/messages' }), noPath],
  [
    'a 404 of OpenAI for a path',
    json(404, { error: { message: 'Invalid URL (POST /v1/messages)', type: 'invalid_request_error' } }),
    noPath,
  ],
  ['a method that is refused', json(405, { detail: 'Method Not Allowed' }), noPath],
  [
    'an unknown model at OpenAI',
    json(404, { error: { message: 'The model `no-such-model` does not exist', code: 'model_not_found' } }),
    noModel,
  ],
  ['an unknown model at Anthropic', json(404, { error: { type: 'not_found_error', message: 'model: no-such-model' } }), noModel],
  ['an unknown model at Ollama', json(404, { error: { message: 'model "no-such-model" not found, try pulling it first' } }), noModel],
  ['JSON of another API', json(200, { ok: true, version: '1.2' }), { ...notIts, says: '(it is JSON of another kind). Check that' }],
  ['a list', json(200, [1, 2]), notIts],
  ['nothing but null', json(200, null), notIts],
  ['broken JSON', answer(200, 'application/json', '{"a":'), { ...notIts, says: 'the answer is not JSON' }],
  ['a text', answer(200, 'text/plain', 'It is running'), { ...notIts, says: 'is no stream of events, but text/plain). Check that' }],
  ['an image', answer(200, 'image/png', '\u0089PNG'), notIts],
  ['nothing', answer(200, 'text/plain', ''), { ...notIts, says: '(it is empty). Check that' }],
  ['no events', answer(200, 'text/event-stream', ''), { ...notIts, says: '(it is empty). Check that' }],
  ['events that are texts', answer(200, 'text/event-stream', 'data: hello\n\n'), notIts],
  ['Chat Completions', chat, foreign('Chat Completions', 'OpenAiProvider', 'OpenAiChatProvider')],
  ['Messages', messages, foreign('the Messages API', 'AnthropicProvider', 'AnthropicProvider')],
  ['Responses', responses, foreign('the Responses API', 'OpenAiResponsesProvider', 'OpenAiResponsesProvider')],
  ["Gemini's own API", gemini, foreign("Gemini's own API", 'the dialect "gemini"')],
  ["Ollama's own API, as it sends it", lines, foreign("Ollama's own API", 'the dialect "ollama"')],
  ["Ollama's own API", ollama, foreign("Ollama's own API", 'the dialect "ollama"')],
]

function foreign(title: string, advice: string, reader?: AdapterName): Expected {
  const says = `answered in another protocol: in ${title}, and not in`
  return { code: 'provider-protocol', says: `${says}|${advice}`, isRetryable: false, ...(reader === undefined ? {} : { reader }) }
}

describe.each(httpAdapters)('%s', (adapter, make) => {
  describe.each(['dispatcher', 'fetch'] as const)('over %s', (transport) => {
    const own = transport === 'fetch' ? { fetch: (url: string, init: RequestInit) => fetch(url, init) } : {}

    it.each(cases)('meets %s', async (_what, listener, { code, says, isRetryable, reader }) => {
      if (reader === adapter) return
      await using server = await httpServer(listener)
      const { parts, error } = await failureOf(make({ baseUrl: `http://127.0.0.1:${server.port}/v1`, apiKey: key, ...own }))
      expect(parts).toEqual([])
      expect(error.code).toBe(code)
      for (const text of says.split('|')) expect(error.message).toContain(text)
      expect(error.message).toContain(`127.0.0.1:${server.port}`)
      if (isRetryable !== undefined) expect(error.isRetryable).toBe(isRetryable)
      expect(error.message).not.toContain('\n')
      expect(JSON.stringify([error.message, error.details, String(error.cause), error.stack?.split('\n')[0]])).not.toContain(key)
    })
  })

  it('names where the key is from', async () => {
    await using server = await httpServer(answer(401, 'text/plain', ''))
    const baseUrl = `http://127.0.0.1:${server.port}/v1`
    const variables = adapter === 'AnthropicProvider' ? ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'] : ['OPENAI_API_KEY', 'OPENAI_BASE_URL']
    const [keyVariable = '', urlVariable = ''] = variables
    const messageOf = async (options: Parameters<typeof make>[0]): Promise<string> => (await failureOf(make(options))).error.message
    expect(await messageOf({ environment: { [keyVariable]: key, [urlVariable]: baseUrl } })).toMatch(
      new RegExp(`Correct the environment variable ${keyVariable}$`),
    )
    expect(await messageOf({ baseUrl, headers: { authorization: 'Bearer abc' } })).toMatch(/Correct the key in the option "headers"$/)
    expect(await messageOf({ baseUrl, environment: {} })).toContain('No key was sent: pass the option "apiKey"')
  })

  it('says where a redirect leads, and nothing that it holds', async () => {
    await using server = await httpServer((_request, response) => {
      response.writeHead(301, { location: `https://me:${key}@elsewhere.test/v1?key=${key}` })
      response.end()
    })
    const { error } = await failureOf(make({ baseUrl: `http://127.0.0.1:${server.port}/v1`, apiKey: key }))
    expect(error.message).toMatch(/redirect to https:\/\/elsewhere\.test, which is refused\. Correct "baseUrl"$/)
  })

  it('says the same about a list of models', async () => {
    await using server = await httpServer(answer(200, 'text/html', page))
    const listing = make({ baseUrl: `http://127.0.0.1:${server.port}/v1`, apiKey: key }).listModels?.({
      signal: new AbortController().signal,
    })
    await expect(listing).rejects.toMatchObject({
      code: 'provider-protocol',
      message: expect.stringContaining('web page. Correct "baseUrl"'),
    })
  })

  it('believes a status whose body never ends', async () => {
    await using server = await httpServer((_request, response) => {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' })
      response.write('{')
    })
    const clock = new ManualClock()
    const failing = failureOf(make({ baseUrl: `http://127.0.0.1:${server.port}/v1`, apiKey: key, clock }))
    let isOver = false
    let waitedMs = 0
    failing.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      // The wait for the body is one of several timers.
      if (clock.pendingTimers > 1) await clock.advance(100)
      if (clock.pendingTimers > 1) waitedMs += 100
    }
    expect(waitedMs).toBeLessThan(60_000)
    expect((await failing).error).toMatchObject({ code: 'provider-rate-limit', retryAfterMs: 1_000 })
  })

  it('shows no token of a header, and none of the body, that the service repeats', async () => {
    const [token, inner] = ['tok_9876543210', 'mcp_9876543210']
    await using server = await httpServer(json(400, { error: { message: `No ${token}, and no ${inner}`, code: token, type: inner } }))
    const extraBody = { mcp_servers: [{ authorization_token: inner }] }
    const { error } = await failureOf(
      make({ baseUrl: `http://127.0.0.1:${server.port}/v1`, headers: { authorization: `Bearer ${token}` }, extraBody }),
    )
    expect(JSON.stringify([error.message, error.details])).not.toMatch(/(?:tok|mcp)_9/)
  })

  it('tries again after an answer whose framing broke on its way', async () => {
    await using server = await socketServer((socket) => {
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\n: hi\n\r\nzz\r\n')
      })
    })
    const { error } = await failureOf(make({ baseUrl: `http://127.0.0.1:${server.port}/v1`, apiKey: key }))
    expect(error).toMatchObject({ code: 'provider-network', isRetryable: true })
    expect(error.message).not.toContain('does not speak HTTP')
  })
})
