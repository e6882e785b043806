/** Who hears of what, and how one catches up. */
import { BeamClawError, defineTool } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { RawClient } from '../testing/raw-client.ts'
import { type ModelTurn, scene } from '../testing/scene.ts'

const hello = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

/** A model whose answers come when they are told to. */
function onDemand(): { readonly model: () => Promise<ModelTurn>; readonly answer: (turn: ModelTurn) => void } {
  const waiting: ((turn: ModelTurn) => void)[] = []
  const ready: ModelTurn[] = []
  return {
    model: () => new Promise((resolve) => (ready.length > 0 ? resolve(ready.shift() as ModelTurn) : waiting.push(resolve))),
    answer: (turn) => {
      const next = waiting.shift()
      if (next === undefined) ready.push(turn)
      else next(turn)
    },
  }
}

describe('sessions.subscribe', () => {
  test('with a session: hears of it, whoever sends, and of no other', async () => {
    await using stage = await scene()
    await using watcher = await RawClient.connected(stage.url)
    await using sender = await RawClient.connected(stage.url)
    expect(await watcher.ask('sessions.subscribe', { sessionKey: 'a' })).toEqual({ subscribed: true, sessionKey: 'agent:main:a' })
    await sender.ask('chat.send', { ...hello, sessionKey: 'b', idempotencyKey: 'other' })
    await sender.chatEnd('other')
    await sender.ask('chat.send', hello)
    await stage.claw.session('agent:main:a').send('not by the gateway', { idempotencyKey: 'two' }).result()
    expect((await watcher.chatEnd('one')).payload).toMatchObject({ message: { content: [{ text: 'you said hello' }] } })
    await watcher.chatEnd('two')
    expect(watcher.eventsOf('other')).toEqual([])
    expect(sender.eventsOf('two')).toEqual([])
    expect(watcher.eventsOf('one').map(({ payload }) => payload)).toEqual(sender.eventsOf('one').map(({ payload }) => payload))
  })

  test('in the published form for one session', async () => {
    await using stage = await scene()
    await using watcher = await RawClient.connected(stage.url)
    await watcher.ask('sessions.messages.subscribe', { key: 'a' })
    await stage.claw.session('agent:main:a').send('hello', { idempotencyKey: 'one' }).result()
    await watcher.chatEnd('one')
    expect(await watcher.ask('sessions.messages.unsubscribe', { key: 'a' })).toEqual({ subscribed: false, key: 'agent:main:a' })
    await using other = await RawClient.connected(stage.url)
    await other.ask('chat.send', { ...hello, idempotencyKey: 'two' })
    await other.chatEnd('two')
    await watcher.ask('health')
    expect(watcher.eventsOf('two')).toEqual([])
  })

  test('without one: hears of every session that the gateway gets a message for, also by HTTP', async () => {
    await using stage = await scene()
    await using watcher = await RawClient.connected(stage.url)
    await watcher.ask('sessions.subscribe', {})
    const response = await fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': 'agent:main:web', 'idempotency-key': 'web' },
      body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }),
    })
    await response.text()
    expect((await watcher.chatEnd('web')).payload).toMatchObject({ sessionKey: 'agent:main:web' })
    const changes = await watcher.frames((heard) => heard.filter(({ event }) => event === 'sessions.changed'), 2)
    expect(changes.map(({ payload }) => payload?.reason)).toEqual(['message', 'run-end'])
  })

  test('in the middle of an answer: begins with the text so far', async () => {
    const released = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    await using stage = await scene({
      claw: {
        providers: {
          test: {
            async *doStream() {
              yield { type: 'text-delta', text: 'half ' }
              started.resolve()
              await released.promise
              yield { type: 'text-delta', text: 'whole' }
              yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
            },
          },
        },
      },
    })
    await using sender = await RawClient.connected(stage.url)
    await sender.ask('chat.send', hello)
    await started.promise
    await sender.frame(({ payload }) => payload?.state === 'delta')
    await using late = await RawClient.connected(stage.url)
    await late.ask('sessions.subscribe', { sessionKey: 'a' })
    const [snapshot] = await late.frames((heard) => heard.filter(({ event }) => event === 'chat'), 1)
    expect(snapshot?.payload).toMatchObject({ state: 'delta', deltaText: 'half ', replace: true })
    released.resolve()
    expect((await late.chatEnd('one')).payload).toMatchObject({ message: { content: [{ text: 'half whole' }] } })
    const text = late.eventsOf('one', 'chat').map(({ payload }) => payload?.deltaText ?? '')
    expect(text.join('')).toBe('half whole')
  })

  test('of a session that nobody watched, in the middle of an answer: it is whole in the end', async () => {
    const { model, answer } = onDemand()
    await using stage = await scene({ model })
    const run = stage.claw.session('agent:main:a').send('hello', { idempotencyKey: 'one' })
    await run.accepted
    await using late = await RawClient.connected(stage.url)
    await late.ask('sessions.subscribe', { sessionKey: 'a' })
    answer({ text: 'here it is' })
    expect((await late.chatEnd('one')).payload).toMatchObject({ state: 'final', message: { content: [{ text: 'here it is' }] } })
  })

  test('tells nothing of what was over before', async () => {
    await using stage = await scene()
    const session = stage.claw.session('agent:main:a')
    for (const key of ['old', 'older']) await session.send(key, { idempotencyKey: key }).result()
    await using watcher = await RawClient.connected(stage.url)
    await watcher.ask('sessions.subscribe', { sessionKey: 'a' })
    await session.send('new', { idempotencyKey: 'new' }).result()
    await watcher.chatEnd('new')
    expect(watcher.eventsOf('old')).toEqual([])
    expect(watcher.eventsOf('older')).toEqual([])
  })
})

describe('what is told', () => {
  test('of tools goes to those who connected for it', async () => {
    const turns: ModelTurn[] = [{ text: 'let me look', calls: [{ id: 'c1', name: 'look', input: {} as never }] }, { text: 'it is 42' }]
    const look = defineTool({ name: 'look', description: 'looks', inputSchema: { type: 'object' }, execute: () => 'forty-two' })
    await using stage = await scene({ agent: { tools: [look] }, model: (_request, index) => turns[index] as ModelTurn })
    await using plain = await RawClient.connected(stage.url)
    await using curious = await RawClient.connected(stage.url, { caps: ['tool-events'] })
    await curious.ask('sessions.subscribe', { sessionKey: 'a' })
    await plain.ask('chat.send', hello)
    await curious.chatEnd('one')
    await plain.chatEnd('one')
    const tools = (client: RawClient) => client.eventsOf('one', 'agent').filter(({ payload }) => payload?.stream === 'tool')
    expect(tools(curious).map(({ payload }) => payload?.data)).toMatchObject([
      { phase: 'start', name: 'look', toolCallId: 'c1' },
      { phase: 'result', isError: false, result: 'forty-two' },
    ])
    expect(tools(plain)).toEqual([])
    const text = plain.eventsOf('one', 'chat').map(({ payload }) => payload?.deltaText ?? '')
    expect(text.join('')).toBe('let me look\n\nit is 42')
    expect(plain.heard.filter(({ event }) => event !== 'connect.challenge' && event !== undefined).map(({ seq }) => seq)).toEqual(
      plain.heard.filter(({ event }) => event !== 'connect.challenge' && event !== undefined).map((_, index) => index + 1),
    )
  })

  test('of a long answer costs its length, not its square', async () => {
    const text = 'word '.repeat(2_000)
    await using stage = await scene({ model: () => ({ text }) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    await client.chatEnd('one')
    const bytes = client.eventsOf('one', 'agent').reduce((sum, frame) => sum + JSON.stringify(frame).length, 0)
    expect(bytes).toBeLessThan(text.length * 60)
    const deltas = client
      .eventsOf('one', 'agent')
      .map(({ payload }) => (payload?.data as { readonly delta?: string } | undefined)?.delta ?? '')
    expect(deltas.join('')).toBe(text)
  })

  test('of a run that another attempt began again holds for those who come late, too', async () => {
    const { model, answer } = onDemand()
    await using stage = await scene({ model })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    answer({ before: 'void', fails: new BeamClawError('provider-overloaded', 'busy') })
    await client.frame(({ payload }) => payload?.replace === true)
    await using late = await RawClient.connected(stage.url)
    await late.ask('sessions.subscribe', { sessionKey: 'a' })
    answer({ text: 'valid' })
    await late.chatEnd('one')
    expect(
      late
        .eventsOf('one', 'chat')
        .map(({ payload }) => payload?.deltaText ?? '')
        .join(''),
    ).toBe('valid')
  })
})
