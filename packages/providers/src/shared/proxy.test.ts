/** Requests through a proxy of the environment: with a real one, which opens a tunnel to where the test sends it. */
import { connect, type Socket } from 'node:net'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type BadServer,
  canTrust,
  failureOf,
  httpAdapters,
  httpServer,
  isBun,
  socketServer,
  tlsServer,
  trustAuthority,
} from '../testing/bad-servers.ts'
import type { Environment } from './environment.ts'
import type { HttpOptions } from './http-options.ts'
import { proxyFor } from './proxy.ts'

beforeAll(() => trustAuthority(true))
afterAll(() => trustAuthority(false))

const password = 'p@ss:wörd/0123'
const authorization = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`

interface TestProxy extends BadServer {
  /** The tunnels that were asked for. */
  readonly asked: { readonly target: string; readonly authorization: string | undefined }[]
}

/** A proxy that responds to CONNECT with `status`, and opens a tunnel to `port` for 200. */
async function startProxy(port: number, status = 200): Promise<TestProxy> {
  const asked: TestProxy['asked'] = []
  const server = await socketServer((socket) => {
    let head = ''
    const onData = (piece: Buffer): void => {
      head += piece.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      socket.off('data', onData)
      const target = /^CONNECT (\S+)/.exec(head)?.[1] ?? `no tunnel: ${head.split('\r\n', 1)[0]}`
      asked.push({ target, authorization: /^proxy-authorization: (.*)$/im.exec(head)?.[1] })
      socket.write(`HTTP/1.1 ${status} Well\r\ncontent-length: 0\r\n\r\n`.replace(status === 200 ? 'content-length: 0\r\n' : /$^/, ''))
      if (status === 200) tunnel(socket, port)
    }
    socket.on('data', onData)
  })
  return Object.assign(server, { asked })
}

function tunnel(socket: Socket, port: number): void {
  const target = connect(port, '127.0.0.1')
  target.on('error', () => socket.destroy())
  target.on('close', () => socket.destroy())
  socket.on('close', () => target.destroy())
  socket.pipe(target).pipe(socket)
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

async function textOf(provider: ReturnType<(typeof httpAdapters)[number][1]>): Promise<string> {
  let text = ''
  const request = { model: 'm', messages: [{ role: 'user', content: 'hello' }] } as const
  for await (const part of provider.doStream(request, { signal: new AbortController().signal }))
    if (part.type === 'text-delta') text += part.text
  return text
}

describe.skipIf(isBun).each(httpAdapters)('%s', (_adapter, make) => {
  const through = (environment: Environment, options: HttpOptions = {}) =>
    make({ baseUrl: 'http://model.test/v1', apiKey: 'sk-secret-0123456789', environment, ...options })

  it('goes through the proxy, with its user name and password, and reuses the tunnel', async () => {
    await using server = await startModelServer({ answers: () => 'über' })
    await using proxy = await startProxy(portOf(server.url))
    const provider = through({ HTTP_PROXY: `http://me:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}` })
    let calls = 0
    // Not always the first time, because a connection is free a moment after the last byte.
    while (proxy.asked.length === calls && calls < 50) {
      expect(await textOf(provider)).toBe('über')
      calls++
    }
    expect(proxy.asked.length).toBeLessThan(calls)
    for (const asked of proxy.asked) expect(asked).toEqual({ target: 'model.test:80', authorization })
    expect(JSON.stringify(server.requests.map(({ headers }) => headers))).not.toContain('proxy')
  })

  it('reports a proxy that wants a password, refuses the host, or does not reach it', async () => {
    for (const [status, says, isRetryable] of [
      [407, 'wants a user name and a password', false],
      [403, 'refuses this host with status 403', false],
      [502, 'does not reach the service', true],
    ] as const) {
      await using proxy = await startProxy(0, status)
      const { error } = await failureOf(through({ http_proxy: `http://me:secret-word@127.0.0.1:${proxy.port}` }))
      expect(error).toMatchObject({ code: 'provider-network', isRetryable, details: { phase: 'connect', proxyVariable: 'http_proxy' } })
      expect(error.message).toContain(says)
      expect(error.message).toContain('environment variable http_proxy')
      expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toMatch(/secret-word|sk-secret/)
    }
  })

  it.each(['http://model.test/v1', 'https://model.test/v1'])('asks a proxy that closes each tunnel to %s once', async (baseUrl) => {
    let connections = 0
    await using proxy = await socketServer((socket) => {
      connections++
      socket.once('data', () => socket.end())
    })
    const { error } = await failureOf(
      through({ HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }, { baseUrl }),
    )
    expect(error).toMatchObject({
      code: 'provider-network',
      details: { proxyVariable: baseUrl.startsWith('https') ? 'HTTPS_PROXY' : 'HTTP_PROXY' },
    })
    const asked = connections
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect([asked, connections]).toEqual([1, 1])
  })

  it('reports a proxy that is down', async () => {
    const proxy = await startProxy(0)
    await proxy[Symbol.asyncDispose]()
    const { error } = await failureOf(through({ HTTP_PROXY: `127.0.0.1:${proxy.port}` }))
    expect(error).toMatchObject({ code: 'provider-network', isRetryable: true, details: { errorCode: 'ECONNREFUSED' } })
    expect(error.message).toContain('The proxy of the environment variable HTTP_PROXY cannot be reached (ECONNREFUSED)')
  })
})

const [, make] = httpAdapters[1]

describe.skipIf(isBun)('a tunnel', () => {
  it.runIf(canTrust)('carries TLS, whose certificate is that of the service', async () => {
    await using good = await tlsServer('good', (_request, response) => {
      response.writeHead(401)
      response.end()
    })
    await using proxy = await startProxy(good.port)
    const environment = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
    const { error } = await failureOf(make({ baseUrl: 'https://other.test/v1', apiKey: 'none', environment }))
    expect(error).toMatchObject({ code: 'provider-network', details: { errorCode: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
    expect(error.message).toContain('certificate is for another host')
    expect(proxy.asked.map(({ target }) => target)).toEqual(['other.test:443'])

    await using named = await tlsServer('wrong-host', (_request, response) => {
      response.writeHead(401)
      response.end()
    })
    await using second = await startProxy(named.port)
    const right = make({
      baseUrl: 'https://other.test/v1',
      apiKey: 'none',
      environment: { HTTPS_PROXY: `http://127.0.0.1:${second.port}` },
    })
    expect((await failureOf(right)).error).toMatchObject({ code: 'provider-auth', details: { status: 401 } })
  })

  it('that never opens ends with the deadline of the connection', async () => {
    await using silent = await socketServer(() => undefined)
    const environment = { HTTP_PROXY: `http://127.0.0.1:${silent.port}` }
    const { error } = await failureOf(make({ baseUrl: 'http://model.test/v1', apiKey: 'none', environment, connectTimeoutMs: 50 }))
    expect(error).toMatchObject({ code: 'provider-timeout', details: { deadline: 'connect', limitMs: 50 } })
  })

  it('begins the wait for the first byte when it is open', async () => {
    await using server = await startModelServer({ answers: [{ text: 'late', delivery: { stall: 'headers' } }] })
    await using proxy = await startProxy(portOf(server.url))
    const environment = { HTTP_PROXY: `http://127.0.0.1:${proxy.port}` }
    const { error } = await failureOf(make({ baseUrl: 'http://model.test/v1', apiKey: 'none', environment, firstByteTimeoutMs: 50 }))
    expect(error).toMatchObject({ code: 'provider-timeout', details: { deadline: 'first-byte', limitMs: 50 } })
    await server.idle()
  })

  it('is not for a fetch of the caller', async () => {
    await using server = await httpServer((_request, response) => void response.writeHead(401).end())
    const seen: string[] = []
    const own = (url: string, init: RequestInit): Promise<Response> => {
      seen.push(url)
      return fetch(`http://127.0.0.1:${server.port}`, init)
    }
    const environment = { HTTP_PROXY: 'http://127.0.0.1:1' }
    const { error } = await failureOf(make({ baseUrl: 'http://model.test/v1', apiKey: 'none', environment, fetch: own }))
    expect(error.code).toBe('provider-auth')
    expect(seen).toEqual(['http://model.test/v1/chat/completions'])
  })
})

describe('the proxy of an address', () => {
  const of = (url: string, environment: Environment) => proxyFor('Test', new URL(url), environment)?.url

  it.each<[string, Environment, string | undefined]>([
    ['https://a.test', {}, undefined],
    ['https://a.test', { HTTPS_PROXY: 'http://p.test:3128' }, 'http://p.test:3128'],
    ['https://a.test', { HTTP_PROXY: 'http://p.test:3128' }, undefined],
    ['http://a.test', { HTTP_PROXY: 'p.test:3128' }, 'http://p.test:3128'],
    ['http://a.test', { HTTPS_PROXY: 'http://p.test:3128' }, undefined],
    ['https://a.test', { HTTPS_PROXY: 'http://p.test', https_proxy: 'http://lower.test' }, 'http://lower.test'],
    ['https://a.test', { HTTPS_PROXY: '  ' }, undefined],
    ['https://localhost', { HTTPS_PROXY: 'http://p.test' }, undefined],
    ['http://127.0.0.1:11434', { HTTP_PROXY: 'http://p.test' }, undefined],
    ['http://[::1]:11434', { HTTP_PROXY: 'http://p.test' }, undefined],
    ['https://a.test', { HTTPS_PROXY: 'http://p.test', NO_PROXY: 'b.test, a.test' }, undefined],
    ['https://x.a.test', { HTTPS_PROXY: 'http://p.test', NO_PROXY: 'a.test' }, undefined],
    ['https://x.a.test', { HTTPS_PROXY: 'http://p.test', no_proxy: '.A.test' }, undefined],
    ['https://xa.test', { HTTPS_PROXY: 'http://p.test', NO_PROXY: 'a.test' }, 'http://p.test'],
    ['https://a.test', { HTTPS_PROXY: 'http://p.test', NO_PROXY: '*' }, undefined],
    ['https://a.test', { HTTPS_PROXY: 'http://p.test', NO_PROXY: 'a.test:443' }, undefined],
    ['https://a.test', { HTTPS_PROXY: 'http://p.test', NO_PROXY: 'a.test:8443' }, 'http://p.test'],
    ['http://10.1.2.3:80', { HTTP_PROXY: 'http://p.test', NO_PROXY: '10.1.2.3' }, undefined],
  ])('%s with %j is %s', (url, environment, expected) => {
    expect(of(url, environment)).toBe(expected)
  })

  it.each(['socks5://me:secret-word@p.test', 'http://', 'http://me:%E0%A4%A@p.test'])('cannot be %s', (value) => {
    const run = () => proxyFor('Test', new URL('https://a.test'), { HTTPS_PROXY: value })
    expect(run).toThrow(expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining('HTTPS_PROXY') }))
    expect(run).not.toThrow(/secret-word/)
  })

  it.skipIf(isBun)('is read when the provider is made', () => {
    expect(() => make({ baseUrl: 'https://a.test', apiKey: 'none', environment: { HTTPS_PROXY: 'ftp://p.test' } })).toThrow(/HTTPS_PROXY/)
  })
})
