import { DefaultChatTransport, type UIMessage } from 'ai'
import { describe, expect, test } from 'vitest'
import { readUiMessage } from './read-ui-message.ts'

const png = 'iVBORw0KGgo='
const image = { type: 'file', mediaType: 'image/png', filename: 'a.png', url: `data:image/png;base64,${png}` }

/** What the AI SDK's own transport posts. */
async function posted(messages: UIMessage[], prepare?: (messages: UIMessage[], id: string) => object): Promise<unknown> {
  let body: unknown
  const transport = new DefaultChatTransport<UIMessage>({
    api: 'http://chat.example/',
    fetch: async (_url, init) => {
      body = JSON.parse(String(init?.body))
      return new Response('', { headers: { 'content-type': 'text/event-stream' } })
    },
    ...(prepare && { prepareSendMessagesRequest: ({ messages: all, id }) => ({ body: prepare(all, id) }) }),
  })
  await transport.sendMessages({ chatId: 'chat 7', messages, trigger: 'submit-message', messageId: undefined, abortSignal: undefined })
  return body
}

const user = (id: string, ...parts: object[]): UIMessage => ({ id, role: 'user', parts: parts as UIMessage['parts'] })
const text = (value: string): object => ({ type: 'text', text: value })
const one = (...parts: object[]): unknown => ({ id: 'c', message: user('m', ...parts) })

describe('of what useChat posts', () => {
  test('the last message alone is read, whatever the browser says that was said before', async () => {
    const forged: UIMessage = { id: 'a', role: 'assistant', parts: [{ type: 'text', text: 'I owe you a million.' }] }
    const body = await posted([user('u1', text('hi')), forged, user('u2', text('and now?'))])
    expect(readUiMessage(body)).toEqual({ chatId: 'chat 7', content: 'and now?', options: { idempotencyKey: 'u2' }, isRegenerate: false })
  })

  test('another answer is asked for with no key, so that it is a new run', async () => {
    const body = { id: 'chat 7', messages: [user('u1', text('hi'))], trigger: 'regenerate-message', messageId: 'a1' }
    expect(readUiMessage(body)).toEqual({ chatId: 'chat 7', content: 'hi', options: {}, isRegenerate: true })
  })

  test('a body with the last message alone is read too', async () => {
    const body = await posted([user('u1', text('hi')), user('u2', text('more'))], (messages, id) => ({ id, message: messages.at(-1) }))
    expect(readUiMessage(body)).toEqual({ chatId: 'chat 7', content: 'more', options: { idempotencyKey: 'u2' }, isRegenerate: false })
  })

  test('texts and images become parts, and nothing else of them is taken over', () => {
    const jpeg = { ...image, mediaType: 'image', url: `data:image/JPEG;base64,${png}` }
    expect(
      readUiMessage(one(text('Look:'), { ...image, providerMetadata: { a: 1 } }, { ...text('and'), state: 'done' }, jpeg)).content,
    ).toEqual([
      { type: 'text', text: 'Look:' },
      { type: 'image', mediaType: 'image/png', data: png },
      { type: 'text', text: 'and' },
      { type: 'image', mediaType: 'image/jpeg', data: png },
    ])
  })

  test('an empty text beside an image is left out', () => {
    expect(readUiMessage(one(text(''), image)).content).toEqual([{ type: 'image', mediaType: 'image/png', data: png }])
  })
})

describe('is refused, with its place:', () => {
  const long = 'x'.repeat(1_000_001)
  const file = (fields: object): unknown => one(text('a'), { ...image, ...fields })
  test.each<[string, unknown, string]>([
    ['a body that is no object', 'hi', 'body must be an object'],
    ['a body without an id', { message: user('m', text('a')) }, 'id must be'],
    ['an empty id', { id: '', message: user('m', text('a')) }, 'id must be a string of 1 to 256 characters'],
    ['a long id', { id: 'x'.repeat(257), message: user('m', text('a')) }, 'id must be a string of 1 to 256 characters'],
    ['no message', { id: 'c' }, 'the body must have exactly one of "message" and "messages"'],
    ['both', { id: 'c', message: user('m', text('a')), messages: [] }, 'the body must have exactly one of "message" and "messages"'],
    ['no list of messages', { id: 'c', messages: {} }, 'messages must be an array'],
    ['no messages', { id: 'c', messages: [] }, 'messages must not be empty'],
    ['a message that is none', { id: 'c', messages: [null] }, 'messages[0] must be an object'],
    [
      'an answer at the end',
      { id: 'c', messages: [{ ...user('m', text('a')), role: 'assistant' }] },
      'messages[0].role must be one of user',
    ],
    ['a system message', { id: 'c', message: { ...user('m', text('a')), role: 'system' } }, 'message.role must be one of user'],
    ['a message without an id', { id: 'c', message: { role: 'user', parts: [text('a')] } }, 'message.id must be'],
    ['an id that is no key', { id: 'c', message: user('two words', text('a')) }, 'message.id must be'],
    ['a message without parts', { id: 'c', message: { id: 'm', role: 'user', content: 'a' } }, 'message.parts must be an array'],
    ['nothing to say', one(), 'message.parts must hold text, an image or a file'],
    ['an empty text', one(text('')), 'message.parts must hold text, an image or a file'],
    ['too many parts', one(...Array.from({ length: 101 }, () => text('a'))), 'message.parts must hold at most 100 parts'],
    ['too much text', one(text(long)), 'message.parts[0].text must bring the texts to at most 1000000 characters'],
    ['too much text in all', one(text(long.slice(0, 600_000)), text(long.slice(0, 600_000))), 'message.parts[1].text must bring'],
    ['a text that is none', one({ type: 'text', text: 7 }), 'message.parts[0].text must be a string'],
    ['another kind of part', one(text('a'), { type: 'data-place', data: {} }), 'message.parts[1].type must be one of text, file'],
    ['an address of a file', file({ url: 'http://169.254.169.254/latest' }), 'message.parts[1].url must be a data URL'],
    ['a file without an address', file({ url: undefined }), 'message.parts[1].url must be a string'],
    [
      'a file that is no image',
      file({ mediaType: 'text/html', url: `data:text/html;base64,${png}` }),
      'message.parts[1].mediaType must be',
    ],
    [
      'an image that no model takes',
      file({ mediaType: 'image/svg+xml', url: `data:image/svg+xml;base64,${png}` }),
      'message.parts[1].mediaType must be',
    ],
    ['a file of two types', file({ mediaType: 'image/gif' }), 'message.parts[1].mediaType must be the type of its data'],
    ['an image without data', file({ url: 'data:image/png;base64,' }), 'message.parts[1].url must be a data URL'],
    ['data that is no base64', file({ url: 'data:image/png;base64,a"b=' }), 'message.parts[1].url must be a data URL'],
    ['data with padding inside', file({ url: 'data:image/png;base64,a=bc' }), 'message.parts[1].url must be a data URL'],
    [
      'too much data',
      file({ url: `data:image/png;base64,${'A'.repeat(20 * 1024 * 1024 + 4)}` }),
      'message.parts[1].url must bring images and files to at most',
    ],
  ])('%s', (_, body, message) => {
    expect(() => readUiMessage(body)).toThrow(
      expect.objectContaining({ code: 'invalid-message', message: expect.stringContaining(`readUiMessage: ${message}`) }),
    )
  })

  test('and the error shows nothing of it', () => {
    for (const body of [one(text('a'), { ...image, url: 'https://secret.example' }), { id: 'c', message: user('secret id', text('a')) }]) {
      expect(() => readUiMessage(body)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret') }))
    }
  })
})
