import { describe, expect, it } from 'vitest'
import { type ModelServer, startModelServer } from './index.ts'

async function ask(server: ModelServer, path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.baseUrl + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
}

describe('ModelServer', () => {
  it('answers in both protocols, streamed and whole, and records what it was asked', async () => {
    const answer = { text: 'hi there', toolCalls: [{ name: 'look', input: { a: 1 } }] }
    await using server = await startModelServer({ answers: () => answer })
    const openAi = await ask(server, '/chat/completions', { model: 'm' })
    expect(await openAi.json()).toMatchObject({
      model: 'm',
      choices: [
        {
          message: { content: 'hi there', tool_calls: [{ id: 'call_1', function: { arguments: '{"a":1}' } }] },
          finish_reason: 'tool_calls',
        },
      ],
      usage: { prompt_tokens: 10, completion_tokens: 5 },
    })
    const anthropic = await ask(server, '/messages', { model: 'm' })
    expect(await anthropic.json()).toMatchObject({
      content: [{ text: 'hi there' }, { name: 'look', input: { a: 1 } }],
      stop_reason: 'tool_use',
    })
    const openAiStream = await ask(server, '/chat/completions', { stream: true })
    expect(openAiStream.headers.get('content-type')).toBe('text/event-stream')
    expect(await openAiStream.text()).toMatch(/"content":"there"[\s\S]*data: \[DONE\]\n\n$/)
    const anthropicStream = await ask(server, '/messages', { stream: true })
    expect(await anthropicStream.text()).toMatch(/^event: message_start\ndata: [\s\S]*"type":"message_stop"}\n\n$/)
    expect(server.requests.map(({ path, protocol, body }) => [path, protocol, body])).toEqual([
      ['/v1/chat/completions', 'openai', { model: 'm' }],
      ['/v1/messages', 'anthropic', { model: 'm' }],
      ['/v1/chat/completions', 'openai', { stream: true }],
      ['/v1/messages', 'anthropic', { stream: true }],
    ])
  })

  it('takes answers from a queue and says when it is empty', async () => {
    await using server = await startModelServer({ answers: ['one'] })
    server.enqueue({ error: { status: 429, headers: { 'retry-after': '1' } } }, { error: { status: 529 } })
    expect((await ask(server, '/messages', {})).status).toBe(200)
    const limited = await ask(server, '/messages', {})
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1'])
    expect(await limited.json()).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } })
    expect((await ask(server, '/chat/completions', {})).status).toBe(529)
    expect(await (await ask(server, '/messages', {})).json()).toMatchObject({ error: { type: 'script_exhausted' } })
    expect((await ask(server, '/unknown', {})).status).toBe(404)
  })

  it('asks for its key, in every form, and lists models', async () => {
    await using server = await startModelServer({ apiKey: 'k', answers: () => 'ok', models: [{ id: 'a' }, { id: 'b' }] })
    expect((await ask(server, '/messages', {})).status).toBe(401)
    expect((await ask(server, '/messages', {}, { 'x-api-key': 'k' })).status).toBe(200)
    expect((await ask(server, '/chat/completions', {}, { authorization: 'Bearer k' })).status).toBe(200)
    expect((await ask(server, '/chat/completions', {}, { 'api-key': 'k' })).status).toBe(200)
    expect((await ask(server, '/chat/completions', {}, { 'api-key': 'other' })).status).toBe(401)
    const page = await fetch(`${server.baseUrl}/models?limit=1`, { headers: { 'x-api-key': 'k', 'anthropic-version': '1' } })
    expect(await page.json()).toMatchObject({ data: [{ id: 'a' }], has_more: true, last_id: 'a' })
  })

  it.each(['nonsense', 'openrouter', 'constructor', '', null, 5])('has no dialect %j, and names those that it has', async (dialect) => {
    await expect(startModelServer({ dialect: dialect as never })).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(
        /^The option "dialect" of a model server must be one of anthropic, openai, .*deepseek, .*xai, received ./,
      ),
    })
  })

  it.each(['openai', 'azure'] as const)('refuses as OpenAI does over both protocols with the dialect %s', async (dialect) => {
    await using server = await startModelServer({ dialect })
    const chat = await ask(server, '/chat/completions', { model: 'gpt-5', messages: [], max_tokens: 5 })
    expect([chat.status, await chat.json()]).toMatchObject([400, { error: { param: 'max_tokens' } }])
    const responses = await ask(server, '/responses', { model: 'gpt-5', input: 'hi', stop: 'x' })
    expect([responses.status, await responses.json()]).toMatchObject([400, { error: { param: 'stop' } }])
  })

  it('counts connections and requests, and waits for them to end', async () => {
    const server = await startModelServer({ answers: () => ({ text: 'a b c', delivery: { endless: 'text' } }) })
    const controller = new AbortController()
    const response = await fetch(`${server.baseUrl}/messages`, { method: 'POST', body: '{"stream":true}', signal: controller.signal })
    await server.received(1)
    expect([server.openConnections, server.totalConnections, server.activeRequests]).toEqual([1, 1, 1])
    controller.abort()
    await expect(response.text()).rejects.toThrow()
    await server.idle()
    expect([server.activeRequests, server.requests.length]).toEqual([0, 1])
    await server.stop()
    await server.stop()
  })

  it('breaks off after exactly the wanted bytes, and stops while an answer stalls', async () => {
    const raw = 'data: 0123456789\n\n'
    await using server = await startModelServer({
      answers: [
        { raw, delivery: { disconnectAfterBytes: 10, disconnect: 'end' } },
        { text: 'x', delivery: { stall: 1 } },
      ],
    })
    expect(await (await ask(server, '/messages', {})).text()).toBe(raw.slice(0, 10))
    const stalled = await ask(server, '/messages', { stream: true })
    await server.stop()
    await expect(stalled.text()).rejects.toThrow()
  })

  it('reports a failing answer function to the client', async () => {
    await using server = await startModelServer({
      answers: () => {
        throw new Error('the script is wrong')
      },
    })
    const response = await ask(server, '/messages', {})
    expect([response.status, await response.text()]).toEqual([500, 'Error: the script is wrong'])
  })
})
