/** Hostile and broken clients: what each of them gets, and that no other client notices. */
import { once } from 'node:events'
import { ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { post } from '../testing/http.ts'
import { connectParams, RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'
import { upgradeAnswer, upgraded, upgradeStatus } from '../testing/upgrade.ts'
import { withWitness } from '../testing/witness.ts'
import { Connection } from './connection.ts'

const token = { mode: 'token', token: 'correct horse' } as const
const hello = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

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
    await using stage = await scene({ gateway: { services: { clock } } })
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
    await using stage = await scene({ gateway: { services: { random } } })
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

  test('a connection that leaves without connect gives its place back', async () => {
    await using all = await withWitness({ limits: { maxUnauthenticatedPerAddress: 1 } })
    for (let round = 0; round < 3; round++) {
      await vi.waitUntil(async () => (await upgradeStatus(all.stage.url, {})) === 101, 5_000)
    }
  })

  // Each byte counts, also of frames that are no whole message and so never come to a handler.
  test.each([
    ['half a message', [Buffer.from([0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(70_000)]],
    ['pings', Array.from({ length: 600 }, () => Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125)]))],
    ['pieces of a message', Array.from({ length: 70 }, (_, index) => piece(index === 0, 1_000))],
  ])('more than 64 KiB of %s end the connection, long before its 15 seconds are over', async (_what, chunks) => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { services: { clock } } })
    const socket = await upgraded(stage.url)
    const closed = new Promise<void>((resolve) => {
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      // A close frame: the text of the challenge has no such byte.
      socket.on('data', (chunk: Buffer) => chunk.includes(0x88) && resolve())
    })
    socket.write(Buffer.concat(chunks))
    await closed
    socket.destroy()
  })
})

/** A masked part of a text message that does not end. */
function piece(isFirst: boolean, length: number): Buffer {
  return Buffer.concat([Buffer.from([isFirst ? 0x01 : 0x00, 0xfe, length >> 8, length & 0xff, 0, 0, 0, 0]), Buffer.alloc(length, 'x')])
}

describe('after connect', () => {
  test('what is not JSON, no request, or too deep, is passed over', async () => {
    await using all = await withWitness()
    await using client = await RawClient.connected(all.stage.url)
    for (const text of ['{', 'null', '[]', '{"type":"res","id":"","ok":true}', '['.repeat(1_000) + ']'.repeat(1_000)]) client.send(text)
    expect(await client.ask('health')).toMatchObject({ ok: true })
    expect(client.heard.filter(({ type }) => type === 'res')).toHaveLength(2)
  })

  test('what cannot even be compared is refused, and nothing is said about it in the log', async () => {
    const logged: string[] = []
    await using all = await withWitness({ services: { logger: { log: (_level, event) => void logged.push(event) } } })
    await using client = await RawClient.connected(all.stage.url)
    const odd = '{"length":{"toString":null,"valueOf":null}}'
    client.send(`{"type":"req","id":"a","method":${odd}}`)
    client.send(`{"type":"req","id":"b","method":"chat.send","params":{"sessionKey":${odd},"message":"x","idempotencyKey":"k"}}`)
    for (const name of ['a', 'b']) {
      expect(await client.frame(({ id }) => id === name)).toMatchObject({ ok: false, error: { code: 'INVALID_REQUEST' } })
    }
    expect((await post(all.stage.url, `{"model":${odd},"messages":[{"role":"user","content":"x"}]}`)).status).toBe(400)
    expect(logged).toEqual([])
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
    await using stage = await scene({ gateway: { services: { clock }, limits: { requestsPerSecond: 10, requestBurst: 3 } } })
    await using client = await RawClient.connected(stage.url)
    for (let index = 0; index < 3; index++) expect((await client.request('health')).ok).toBe(true)
    expect((await client.request('health')).error).toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 100 })
    await clock.advance(100)
    expect((await client.request('health')).ok).toBe(true)
  })
})

test('a handler that throws closes its connection, and nobody else notices', async () => {
  await using all = await withWitness({})
  await using client = await RawClient.connected(all.stage.url)
  const bug = (): never => {
    throw new TypeError('a bug')
  }
  vi.spyOn(all.stage.claw, 'tree').mockImplementation(bug)
  // Telling the client of it fails, too.
  vi.spyOn(Connection.prototype, 'refuse').mockImplementationOnce(bug)
  client.send({ type: 'req', id: 'x', method: 'status' })
  expect(await client.closed).toMatchObject({ code: 1011 })
})
