/** Sessions of core over a server that dies under them: nothing accepted is lost, nothing runs twice, and the tree goes on. */
import { BeamClaw, BeamClawError, defineAgent, type Provider } from '@beamclaw/core'
import { range } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RedisStore } from './redis-store.ts'
import { noRedis, RedisServer } from './testing/redis-server.ts'

const provider: Provider = {
  async *doStream() {
    yield { type: 'text-delta', text: 'heard' }
    yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
  },
}

describe.skipIf(noRedis !== undefined)(`sessions in Redis${noRedis === undefined ? '' : `: ${noRedis}`}`, () => {
  let server: RedisServer
  beforeEach(async () => {
    server = await RedisServer.start()
  })
  afterEach(() => server.dispose())

  async function start() {
    const store = new RedisStore({ url: server.url, deadlineMs: 2_000 })
    const agents = [defineAgent({ id: 'main', model: 'test/model' })]
    const claw = await new BeamClaw({ providers: { test: provider }, agents, store }).start()
    return { claw, store }
  }

  test('a server that is killed twice under 20 conversations costs refusals, and neither a message nor a second answer', async () => {
    const { claw, store } = await start()
    const sessions = range(1, 20).map((number) => `agent:main:s${number}`)
    const refusals: string[] = []
    /** Sends again until the message was answered, as a client with an idempotency key does. */
    const say = async (session: string, text: string): Promise<void> => {
      for (;;) {
        try {
          await claw
            .session(session)
            .send(text, { idempotencyKey: text.replace(' ', '-'), queueMode: 'queue' })
            .result()
          return
        } catch (error) {
          if (!BeamClawError.isInstance(error) || error.kind === 'caller') throw error
          refusals.push(error.code)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    }
    let answered = 0
    const conversations = sessions.map(async (session) => {
      for (const number of range(1, 30)) {
        await say(session, `message ${number}`)
        answered += 1
      }
    })
    for (const mark of [100, 350]) {
      while (answered < mark) await new Promise((resolve) => setTimeout(resolve, 1))
      await server.kill()
      await server.start()
    }
    await Promise.all(conversations)
    await claw.stop()
    await store.stop()

    const second = await start()
    for (const session of sessions) {
      const { messages } = await second.claw.session(session).history({ limit: 200 })
      const said = messages.flatMap(({ message }) => (message.role === 'user' ? [JSON.stringify(message.content)] : []))
      expect(said.map((text) => /message \d+/.exec(text)?.[0])).toEqual(range(1, 30).map((number) => `message ${number}`))
      expect(messages.filter(({ message }) => message.role === 'assistant')).toHaveLength(30)
    }
    await second.claw.stop()
    await second.store.stop()
    expect(new Set(refusals)).toEqual(new Set(['store-io']))
  }, 60_000)
})
