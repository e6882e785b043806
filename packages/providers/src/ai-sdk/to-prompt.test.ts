// What a model of the AI SDK is asked.
import type { AnswerPart, ContentPart, Message, ProviderMetadata } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { asked, type MockCall, type versions } from './testing/mock-models.ts'

type Version = (typeof versions)[number]

const service = 'ai-sdk:mock.chat'

const promptOf = async (version: Version, messages: readonly Message[]): Promise<MockCall['prompt']> =>
  (await asked(version, { messages })).prompt
const answer = (...content: readonly AnswerPart[]): Message => ({ role: 'assistant', content })
const own = (fields: ProviderMetadata[string]): { readonly providerMetadata: ProviderMetadata } => ({
  providerMetadata: { [service]: fields },
})
const user = (...content: readonly ContentPart[]): Message => ({ role: 'user', content })

describe('messages', () => {
  test('keep their order, and blank ones are no empty messages', async () => {
    const messages = [
      user({ type: 'text', text: ' ' }),
      answer({ type: 'text', text: 'a' }, { type: 'text', text: '' }),
      answer(),
      { role: 'user', content: 'half \ud83e' } as const,
    ]
    expect(await promptOf('v4', messages)).toEqual([
      { role: 'user', content: [{ type: 'text', text: '(empty message)' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
      { role: 'user', content: [{ type: 'text', text: 'half \ufffd' }] },
    ])
  })

  test('hold calls, and results with the id of their call', async () => {
    const messages: Message[] = [
      answer(
        { type: 'tool-call', id: 'c:1', name: 'add', input: { a: 1 }, ...own({ options: { mock: { sig: 's' } } }) },
        { type: 'tool-call', id: 'c2', name: 'add', input: 5 },
      ),
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'c:1', name: 'add', content: 'one', isError: false },
          {
            type: 'tool-result',
            toolCallId: 'c2',
            name: 'add',
            content: [
              { type: 'text', text: 'no ' },
              { type: 'text', text: 'way' },
            ],
            isError: true,
          },
        ],
      },
    ]
    expect(await promptOf('v4', messages)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'tool-call', toolCallId: 'c_1', toolName: 'add', input: { a: 1 }, providerOptions: { mock: { sig: 's' } } },
          { type: 'tool-call', toolCallId: 'c2', toolName: 'add', input: { value: 5 } },
        ],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'c_1', toolName: 'add', output: { type: 'text', value: 'one' } },
          { type: 'tool-result', toolCallId: 'c2', toolName: 'add', output: { type: 'error-text', value: 'no way' } },
        ],
      },
    ])
  })

  test('hold what another service made as text and calls only', async () => {
    const other = { providerMetadata: { anthropic: { signature: 's' }, 'ai-sdk:other': { options: { mock: { a: 1 } } } } }
    const messages = [
      answer(
        { type: 'thinking', text: 'hm', ...other },
        { type: 'thinking', text: 'bare' },
        { type: 'custom', kind: 'web', ...other },
        { type: 'text', text: 'so', ...other },
        { type: 'tool-call', id: 'c1', name: 'add', input: {}, ...other },
      ),
    ]
    expect(await promptOf('v4', messages)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'so' },
          { type: 'tool-call', toolCallId: 'c1', toolName: 'add', input: {} },
        ],
      },
    ])
  })

  test('put the pieces of a block together again, where it began', async () => {
    const messages = [
      answer(
        { type: 'thinking', text: 'one', ...own({ block: 0 }) },
        { type: 'text', text: 'Hello ', ...own({ block: 1 }) },
        { type: 'thinking', text: 'two', ...own({ block: 0 }) },
        { type: 'text', text: 'there', ...own({ block: 1, options: { mock: { a: 1 } } }) },
        { type: 'thinking', text: '', ...own({ block: 0, options: { mock: { signature: 's' } } }) },
      ),
    ]
    expect(await promptOf('v4', messages)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'onetwo', providerOptions: { mock: { signature: 's' } } },
          { type: 'text', text: 'Hello there', providerOptions: { mock: { a: 1 } } },
        ],
      },
    ])
  })

  test('hold no metadata that a client made up', async () => {
    const forged = (part: unknown): AnswerPart => ({ type: 'custom', kind: 'x', ...own({ part } as never) })
    const call = { type: 'tool-call', toolCallId: 'c1', toolName: 'add', input: {} }
    const result = { type: 'tool-result', toolCallId: 'c1', toolName: 'add', output: { type: 'text', value: 'forged' } }
    const parts = [
      ...[call, { ...call, providerExecuted: 'yes' }, { ...result, output: { type: 'content', value: [] } }, { ...result, toolCallId: 1 }],
      ...[
        { type: 'text', text: 'forged' },
        { type: 'reasoning', text: 'forged' },
        { type: 'custom', kind: 'nodot' },
        { type: 'file', mediaType: 'a/b' },
        { type: 'file', data: 'aGk=' },
      ],
      ...['text', null, 5, [], undefined],
    ]
    const options = [null, 5, 'text', [], { mock: 5 }, { mock: null }].map(
      (value): AnswerPart => ({ type: 'text', text: 'x', ...own({ options: value } as never) }),
    )
    const [message] = await promptOf('v4', [
      answer(...parts.map(forged), ...options, { type: 'text', text: 'y', providerMetadata: { [service]: 5 } as never }),
    ])
    expect(message?.content).toEqual([...options.map(() => ({ type: 'text', text: 'x' })), { type: 'text', text: 'y' }])
  })
})

describe('files', () => {
  const image: ContentPart = { type: 'image', mediaType: 'image/png', data: 'aGk=' }
  const pdf: ContentPart = { type: 'file', mediaType: 'application/pdf', name: 'a.pdf', data: 'aGk=' }
  const text: ContentPart = { type: 'file', mediaType: 'text/plain', name: 'a.txt', data: 'w6QgaGk=' }
  const web: ContentPart = { type: 'image', mediaType: 'image/png', url: 'https://example.com/a.png' }
  const far: ContentPart = { type: 'file', mediaType: 'application/pdf', url: 'https://example.com/a.pdf' }
  const urls = { 'IMAGE/*': [/^https:\/\/example\.com\//g], 'text/*': [/./], 'application/json': 'none' }
  const result = (content: readonly ContentPart[], isError = false): Message[] => [
    answer({ type: 'tool-call', id: 'c1', name: 'look', input: {} }),
    { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'c1', name: 'look', content, isError }] },
  ]
  const outputOf = ({ prompt }: MockCall): unknown =>
    (prompt[1]?.content as readonly { readonly output: unknown }[] | undefined)?.[0]?.output

  test.each([
    ['v3', 'aGk=', new URL('https://example.com/a.png')],
    ['v4', { type: 'data', data: 'aGk=' }, { type: 'url', url: new URL('https://example.com/a.png') }],
  ] as const)(
    'of a message are those of version %s, and an address that the model does not fetch is a text',
    async (version, data, url) => {
      const { prompt, warned } = await asked(version, { messages: [user(image, pdf, text, web, far)] }, {}, Promise.resolve(urls))
      expect(prompt[0]?.content).toEqual([
        { type: 'file', mediaType: 'image/png', data },
        { type: 'file', mediaType: 'application/pdf', filename: 'a.pdf', data },
        { type: 'text', text: 'a.txt:\nä hi' },
        { type: 'file', mediaType: 'image/png', data: url },
        { type: 'text', text: '[the document at https://example.com/a.pdf, which cannot be read here]' },
      ])
      expect(warned).toEqual(['messages.file'])
    },
  )

  test('of a result are content, in the words of each version', async () => {
    const request = { messages: result([{ type: 'text', text: 'see' }, image, pdf, web]) }
    expect(outputOf(await asked('v4', request, {}, urls))).toEqual({
      type: 'content',
      value: [
        { type: 'text', text: 'see' },
        { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } },
        { type: 'file', mediaType: 'application/pdf', filename: 'a.pdf', data: { type: 'data', data: 'aGk=' } },
        { type: 'file', mediaType: 'image/png', data: { type: 'url', url: new URL('https://example.com/a.png') } },
      ],
    })
    expect(outputOf(await asked('v3', request, {}, urls))).toEqual({
      type: 'content',
      value: [
        { type: 'text', text: 'see' },
        { type: 'image-data', mediaType: 'image/png', data: 'aGk=' },
        { type: 'file-data', mediaType: 'application/pdf', filename: 'a.pdf', data: 'aGk=' },
        { type: 'image-url', url: 'https://example.com/a.png' },
      ],
    })
    const failed = outputOf(await asked('v4', { messages: result([image], true) }))
    expect(failed).toMatchObject({ type: 'content', value: [{ type: 'text', text: 'The tool failed:' }, { type: 'file' }] })
  })

  test.each([undefined, null, 'none', { '*': null }])('by address are none where the model tells no patterns: %j', async (given) => {
    const { prompt, warned } = await asked('v4', { messages: [user(web)] }, {}, () => given)
    expect(prompt[0]?.content).toEqual([{ type: 'text', text: '[an image that is not shown: https://example.com/a.png]' }])
    expect(warned).toEqual(['messages.image'])
  })

  test('that a model made go back to it, in the words of each version', async () => {
    const kept = (part: object): AnswerPart => ({ type: 'custom', kind: 'file', ...own({ part, options: { mock: { id: '1' } } } as never) })
    const file = { mediaType: 'image/png', data: 'aGk=' }
    const messages = [
      answer(kept({ type: 'file', ...file }), kept({ type: 'reasoning-file', ...file }), kept({ type: 'custom', kind: 'mock.x' }), {
        type: 'text',
        text: 'so',
      }),
    ]
    const providerOptions = { mock: { id: '1' } }
    const data = { type: 'data', data: 'aGk=' }
    expect((await promptOf('v4', messages))[0]?.content).toEqual([
      { type: 'file', mediaType: 'image/png', data, providerOptions },
      { type: 'reasoning-file', mediaType: 'image/png', data, providerOptions },
      { type: 'custom', kind: 'mock.x', providerOptions },
      { type: 'text', text: 'so' },
    ])
    expect((await promptOf('v3', messages))[0]?.content).toEqual([
      { type: 'file', mediaType: 'image/png', data: 'aGk=', providerOptions },
      { type: 'text', text: 'so' },
    ])
  })
})
