/** `doctor --online` against servers that answer in their own ways. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { checkProvider } from './providers.ts'

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

const answering =
  (status: number, body: string, type = 'application/json'): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': type }).end(body)

async function found(listener: RequestListener, scheme = 'http', limitMs?: number) {
  const port = await listening(createServer(listener))
  return checkProvider('x', { type: 'openai', apiKey: 'none', baseUrl: `${scheme}://127.0.0.1:${port}/v1` }, true, limitMs)
}

const unknownPath = JSON.stringify({ error: { message: 'Unknown request URL: GET /v1/models', type: 'invalid_request_error' } })

test('a service that has no list of models, in its own words, is a warning that says when it is harmless', async () => {
  for (const status of [404, 405]) {
    expect(await found(answering(status, unknownPath))).toMatchObject({
      state: 'warning',
      detail: expect.stringContaining(`answered ${status}: Unknown request URL`),
      advice: expect.stringContaining('harmless only if the service has no such list'),
    })
  }
})

test.each([
  ['a path that a web server does not have', 404, '<h1>Not Found</h1>', 'text/html', 'has nothing of a model service at this address'],
  ['a path that an application does not have', 404, '{"detail":"Not Found"}', 'application/json', 'has nothing of a model service'],
  ['a refusal of another kind', 400, unknownPath, 'application/json', 'answered 400'],
  ['a web page', 200, '<!doctype html>', 'text/html', 'is not understood'],
  ['a failure of the server', 503, '', 'text/plain', 'answered 503'],
  ['a wrong key', 401, '{}', 'application/json', 'does not take the key'],
])('%s is a problem', async (_what, status, body, type, said) => {
  const finding = await found(answering(status, body, type))
  expect(finding).toMatchObject({ state: 'problem', detail: expect.stringContaining(said) })
  expect(finding.advice).not.toContain('harmless')
})

test('a server that does not speak TLS is a problem of its protocol, not of the network', async () => {
  expect(await found(answering(200, '{}'), 'https')).toMatchObject({
    state: 'problem',
    detail: expect.stringContaining('does not speak TLS'),
    advice: expect.stringContaining('correct the certificate or the protocol of the server'),
  })
})

test('a handshake that fails is a problem', async () => {
  // Without a certificate there is no cipher that both sides know.
  const port = await listening(createTlsServer(answering(200, '{}')))
  const config = { type: 'openai', apiKey: 'none', baseUrl: `https://127.0.0.1:${port}/v1` } as const
  expect(await checkProvider('x', config, true)).toMatchObject({
    state: 'problem',
    detail: expect.stringContaining('cannot be reached'),
  })
})

test('a server that says nothing is a problem', async () => {
  expect(await found(() => undefined, 'http', 50)).toMatchObject({ state: 'problem', detail: 'does not answer within 0.05 s' })
})

test('a proxy that is down is told as such', async () => {
  const server = createServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${port}`)
  vi.stubEnv('https_proxy', '')
  vi.stubEnv('NO_PROXY', '')
  vi.stubEnv('no_proxy', '')
  onTestFinished(() => void vi.unstubAllEnvs())
  const config = { type: 'openai', apiKey: 'none', baseUrl: 'https://model.invalid/v1' } as const
  expect(await checkProvider('x', config, true)).toMatchObject({
    state: 'problem',
    detail: expect.stringContaining('cannot be reached'),
    advice: 'correct the proxy in HTTPS_PROXY, or name the host in NO_PROXY',
  })
})

test('a local server wants neither a key nor an address', async () => {
  expect(await checkProvider('x', { type: 'openai', dialect: 'ollama' }, false)).toMatchObject({ state: 'ok' })
})

test('what a provider refuses is told in the words of a file', async () => {
  expect(await checkProvider('x', { type: 'openai', dialect: 'deepseek' }, false)).toMatchObject({
    state: 'problem',
    detail: expect.stringContaining(`write apiKey: \${DEEPSEEK_API_KEY}`),
    advice: 'correct providers.x.apiKey',
  })
})
