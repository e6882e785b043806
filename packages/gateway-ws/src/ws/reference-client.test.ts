/** The published client of the protocol, which was written independently. */
import { GatewayClient } from '@openclaw/gateway-client'
import type { EventFrame } from '@openclaw/gateway-protocol/frame-guards'
import { describe, expect, test } from 'vitest'
import { scene } from '../testing/scene.ts'

interface Started {
  readonly client: GatewayClient
  readonly events: EventFrame[]
  readonly next: (holds: (event: EventFrame) => boolean) => Promise<EventFrame>
}

/** Starts one; rejects when it is refused. */
async function started(url: string, token?: string): Promise<Started> {
  const events: EventFrame[] = []
  const waiting = new Set<() => void>()
  const connected = Promise.withResolvers<void>()
  const client = new GatewayClient({
    url: url.replace(/^http/, 'ws'),
    ...(token === undefined ? {} : { token }),
    onHelloOk: () => connected.resolve(),
    onConnectError: (error) => connected.reject(error),
    onEvent: (event) => {
      events.push(event)
      for (const wake of waiting) wake()
      waiting.clear()
    },
  })
  client.start()
  await connected.promise.catch((error: unknown) => {
    client.stop()
    throw error
  })
  const next = async (holds: (event: EventFrame) => boolean): Promise<EventFrame> => {
    for (;;) {
      const found = events.find(holds)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => waiting.add(resolve))
    }
  }
  return { client, events, next }
}

describe('the published client', () => {
  test('connects, talks, reads the history and aborts', async () => {
    await using stage = await scene({
      gateway: { auth: { mode: 'token', token: 'correct horse' } },
      model: ({ messages }) => (messages.length > 2 ? new Promise(() => {}) : { text: 'hi there' }),
    })
    const { client, next } = await started(stage.url, 'correct horse')
    expect(await client.request('status', {})).toMatchObject({ version: '1.2.3' })
    const sessionKey = 'agent:main:main'
    expect(await client.request('chat.send', { sessionKey, message: 'hello', idempotencyKey: 'one' })).toEqual({
      runId: 'one',
      status: 'started',
    })
    const final = await next(({ event, payload }) => event === 'chat' && (payload as { state?: string }).state === 'final')
    expect(final.payload).toMatchObject({ runId: 'one', message: { content: [{ type: 'text', text: 'hi there' }] } })
    expect(await client.request('chat.history', { sessionKey })).toMatchObject({ messages: [{ role: 'user' }, { role: 'assistant' }] })
    expect(await client.request('chat.send', { sessionKey, message: 'more', idempotencyKey: 'two' })).toMatchObject({ status: 'started' })
    expect(await client.request('chat.abort', { sessionKey, runId: 'two' })).toMatchObject({ aborted: true })
    await next(({ event, payload }) => event === 'chat' && (payload as { state?: string }).state === 'aborted')
    client.stop()
  })

  test('waits for the second answer of agent', async () => {
    await using stage = await scene()
    const { client } = await started(stage.url)
    const answer = await client.request('agent', { message: 'hello', idempotencyKey: 'one' }, { expectFinal: true })
    expect(answer).toMatchObject({ status: 'ok', result: { payloads: [{ text: 'you said hello' }] } })
    client.stop()
  })

  test('is told what is wrong with its token', async () => {
    await using stage = await scene({ gateway: { auth: { mode: 'token', token: 'correct horse' } } })
    await expect(started(stage.url, 'wrong')).rejects.toThrow(/wrong token in auth.token/)
  })
})
