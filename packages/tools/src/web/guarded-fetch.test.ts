// Limits, redirects and connections of the guarded client, against real servers.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, createServer } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { BeamClawError } from '@beamclaw/core'
import { flushEventLoop, ManualClock } from '@beamclaw/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Dial } from './guarded-connector.ts'
import { GuardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts'
import type { ResolvedAddress } from './resolver.ts'
import { bodyOf, type LocalServer, localServer, localWeb } from './testing/local-server.ts'

const running: LocalServer[] = []
afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.all(running.splice(0).map((server) => server.close()))
})

async function serve(listener: (request: IncomingMessage, response: ServerResponse) => void): Promise<LocalServer> {
  const server = await localServer(listener)
  running.push(server)
  return server
}

const client = (options: GuardedFetchOptions = {}): GuardedFetch => new GuardedFetch({ ...localWeb, ...options })
const signal = new AbortController().signal

async function failureOf(promise: Promise<unknown>): Promise<BeamClawError> {
  const error = await promise.then(
    () => expect.unreachable('it did not fail'),
    (thrown: unknown) => thrown,
  )
  return BeamClawError.isInstance(error) ? error : expect.unreachable(String(error))
}

async function expectNoConnections(server: LocalServer): Promise<void> {
  await vi.waitFor(async () => expect(await server.connections()).toBe(0))
}

describe('a response', () => {
  it('is read whatever its status, with the URL after redirects', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/a') response.writeHead(302, { location: '/b?x=1' }).end('moved')
      else response.writeHead(404, { 'content-type': 'text/plain' }).end('not here')
    })
    const { url, status, headers, bytes } = await client().fetch({ url: `${server.origin}/a`, signal })
    expect([url.href, status, headers.get('content-type'), Buffer.from(bytes).toString()]).toEqual([
      `${server.origin}/b?x=1`,
      404,
      'text/plain',
      'not here',
    ])
    await expectNoConnections(server)
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('is decompressed (%s)', async (coding, compress) => {
    const server = await serve((_request, response) => response.writeHead(200, { 'content-encoding': coding }).end(compress('plain text')))
    const { bytes } = await client().fetch({ url: server.origin, signal })
    expect(Buffer.from(bytes).toString()).toBe('plain text')
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const)('is refused when %s makes it larger than allowed, before all of it is unpacked', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(64 * 1024 * 1024))
    const server = await serve((_request, response) => response.writeHead(200, { 'content-encoding': coding }).end(bomb))
    const before = process.memoryUsage().arrayBuffers
    const error = await failureOf(client({ maxBytes: 100_000 }).fetch({ url: server.origin, signal }))
    expect(error).toMatchObject({ code: 'fetch-failed', isRetryable: false, details: { limit: 'maxBytes', maxBytes: 100_000 } })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    await expectNoConnections(server)
  })

  it.each(['gzip', 'br'])('that is not what its coding (%s) says fails', async (coding) => {
    const server = await serve((_request, response) => response.writeHead(200, { 'content-encoding': coding }).end('this is plain'))
    expect(await failureOf(client().fetch({ url: server.origin, signal }))).toMatchObject({ code: 'fetch-failed' })
  })

  it('may have as many bytes as allowed, and not one more', async () => {
    const server = await serve((request, response) => response.end('x'.repeat(Number(request.url?.slice(1)))))
    expect((await client({ maxBytes: 1000 }).fetch({ url: `${server.origin}/1000`, signal })).bytes).toHaveLength(1000)
    const error = await failureOf(client({ maxBytes: 1000 }).fetch({ url: `${server.origin}/1001`, signal }))
    expect(error.message).toContain('larger than 1000 bytes')
  })

  it('has at most 32 KiB of headers', async () => {
    const server = await serve((_request, response) => {
      for (let index = 0; index < 40; index++) response.setHeader(`x-${index}`, 'y'.repeat(1024))
      response.end()
    })
    const error = await failureOf(client().fetch({ url: server.origin, signal }))
    expect(error.message).toContain('response headers are too large')
    expect(error.isRetryable).toBe(false)
  })
})

describe('time', () => {
  it.each([
    ['headers never come', () => {}],
    ['the body never ends', (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(200).write('begin')],
    [
      'redirects never end in time',
      (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(302, { location: '/' }),
    ],
  ])('is up when %s', async (_title, listener) => {
    const clock = new ManualClock()
    const server = await serve(listener)
    const fetching = failureOf(client({ clock }).fetch({ url: server.origin, signal }))
    await vi.waitFor(() => expect(server.requests).toHaveLength(1))
    await flushEventLoop()
    await clock.advance(15_000)
    expect(await fetching).toMatchObject({ code: 'fetch-failed', isRetryable: true, details: { timeoutMs: 15_000 } })
    await expectNoConnections(server)
  })

  it('is up when a lookup hangs', async () => {
    const clock = new ManualClock()
    let isAsked = false
    const resolve = (): Promise<never> => {
      isAsked = true
      return new Promise(() => {})
    }
    const fetching = failureOf(client({ clock, resolve }).fetch({ url: 'http://slow.test/', signal: new AbortController().signal }))
    await vi.waitFor(() => expect(isAsked).toBe(true))
    await flushEventLoop()
    await clock.advance(15_000)
    expect(await fetching).toMatchObject({ code: 'fetch-failed', isRetryable: true })
  })

  it('that is up opens no connection once the lookup is done', async () => {
    const clock = new ManualClock()
    const lookup = Promise.withResolvers<readonly ResolvedAddress[]>()
    let isAsked = false
    const resolve = (): Promise<readonly ResolvedAddress[]> => {
      isAsked = true
      return lookup.promise
    }
    const dialed: string[] = []
    const dial: Dial = (_lookup, { hostname }) => void dialed.push(hostname) as undefined
    const fetching = failureOf(client({ clock, resolve, dial }).fetch({ url: 'http://slow.test/', signal }))
    await vi.waitFor(() => expect(isAsked).toBe(true))
    await clock.advance(15_000)
    await fetching
    lookup.resolve([{ address: '127.0.0.1', family: 4 }])
    await flushEventLoop()
    expect(dialed).toEqual([])
  })

  it('leaves no timer behind', async () => {
    const clock = new ManualClock()
    const server = await serve((_request, response) => response.end())
    await client({ clock }).fetch({ url: server.origin, signal })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('an abort', () => {
  it.each(['before', 'while headers are awaited', 'while the body comes'])('ends the request %s', async (moment) => {
    const server = await serve((_request, response) => {
      if (moment === 'while the body comes') response.writeHead(200).write('begin')
    })
    const controller = new AbortController()
    const reason = new Error('enough')
    if (moment === 'before') controller.abort(reason)
    const fetching = client().fetch({ url: server.origin, signal: controller.signal })
    fetching.catch(() => {})
    if (moment !== 'before') {
      await vi.waitFor(() => expect(server.requests).toHaveLength(1))
      controller.abort(reason)
    }
    await expect(fetching).rejects.toBe(reason)
    expect(server.requests).toHaveLength(moment === 'before' ? 0 : 1)
    await expectNoConnections(server)
  })
})

describe('a redirect', () => {
  const secrets = { authorization: 'Bearer secret', cookie: 'a=b', 'x-api-key': 'secret', accept: 'text/html', 'user-agent': 'test' }

  it('to another origin takes no credentials along, also back at the first', async () => {
    const first = await serve((request, response) => {
      if (request.url === '/back') response.end('end')
      else response.writeHead(302, { location: `http://other.test:${second.port}/`, 'set-cookie': 'session=1' }).end()
    })
    const second = await serve((_request, response) => response.writeHead(302, { location: `${first.origin}/back` }).end())
    await client().fetch({ url: `${first.origin}/start`, headers: secrets, signal })
    const [start, back] = first.requests
    expect(start?.headers).toMatchObject(secrets)
    for (const request of [second.requests[0], back]) {
      expect(request?.headers).toMatchObject({ accept: 'text/html', 'user-agent': 'test' })
      for (const name of ['authorization', 'cookie', 'x-api-key']) expect(request?.headers[name]).toBeUndefined()
    }
  })

  it('within one origin keeps the headers of the caller, and sets no cookie', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/end') response.end()
      else response.writeHead(302, { location: '/end', 'set-cookie': 'session=1' }).end()
    })
    await client().fetch({ url: server.origin, headers: { authorization: 'Bearer secret' }, signal })
    expect(server.requests[1]?.headers).toMatchObject({ authorization: 'Bearer secret' })
    expect(server.requests[1]?.headers.cookie).toBeUndefined()
  })

  it.each([
    [303, 'GET', ''],
    [302, 'GET', ''],
    [301, 'GET', ''],
    [307, 'POST', '{"a":1}'],
    [308, 'POST', '{"a":1}'],
  ])('%i of a POST is sent as %s', async (status, method, body) => {
    const bodies: string[] = []
    const server = await serve(async (request, response) => {
      bodies.push(await bodyOf(request))
      if (request.url === '/end') response.end()
      else response.writeHead(status, { location: '/end' }).end()
    })
    const headers = { 'content-type': 'application/json' }
    await client().fetch({ url: `${server.origin}/`, method: 'POST', headers, body: '{"a":1}', signal })
    expect(server.requests[1]?.method).toBe(method)
    expect(bodies).toEqual(['{"a":1}', body])
  })

  it('without a target is a response; one to what is no URL fails', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/none') response.writeHead(302).end('nowhere')
      else response.writeHead(302, { location: 'http://[' }).end()
    })
    expect((await client().fetch({ url: `${server.origin}/none`, signal })).status).toBe(302)
    expect(await failureOf(client().fetch({ url: server.origin, signal }))).toMatchObject({ code: 'fetch-failed', isRetryable: false })
  })
})

describe('a connection', () => {
  it('that is refused or reset fails for a while', async () => {
    const server = await serve((request) => request.socket.destroy())
    expect(await failureOf(client().fetch({ url: server.origin, signal }))).toMatchObject({ code: 'fetch-failed', isRetryable: true })
    await server.close()
    const refused = await failureOf(client().fetch({ url: server.origin, signal }))
    expect(refused).toMatchObject({ code: 'fetch-failed', isRetryable: true })
    expect(refused.message).toContain('nothing accepts connections')
  })

  it('to a name that does not exist fails for good, without a connection', async () => {
    const resolve = async (): Promise<never> => {
      throw Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.test'), { code: 'ENOTFOUND' })
    }
    for (const options of [{ resolve }, { resolve: async () => [] }]) {
      const error = await failureOf(client(options).fetch({ url: 'http://nowhere.test/', signal }))
      expect(error).toMatchObject({ code: 'fetch-failed', isRetryable: false })
      expect(error.message).toContain('does not exist')
    }
  })

  it('that breaks within the body fails for a while', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('begin', () => response.destroy())
    })
    expect(await failureOf(client().fetch({ url: server.origin, signal }))).toMatchObject({ code: 'fetch-failed', isRetryable: true })
  })

  it('to something that does not speak HTTP fails', async () => {
    const server = createServer((socket) => void socket.end('SSH-2.0-OpenSSH\r\n')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    expect(await failureOf(client().fetch({ url: `http://127.0.0.1:${port}/`, signal }))).toMatchObject({ code: 'fetch-failed' })
    server.close()
  })

  it('goes past the proxies of the environment', async () => {
    const server = await serve((_request, response) => response.end('direct'))
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY']) vi.stubEnv(name, 'http://127.0.0.1:9')
    vi.stubEnv('NODE_USE_ENV_PROXY', '1')
    const { bytes } = await client().fetch({ url: server.origin, signal })
    expect(Buffer.from(bytes).toString()).toBe('direct')
  })

  it('goes through a configured proxy, which gets no literal address that is refused', async () => {
    const server = await serve((_request, response) => response.end('by proxy'))
    const asked: string[] = []
    const proxy = createServer((socket) => {
      socket.once('data', (head) => {
        asked.push(head.toString().split('\r\n')[0] ?? '')
        const onward = connect(server.port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
        socket.pipe(onward).pipe(socket)
        for (const end of [socket, onward]) end.on('error', () => {})
      })
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port } = proxy.address() as { port: number }
    const viaProxy = new GuardedFetch({ proxy: `http://127.0.0.1:${port}` })
    const { bytes } = await viaProxy.fetch({ url: 'http://example.com/', signal })
    expect(Buffer.from(bytes).toString()).toBe('by proxy')
    expect(await failureOf(viaProxy.fetch({ url: 'http://127.0.0.1/', signal }))).toMatchObject({ code: 'url-refused' })
    expect(asked).toEqual(['CONNECT example.com:80 HTTP/1.1'])
    proxy.close()
  })
})

it('tells nothing of a URL but its host', async () => {
  const server = await serve((request) => request.socket.destroy())
  const secret = 'token-12345'
  const urls = [
    `${server.origin}/${secret}?key=${secret}#${secret}`,
    `http://${secret}:${secret}@example.com/`,
    `ftp://example.com/${secret}`,
  ]
  for (const url of urls) {
    const error = await failureOf(client().fetch({ url, signal }))
    expect(JSON.stringify([error.message, error.details])).not.toContain(secret)
  }
})
