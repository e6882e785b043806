import type { UIMessage } from 'ai'
import { describe, expect, test } from 'vitest'
import type { ScriptedAnswer } from '../../testing/scripted-provider.ts'
import type { SessionHistory } from '../session-replies.ts'
import { calls, finish, PlainChat, says, secret, serve, sessionOf, thinks } from '../testing/chat.ts'
import { toUiMessages } from './ui-messages.ts'

const history = (...messages: readonly [runId: string, message: object][]): SessionHistory =>
  ({ messages: messages.map(([runId, message]) => ({ runId, message, createdAt: 0 })) }) as never

describe('a history as the messages of a chat', () => {
  const answers: ScriptedAnswer[] = [
    { parts: [thinks('hm'), says('Let me look. '), calls('weather', { city: 'Bern' }), finish('tool-calls')] },
    { parts: [calls('broken'), finish('tool-calls')] },
    'It rains.',
    'You are welcome.',
  ]

  test('is what the chat had on its screen', async () => {
    const { session } = await sessionOf(...answers)
    const chat = new PlainChat(await serve(session))
    await chat.sendMessage({ text: 'What is the weather?' })
    await chat.sendMessage({ text: 'Thanks' })
    // The type is the one of the AI SDK.
    const messages: UIMessage[] = toUiMessages(await session.history())
    // Blocks of thinking have an id while they are streamed.
    const plain = (given: readonly UIMessage[]): unknown =>
      JSON.parse(JSON.stringify(given), (name, value) => (name === 'id' && /^reasoning-/.test(value) ? undefined : value))
    const seen = chat.messages.map(({ id, role, parts }) => ({ id, role, parts }))
    expect(plain(messages)).toEqual(plain(seen))
    expect(JSON.stringify(messages)).not.toContain(secret)
  })

  test('lets a chat that begins with it go on', async () => {
    const { session } = await sessionOf('one', 'two')
    await session.send('first', { idempotencyKey: 'a' }).result()
    const chat = new PlainChat(await serve(session), toUiMessages(await session.history()))
    await chat.sendMessage({ text: 'second' })
    expect(chat.messages.map(({ id }) => id).slice(0, 2)).toEqual(['a', 'a:answer'])
    expect(chat.text).toBe('two')
  })

  test('shows images as files, and what the host wants of a failure', async () => {
    const { session } = await sessionOf({ parts: [calls('broken'), finish('tool-calls')] }, 'no')
    const image = { type: 'image', mediaType: 'image/png' } as const
    const content = [{ type: 'text', text: 'see' } as const, { ...image, data: 'AA==' }, { ...image, url: 'https://example.com/a.png' }]
    await session.send(content, { idempotencyKey: 'a' }).result()
    const [asked, answered] = toUiMessages(await session.history(), { errorText: ({ code }) => `sorry: ${code}` })
    expect(asked?.parts).toEqual([
      { type: 'text', text: 'see' },
      { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA==' },
      { type: 'file', mediaType: 'image/png', url: 'https://example.com/a.png' },
    ])
    expect(answered?.parts[1]).toMatchObject({ type: 'tool-broken', state: 'output-error', errorText: 'sorry: tool-failed' })
  })

  test('has no id twice when a message joined a run, and a call without a result waits for it', () => {
    const messages = toUiMessages(
      history(
        ['a', { role: 'user', content: 'go' }],
        ['a', { role: 'assistant', content: [{ type: 'text', text: 'one' }] }],
        ['b', { role: 'user', content: 'wait' }],
        ['a', { role: 'assistant', content: [{ type: 'tool-call', id: 'x', name: 'look', input: { n: 1 } }] }],
      ),
    )
    expect(messages.map(({ id }) => id)).toEqual(['a', 'a:answer', 'b', 'a:answer:2'])
    const call = { type: 'tool-look', toolCallId: 'x', state: 'input-available', input: { n: 1 } }
    expect(messages.at(-1)?.parts).toEqual([{ type: 'step-start' }, call])
  })

  test.each([undefined, null, [], {}, { messages: 5 }])('is refused typed when it is none: %j', (junk) => {
    expect(() => toUiMessages(junk as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})
