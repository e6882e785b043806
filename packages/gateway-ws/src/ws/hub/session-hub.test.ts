/** What the hub keeps, and for how long. */
import { describe, expect, test } from 'vitest'
import { RawClient } from '../../testing/raw-client.ts'
import { scene } from '../../testing/scene.ts'

const hello = { message: 'hello' }

describe('a connection may watch a thousand sessions', () => {
  test('and those that it only sent a message to do not count once they are answered', async () => {
    await using stage = await scene({ gateway: { limits: { requestsPerSecond: 100_000, requestBurst: 100_000 } } })
    await using client = await RawClient.connected(stage.url)
    for (let index = 0; index < 1_001; index++) {
      await client.ask('chat.send', { ...hello, sessionKey: `s${index}`, idempotencyKey: `k${index}` })
      await client.chatEnd(`k${index}`)
    }
    expect(await client.ask('sessions.subscribe', { sessionKey: 'one-more' })).toMatchObject({ subscribed: true })
  }, 60_000)

  test('and no more; one that it leaves makes room', async () => {
    await using stage = await scene({ gateway: { limits: { requestsPerSecond: 100_000, requestBurst: 100_000 } } })
    await using client = await RawClient.connected(stage.url)
    await client.ask('sessions.unsubscribe', { sessionKey: 'never-watched' })
    for (let index = 0; index < 1_000; index++) await client.ask('sessions.subscribe', { sessionKey: `s${index}` })
    expect((await client.request('sessions.subscribe', { sessionKey: 'one-more' })).error).toMatchObject({ code: 'INVALID_REQUEST' })
    await client.ask('sessions.unsubscribe', { sessionKey: 's0' })
    expect(await client.ask('sessions.subscribe', { sessionKey: 'one-more' })).toMatchObject({ subscribed: true })
  }, 60_000)
})

test('a session that somebody left in the middle is told of again to who comes back', async () => {
  const held = Promise.withResolvers<void>()
  await using stage = await scene({ model: () => held.promise.then(() => ({ text: 'done' })) })
  const first = await RawClient.connected(stage.url)
  await first.ask('chat.send', { ...hello, sessionKey: 'a', idempotencyKey: 'one' })
  await first[Symbol.asyncDispose]()
  await using second = await RawClient.connected(stage.url)
  expect(await second.ask('chat.send', { ...hello, sessionKey: 'a', idempotencyKey: 'one' })).toMatchObject({ status: 'in_flight' })
  held.resolve()
  expect((await second.chatEnd('one')).payload).toMatchObject({ state: 'final', message: { content: [{ text: 'done' }] } })
})
