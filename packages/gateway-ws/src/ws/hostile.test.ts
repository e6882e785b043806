/** Clients that mean ill, or are broken: what each of them gets, and that nobody else notices. */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test, vi } from 'vitest'
import type { GatewayOptions } from '../gateway.ts'
import { spoken } from '../testing/http.ts'
import { connectParams, RawClient } from '../testing/raw-client.ts'
import { type Scene, scene } from '../testing/scene.ts'

const token = { mode: 'token', token: 'correct horse' } as const
const hello = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

/** Starts a gateway and somebody who uses it as it is meant. */
async function withWitness(
  gateway: Partial<GatewayOptions> = {},
): Promise<{ readonly stage: Scene; readonly witness: RawClient } & AsyncDisposable> {
  const stage = await scene({ gateway })
  const auth = gateway.auth?.mode === 'token' ? { auth: { token: gateway.auth.token } } : {}
  const witness = await RawClient.connected(stage.url, auth)
  return {
    stage,
    witness,
    async [Symbol.asyncDispose]() {
      // Whatever happened: the others go on as if nothing had.
      expect(await witness.ask('chat.send', { ...hello, sessionKey: 'witness', idempotencyKey: 'still-here' })).toMatchObject({
        status: 'started',
      })
      expect((await witness.chatEnd('still-here')).payload).toMatchObject({ state: 'final' })
      await witness[Symbol.asyncDispose]()
      await stage[Symbol.asyncDispose]()
    },
  }
}

describe('connect is refused', () => {
  test.each([
    ['without a token', {}, 'NOT_PAIRED', 'DEVICE_IDENTITY_REQUIRED', 1008],
    ['with a wrong token', { auth: { token: 'correct' } }, 'INVALID_REQUEST', 'AUTH_TOKEN_MISMATCH', 1008],
    ['with the token as a password', { auth: { password: 'correct horse' } }, 'INVALID_REQUEST', 'AUTH_TOKEN_MISMATCH', 1008],
    ['for version 5', { minProtocol: 5, maxProtocol: 5 }, 'INVALID_REQUEST', 'PROTOCOL_MISMATCH', 1002],
    ['for version 3', { minProtocol: 3, maxProtocol: 3 }, 'INVALID_REQUEST', 'PROTOCOL_MISMATCH', 1002],
    ['for an unknown client', { client: { ...connectParams.client, id: 'wizard' } }, 'INVALID_REQUEST', undefined, 1008],
    ['for an unknown role', { role: 'wizard' }, 'INVALID_REQUEST', undefined, 1008],
    ['for a role that has no place here', { role: 'node' }, 'INVALID_REQUEST', undefined, 1008],
    ['with an unknown field', { wizard: true }, 'INVALID_REQUEST', undefined, 1008],
    [
      'for a control UI without a device',
      { client: { ...connectParams.client, id: 'openclaw-control-ui', mode: 'ui' }, auth: { token: 'correct horse' } },
      'INVALID_REQUEST',
      'CONTROL_UI_DEVICE_IDENTITY_REQUIRED',
      1008,
    ],
  ])('%s', async (_how, params, code, detail, close) => {
    await using all = await withWitness({ auth: token })
    await using client = new RawClient(all.stage.url)
    await client.challenge()
    const { ok, error } = await client.request('connect', { ...connectParams, ...params })
    expect(ok).toBe(false)
    expect(error).toMatchObject({ code, message: expect.stringMatching(/./) })
    expect(error?.details?.code).toBe(detail)
    expect(JSON.stringify(error)).not.toContain('correct horse')
    expect(await client.closed).toMatchObject({ code: close })
  })

  test('with a token, for a probe that also speaks version 3, it is not', async () => {
    await using all = await withWitness({ auth: token })
    const client = await RawClient.connected(all.stage.url, { minProtocol: 3, auth: { token: 'correct horse' } })
    await client[Symbol.asyncDispose]()
  })

  test('a device is taken as it is, and is not enough', async () => {
    await using all = await withWitness({ auth: token })
    const device = { id: 'd', publicKey: 'k', signature: 's', signedAt: 1, nonce: 'n' }
    await using client = new RawClient(all.stage.url)
    await client.challenge()
    expect((await client.request('connect', { ...connectParams, device })).error).toMatchObject({ code: 'NOT_PAIRED' })
  })
})

describe('before connect', () => {
  test.each([
    ['not JSON', 'hello?', 1000],
    ['an empty message', '', 1000],
    ['a list of lists of lists …', '['.repeat(1_000) + ']'.repeat(1_000), 1000],
    ['more than 64 KiB', JSON.stringify({ type: 'req', id: '1', method: 'connect', params: { x: 'y'.repeat(70_000) } }), 1009],
  ])('%s closes without a word', async (_what, text, code) => {
    await using all = await withWitness()
    await using client = new RawClient(all.stage.url)
    await client.challenge()
    client.send(text)
    expect(await client.closed).toMatchObject({ code })
    expect(client.heard).toHaveLength(1)
  })

  test.each([
    ['another method', { type: 'req', id: '1', method: 'health' }],
    ['a frame of another type', { type: 'event', id: '1', event: 'tick' }],
    ['a frame with an unknown field', { type: 'req', id: '1', method: 'connect', params: connectParams, wizard: true }],
    ['a frame whose prototype is to be changed', '{"type":"req","id":"1","method":"connect","__proto__":{"x":1}}'],
  ])('%s is refused and closes', async (_what, frame) => {
    await using all = await withWitness()
    await using client = new RawClient(all.stage.url)
    await client.challenge()
    client.send(frame)
    const answer = await client.frame(({ type }) => type === 'res')
    expect(answer).toMatchObject({ id: '1', ok: false, error: { code: 'INVALID_REQUEST' } })
    expect(await client.closed).toMatchObject({ code: 1008 })
  })

  test('JSON in a binary message is as good as in text', async () => {
    await using all = await withWitness()
    await using client = new RawClient(all.stage.url)
    await client.challenge()
    client.send(Buffer.from(JSON.stringify({ type: 'req', id: '1', method: 'connect', params: connectParams })))
    expect(await client.frame(({ type }) => type === 'res')).toMatchObject({ ok: true })
  })

  test('silence, and half a frame, end after 15 seconds', async () => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { ambient: { clock } } })
    await using silent = new RawClient(stage.url)
    await silent.challenge()
    const half = await upgraded(stage.url)
    // The first half of a masked text frame of 100 bytes.
    half.write(Buffer.from([0x81, 0xe4, 1, 2, 3, 4, 5, 6]))
    const ended = once(half, 'close')
    await clock.advance(14_999)
    expect(silent.ws.readyState).toBe(silent.ws.OPEN)
    await clock.advance(1)
    expect(await silent.closed).toMatchObject({ code: 1000 })
    await ended
  })

  test('more than 32 connections of one address are too many, and each is told another time to come again', async () => {
    const random = { next: vi.fn().mockReturnValueOnce(0).mockReturnValue(0.999) }
    await using stage = await scene({ gateway: { ambient: { random } } })
    const clients = Array.from({ length: 32 }, () => new RawClient(stage.url))
    await Promise.all(clients.map((client) => client.challenge()))
    for (const [retryAfterMs, seconds] of [
      [250, 1],
      [1_998, 2],
    ]) {
      const answer = await upgradeAnswer(stage.url)
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 429 Too Many Requests\r\n(.*\r\n)*retry-after: ${seconds}\r\n`))
      expect(answer).toMatch(new RegExp(`"code":"too-many-connections","param":null,"retryAfterMs":${retryAfterMs}}}$`))
    }
    await Promise.all(clients.map((client) => client.request('connect', connectParams)))
    expect(await upgradeStatus(stage.url, {})).toBe(101)
    for (const client of clients) await client[Symbol.asyncDispose]()
  })
})

describe('after connect', () => {
  test('what is not JSON, no request, or too deep, is passed over', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url)
    for (const text of ['{', 'null', '[]', '{"type":"res","id":"","ok":true}', '['.repeat(1_000) + ']'.repeat(1_000)]) client.send(text)
    expect(await client.ask('health')).toMatchObject({ ok: true })
    expect(client.heard.filter(({ type }) => type === 'res')).toHaveLength(2)
  })

  test('an unknown method, also one that every object has, is refused', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url)
    for (const method of ['wizard', 'constructor', '__proto__', 'toString']) {
      expect((await client.request(method)).error).toEqual({ code: 'INVALID_REQUEST', message: `unknown method: ${method}` })
    }
  })

  test('a second connect is refused, and changes nothing', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url)
    const { error } = await client.request('connect', { ...connectParams, scopes: ['operator.admin'] })
    expect(error).toMatchObject({
      code: 'FORBIDDEN',
      details: { code: 'MISSING_SCOPE', missingScope: 'operator.admin', requiredScopes: ['operator.admin'] },
    })
    expect((await client.request('connect', connectParams)).error).toMatchObject({ code: 'FORBIDDEN' })
  })

  test('the same id twice gets an answer each', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url)
    client.send({ type: 'req', id: 'same', method: 'health' })
    client.send({ type: 'req', id: 'same', method: 'agents.list' })
    expect(await client.frames((heard) => heard.filter(({ id }) => id === 'same'), 2)).toHaveLength(2)
  })

  test('a message over the limit closes with 1009', async () => {
    await using all = await withWitness({ limits: { maxPayload: 100_000 } })
    await using client = await RawClient.connected(all.stage.url)
    client.send({ type: 'req', id: '1', method: 'chat.send', params: { ...hello, message: 'x'.repeat(100_000) } })
    expect(await client.closed).toMatchObject({ code: 1009 })
  })

  test('what one may read, it may not write', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url, { scopes: ['operator.read'] })
    expect((await client.request('chat.send', hello)).error).toMatchObject({
      code: 'FORBIDDEN',
      details: { missingScope: 'operator.write' },
    })
    expect(await client.ask('chat.history', { sessionKey: 'a' })).toMatchObject({ messages: [] })
  })

  test('a thousand requests at once are all answered, some with when to come again', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url)
    for (let index = 0; index < 1_000; index++) {
      client.send({
        type: 'req',
        id: `q${index}`,
        method: 'chat.send',
        params: { ...hello, sessionKey: `s${index % 10}`, idempotencyKey: `k${index}` },
      })
    }
    const answers = await client.frames((heard) => heard.filter(({ type, id }) => type === 'res' && id?.startsWith('q')), 1_000)
    const started = answers.filter(({ payload }) => payload?.status === 'started')
    const refused = answers.filter(({ ok }) => ok === false)
    expect(started.length).toBeGreaterThanOrEqual(256)
    expect(started.length + refused.length).toBe(1_000)
    for (const { error } of refused)
      expect(error).toMatchObject({
        code: 'UNAVAILABLE',
        details: { code: 'rate-limited' },
        retryable: true,
        retryAfterMs: expect.any(Number),
      })
  })

  test('more requests a second than allowed are told when to come again', async () => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { ambient: { clock }, limits: { requestsPerSecond: 10, requestBurst: 3 } } })
    await using client = await RawClient.connected(stage.url)
    for (let index = 0; index < 3; index++) expect((await client.request('health')).ok).toBe(true)
    expect((await client.request('health')).error).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 100 })
    await clock.advance(100)
    expect((await client.request('health')).ok).toBe(true)
  })

  test('who does not answer pings is cut off', async () => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { ambient: { clock } } })
    await using alive = await RawClient.connected(stage.url)
    const dead = await RawClient.connected(stage.url, {}, { autoPong: false })
    const pinged = once(dead.ws, 'ping')
    const alsoPinged = once(alive.ws, 'ping')
    await clock.advance(25_000)
    await Promise.all([pinged, alsoPinged])
    // Its pong comes in before the answer to this.
    await alive.ask('health')
    await clock.advance(25_000)
    expect(await dead.closed).toMatchObject({ code: 1006 })
    expect(await alive.ask('status')).toMatchObject({ connections: 1 })
  })

  test('ticks come every 30 seconds', async () => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { ambient: { clock } } })
    await using client = await RawClient.connected(stage.url)
    await clock.advance(30_000)
    expect(await client.frame(({ event }) => event === 'tick')).toMatchObject({ payload: { ts: clock.now() }, seq: 1 })
  })
})

describe('pages and names of others', () => {
  test.each([
    ['an evil origin', { origin: 'https://evil.example' }],
    ['the origin "null"', { origin: 'null' }],
    ['an origin that begins like ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
  ])('%s gets no WebSocket, and takes no place of those that have not sent connect', async (_what, headers) => {
    await using all = await withWitness({ limits: { maxUnauthenticatedPerAddress: 1 } })
    for (let index = 0; index < 3; index++) expect(await upgradeStatus(all.stage.url, headers)).toBe(403)
    expect(await upgradeStatus(all.stage.url, {})).toBe(101)
  })

  test('a wrong bearer token gets no WebSocket, and counts as a wrong token', async () => {
    await using all = await withWitness({ auth: token })
    expect(await upgradeStatus(all.stage.url, { authorization: 'Bearer battery staple' })).toBe(401)
    expect(await upgradeStatus(all.stage.url, { authorization: 'Bearer correct horse' })).toBe(101)
  })

  test('a request for another protocol is no WebSocket', async () => {
    await using all = await withWitness()
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' }
    // Node before 22.21 and 24.9 cannot answer it over HTTP.
    const known = 'shouldUpgradeCallback' in createServer({ shouldUpgradeCallback: () => false })
    expect(await upgradeStatus(`${all.stage.url}/health`, headers)).toBe(known ? 200 : 400)
  })

  test('the gateway’s own origin and the allowed ones get in', async () => {
    await using all = await withWitness({ allowedOrigins: ['https://chat.example'] })
    for (const origin of [all.stage.url, 'https://chat.example']) {
      const client = await RawClient.connected(all.stage.url, {}, { headers: { origin } })
      await client[Symbol.asyncDispose]()
    }
  })

  test.each([
    ['an evil Host', { host: 'evil.example' }, 403],
    ['an evil Host with an Origin to match', { host: 'evil.example', origin: 'http://evil.example' }, 403],
    ['a Host that begins like ours', { host: '127.0.0.1.evil.example' }, 403],
    ['forwarding headers', { 'x-forwarded-for': '10.0.0.1' }, 403],
    ['localhost', { host: 'localhost:1234' }, 101],
    ['an allowed Host', { host: 'claw.example:443' }, 101],
  ])('%s', async (_what, headers, status) => {
    await using all = await withWitness({ allowedHosts: ['claw.example'] })
    expect(await upgradeStatus(all.stage.url, headers)).toBe(status)
  })

  test('two Hosts, another path, and a token in the address get no WebSocket', async () => {
    await using all = await withWitness()
    const { port } = new URL(all.stage.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n${upgradeHeaders}\r\n`)
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /)
    expect(await upgradeStatus(`${all.stage.url}/socket`, {})).toBe(404)
    expect(await upgradeStatus(`${all.stage.url}/?token=correct`, {})).toBe(401)
  })
})

describe('a request line that makes no sense', () => {
  const lines = [
    '//',
    '//[',
    '///',
    '/\\',
    'http://[',
    'http://',
    'http://[::1',
    '*',
    'http://evil.example/',
    'http://evil.example:80/',
    '/%',
    '?',
    '//@',
    'ws://x/',
  ]

  test.each(lines)('%s, with an upgrade and without: it is refused, and the gateway goes on', async (line) => {
    await using all = await withWitness()
    for (const headers of [upgradeHeaders, 'Connection: close\r\n']) {
      const answer = await spoken(all.stage.url, `GET ${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 40[034] /)
    }
  })

  test('an absolute address of the gateway itself will do', async () => {
    await using all = await withWitness()
    const { host } = new URL(all.stage.url)
    expect(await spoken(all.stage.url, `GET http://${host}/health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200 /,
    )
  })
})

test('a handler that throws closes its connection, and nobody else notices', async () => {
  let fails = false
  const logger = {
    log() {
      if (fails) throw new Error('a logger that throws')
    },
  }
  await using all = await withWitness({ ambient: { logger } })
  await using client = await RawClient.connected(all.stage.url)
  fails = true
  vi.spyOn(all.stage.claw, 'tree').mockImplementation(() => {
    throw new TypeError('a bug')
  })
  client.send({ type: 'req', id: 'x', method: 'status' })
  expect(await client.closed).toMatchObject({ code: 1011 })
  fails = false
})

const upgradeHeaders = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${'A'.repeat(22)}==\r\n`

/** A socket on which an upgrade has been asked for. */
function upgrading(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${upgradeHeaders}\r\n`)
  return socket
}

/** All that a refused upgrade is answered with. */
async function upgradeAnswer(url: string): Promise<string> {
  let answer = ''
  for await (const chunk of upgrading(url)) answer += String(chunk)
  return answer
}

/** A socket on which an upgrade has been answered. */
async function upgraded(url: string): Promise<Socket> {
  const socket = upgrading(url)
  await once(socket, 'data')
  return socket
}

/** What a request for a WebSocket is answered with. */
async function upgradeStatus(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const key = `${'A'.repeat(22)}==`
  const request = httpRequest(url, {
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': key, ...headers },
  })
  request.on('upgrade', (response, socket) => {
    socket.destroy()
    resolve(response.statusCode ?? 0)
  })
  request.on('response', (response) => {
    response.resume()
    resolve(response.statusCode ?? 0)
  })
  request.on('error', reject)
  request.end()
  return promise
}
