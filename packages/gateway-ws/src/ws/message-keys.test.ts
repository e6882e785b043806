/** Unknown and repeated idempotency keys, through every method and route of the gateway. */
import { describe, expect, test } from 'vitest'
import { post } from '../testing/http.ts'
import { RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

const sent = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

describe('a session that nobody has written to', () => {
  test('is not made by looking at it, aborting, waiting or watching', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    const unknown = { code: 'INVALID_REQUEST', details: { code: 'unknown-session' } }
    const sessionKey = 'agent:main:nobody'
    expect((await client.request('agent.wait', { sessionKey, runId: 'one', timeoutMs: 1_000 })).error).toMatchObject(unknown)
    expect((await client.request('chat.abort', { sessionKey })).error).toMatchObject(unknown)
    expect((await client.request('chat.abort', { sessionKey, runId: 'one' })).error).toMatchObject(unknown)
    expect((await client.request('sessions.deadLetters', { sessionKey })).error).toMatchObject(unknown)
    expect((await client.request('sessions.redrive', { sessionKey, runId: 'one' })).error).toMatchObject(unknown)
    expect(await client.ask('chat.history', { sessionKey })).toMatchObject({ messages: [], total: 0, runs: [] })
    expect(await client.ask('sessions.subscribe', { sessionKey })).toMatchObject({ subscribed: true })
    expect(await client.ask('sessions.list', {})).toMatchObject({ count: 0 })
    expect(await stage.claw.sessions()).toEqual([])
  })

  test('is told of from its first message on to who watched it before', async () => {
    await using stage = await scene()
    await using watcher = await RawClient.connected(stage.url)
    await watcher.ask('sessions.subscribe', { sessionKey: sent.sessionKey })
    await using sender = await RawClient.connected(stage.url)
    await sender.ask('chat.send', sent)
    expect((await watcher.chatEnd('one')).payload).toMatchObject({ state: 'final' })
  })
})

describe('a key that is used again with another message', () => {
  test('is refused by chat.send and agent', async () => {
    await using stage = await scene()
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', sent)
    await client.chatEnd('one')
    const mismatch = { code: 'INVALID_REQUEST', details: { code: 'idempotency-mismatch' }, retryable: false }
    expect((await client.request('chat.send', { ...sent, message: 'bye' })).error).toMatchObject(mismatch)
    expect((await client.request('agent', { ...sent, message: 'bye' })).error).toMatchObject(mismatch)
    expect(await client.ask('chat.send', sent)).toMatchObject({ status: 'ok' })
  })

  test('is refused over HTTP', async () => {
    await using stage = await scene()
    const headers = { 'x-beamclaw-session-key': 'agent:main:a', 'idempotency-key': 'one' }
    const ask = (content: string) => post(stage.url, { model: 'beamclaw', messages: [{ role: 'user', content }] }, headers)
    expect((await ask('hello')).status).toBe(200)
    const refused = await ask('bye')
    expect(refused.status).toBe(409)
    expect(await refused.text()).toContain('idempotency-mismatch')
  })
})
