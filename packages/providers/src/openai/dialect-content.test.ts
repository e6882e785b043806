/** Formats of answers, images and documents, in the forms that services take; and requests that stay the same from turn to turn. */
import type { Message, ProviderRequest, ToolDeclaration } from '@beamclaw/core'
import type { ModelServerOptions } from '@beamclaw/testkit/model-server'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { type Exchange, exchange, messageOf, resultsOf } from '../testing/round-trip.ts'
import { type ChatDialectName, chatDialectNames } from './dialects/dialect.ts'
import { OpenAiChatProvider } from './openai-chat-provider.ts'

type ServerDialect = NonNullable<ModelServerOptions['dialect']>

const tool: ToolDeclaration = { name: 'look', description: 'look', inputSchema: { type: 'object', properties: {} } }
const hello: Message = { role: 'user', content: 'hello' }
const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false } as const

function send(dialect: ChatDialectName, server: ServerDialect, request: Partial<ProviderRequest>): Promise<Exchange> {
  return exchange(server, (options) => new OpenAiChatProvider({ ...options, dialect }), { model: 'any', messages: [hello], ...request })
}

describe('an answer in a format', () => {
  const json = { responseFormat: { type: 'json' } } as const
  const shaped = { responseFormat: { type: 'json', name: 'shape', schema } } as const
  const enforced = { type: 'json_schema', json_schema: { name: 'shape', schema, strict: true } }
  const object = { type: 'json_object' }

  it.each<[ChatDialectName, ServerDialect, Partial<ProviderRequest>, object | undefined, 'in words' | 'not in words', 'warns' | 'quiet']>([
    ['openai', 'openai-chat', { ...shaped, model: 'gpt-4o' }, enforced, 'not in words', 'quiet'],
    ['openai', 'openai-chat', { ...json, model: 'gpt-4o' }, object, 'in words', 'quiet'],
    ['generic', 'openai-chat', json, object, 'not in words', 'quiet'],
    ['deepseek', 'deepseek', shaped, object, 'in words', 'warns'],
    ['lmstudio', 'lmstudio', shaped, enforced, 'not in words', 'quiet'],
    ['lmstudio', 'lmstudio', json, undefined, 'in words', 'quiet'],
    ['groq', 'groq', { ...shaped, model: 'openai/gpt-oss-20b' }, enforced, 'not in words', 'quiet'],
    ['groq', 'groq', { ...shaped, model: 'qwen/qwen3.8-27b' }, { json_schema: { strict: false } }, 'not in words', 'quiet'],
    ['groq', 'groq', { ...shaped, tools: [tool] }, undefined, 'in words', 'warns'],
    ['ollama', 'ollama', { ...shaped, tools: [tool] }, undefined, 'in words', 'warns'],
    ['gemini', 'gemini', { ...shaped, tools: [tool], model: 'gemini-2.5-flash' }, undefined, 'in words', 'warns'],
    ['gemini', 'gemini', { ...shaped, tools: [tool], model: 'gemini-3.8-flash' }, enforced, 'not in words', 'quiet'],
  ])('%s: %s %j', async (dialect, server, request, format, words, warns) => {
    const { body, text, warnings } = await send(dialect, server, request)
    expect(text).toBe('taken')
    if (format === undefined) expect(body).not.toHaveProperty('response_format')
    else expect(body.response_format).toMatchObject(format)
    const isSaid = JSON.stringify(body.messages[0]).includes('Answer with one JSON value')
    expect(isSaid).toBe(words === 'in words')
    if (isSaid && 'schema' in (request.responseFormat ?? {})) expect(String(body.messages[0]?.content)).toContain(JSON.stringify(schema))
    expect(warnings.map(({ setting }) => setting)).toEqual(warns === 'warns' ? ['responseFormat'] : [])
  })
})

describe('an answer that is no object', () => {
  const roots = [
    { type: 'array', items: { type: 'string' } },
    { type: 'string', enum: ['a', 'b'] },
    { anyOf: [schema, { type: 'null' }] },
  ] as const

  it.each<[ChatDialectName, ServerDialect, string]>([
    ['openai', 'openai-chat', 'gpt-4o'],
    ['azure', 'openai-chat', 'gpt-4o'],
    ['openrouter', 'openai-chat', 'openai/gpt-4o'],
    ['generic', 'openai-chat', 'any'],
    ['groq', 'groq', 'openai/gpt-oss-20b'],
    ['xai', 'xai', 'grok-4.7'],
    ['mistral', 'mistral', 'mistral-small-latest'],
    ['deepseek', 'deepseek', 'deepseek-chat'],
  ])('is asked of %s in words, with a warning', async (dialect, server, model) => {
    for (const root of roots) {
      const { body, text, warnings } = await send(dialect, server, { model, responseFormat: { type: 'json', schema: root } })
      expect(text).toBe('taken')
      expect(body).not.toHaveProperty('response_format')
      expect(body.messages[0]?.content).toContain(JSON.stringify(root))
      expect(warnings).toEqual([
        { setting: 'responseFormat', message: expect.stringContaining(`${model} is held to schemas of objects alone`) },
      ])
    }
  })

  it.each<[ChatDialectName & ServerDialect]>([['gemini'], ['ollama'], ['vllm'], ['lmstudio'], ['llama-cpp']])(
    'is enforced by %s',
    async (dialect) => {
      const { body, text, warnings } = await send(dialect, dialect, { responseFormat: { type: 'json', schema: roots[0] } })
      expect(text).toBe('taken')
      expect(body.response_format).toMatchObject({ json_schema: { schema: roots[0] } })
      expect(warnings).toEqual([])
    },
  )

  it('is refused by OpenAI where its schema is sent all the same', async () => {
    await expect(send('vllm', 'openai-chat', { responseFormat: { type: 'json', name: 'list', schema: roots[0] } })).rejects.toMatchObject({
      code: 'provider-bad-request',
      message: expect.stringContaining(
        `Invalid schema for response_format 'list': schema must be a JSON Schema of 'type: "object"', got 'type: "array"'.`,
      ),
    })
  })
})

describe('what is no text', () => {
  const image = { type: 'image', mediaType: 'image/png', url: 'https://example.com/a.png' } as const
  const pdf = { type: 'file', mediaType: 'application/pdf', name: 'a.pdf', data: 'JVBERi0=' } as const
  const shown = (part: object): Message => ({ role: 'user', content: [part as never] })

  it.each<[ChatDialectName, ServerDialect]>([
    ['ollama', 'ollama'],
    ['lmstudio', 'lmstudio'],
    ['kimi', 'kimi'],
  ])('%s gets no address of an image', async (dialect, server) => {
    const { body, text, warnings } = await send(dialect, server, { messages: [shown(image)] })
    expect(text).toBe('taken')
    expect(body.messages[0]?.content).toEqual([{ type: 'text', text: '[an image that is not shown: https://example.com/a.png]' }])
    expect(warnings).toMatchObject([{ setting: 'messages.image' }])
    const given = await send(dialect, server, { messages: [shown({ ...image, url: undefined, data: 'AAAA' })] })
    expect(given.body.messages[0]?.content).toEqual([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }])
    expect(given.warnings).toEqual([])
  })

  it.each<[ChatDialectName, ServerDialect, string, string]>([
    ['deepseek', 'deepseek', 'deepseek-v4-pro', 'DeepSeek'],
    ['groq', 'groq', 'openai/gpt-oss-120b', 'openai/gpt-oss-120b'],
  ])('%s gets a text in the place of an image, for %s and the model %s', async (dialect, server, model, who) => {
    const seen = { type: 'image', mediaType: 'image/png', data: 'AAAA' } as const
    const call: Message = { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'look', input: {} }] }
    const result = { type: 'tool-result', toolCallId: 'a', name: 'look', content: [seen], isError: false } as const
    const messages = [shown(image), shown(seen), call, { role: 'tool', content: [result] }] as const
    const { body, text, warnings } = await send(dialect, server, { model, messages })
    expect(text).toBe('taken')
    expect(body.messages.map(({ content }) => content)).toEqual([
      [{ type: 'text', text: '[an image that is not shown: https://example.com/a.png]' }],
      [{ type: 'text', text: '[an image (image/png) that is not shown]' }],
      null,
      '[the image follows below]',
      [
        { type: 'text', text: 'From the tool look:' },
        { type: 'text', text: '[an image (image/png) that is not shown]' },
      ],
    ])
    expect(warnings).toEqual([{ setting: 'messages.image', message: `${who} reads no images, so a text was sent in the place of one.` }])
  })

  it('is an image for another model of Groq', async () => {
    const { body, warnings } = await send('groq', 'groq', { model: 'qwen/qwen3.6-27b', messages: [shown(image)] })
    expect(body.messages[0]?.content).toEqual([{ type: 'image_url', image_url: { url: image.url } }])
    expect(warnings).toEqual([])
  })

  it.each<[ServerDialect, string, string]>([
    ['deepseek', 'deepseek-v4-pro', 'messages[0]: unknown variant `image_url`, expected `text`'],
    ['groq', 'openai/gpt-oss-20b', 'messages[0].content must be a string'],
  ])('is refused by %s where it is sent all the same', async (server, model, words) => {
    await expect(send('generic', server, { model, messages: [shown(image)] })).rejects.toMatchObject({
      code: 'provider-bad-request',
      message: expect.stringContaining(words),
    })
  })

  it.each<[ChatDialectName, ServerDialect, object, boolean]>([
    ['openai', 'openai-chat', { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } }, false],
    ['mistral', 'mistral', { type: 'document_url', document_url: 'data:application/pdf;base64,JVBERi0=' }, false],
    ['llama-cpp', 'llama-cpp', { type: 'text', text: '[the document a.pdf, which cannot be read here]' }, true],
    ['ollama', 'ollama', { type: 'text', text: '[the document a.pdf, which cannot be read here]' }, true],
  ])('%s gets a document as it takes it', async (dialect, server, part, warns) => {
    const { body, text, warnings } = await send(dialect, server, { messages: [shown(pdf), shown(pdf)] })
    expect(text).toBe('taken')
    expect(body.messages[0]?.content).toEqual([part])
    expect(warnings.length).toBe(warns ? 1 : 0)
  })

  const linked = { ...pdf, data: undefined, url: 'https://example.com/a.pdf' }
  const unsent = {
    type: 'text',
    text: '[the document a.pdf at https://example.com/a.pdf, which could not be sent and cannot be read here]',
  }

  it.each<[ChatDialectName, ServerDialect, object, boolean]>([
    ['mistral', 'mistral', { type: 'document_url', document_url: linked.url }, false],
    ['openrouter', 'openai-chat', { type: 'file', file: { filename: 'a.pdf', file_data: linked.url } }, false],
    ['openai', 'openai-chat', unsent, true],
    ['groq', 'groq', unsent, true],
  ])('%s gets the address of a document as it takes it', async (dialect, server, part, warns) => {
    const { body, text, warnings } = await send(dialect, server, { messages: [shown(linked)] })
    expect(text).toBe('taken')
    expect(body.messages[0]?.content).toEqual([part])
    expect(warnings.map(({ setting }) => setting)).toEqual(warns ? ['messages.file'] : [])
  })

  it('is fetched by OpenRouter only if it is a PDF', async () => {
    const { body, warnings } = await send('openrouter', 'openai-chat', { messages: [shown({ ...linked, mediaType: 'text/csv' })] })
    expect(body.messages[0]?.content).toEqual([unsent])
    expect(warnings[0]?.message).toBe('OpenRouter fetches no documents of the type text/csv, so only the address of one was sent.')
  })

  it('is data too in a data URL', async () => {
    const inside = (mediaType: string, data: string) =>
      shown({ ...pdf, mediaType, data: undefined, url: `data:${mediaType};base64,${data}` })
    const { body, warnings } = await send('openai', 'openai-chat', {
      messages: [inside('application/pdf', 'JVBERi0='), inside('text/plain', btoa('hi'))],
    })
    expect(body.messages.map(({ content }) => content)).toEqual([
      [{ type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } }],
      [{ type: 'text', text: 'a.pdf:\nhi' }],
    ])
    expect(warnings).toEqual([])
  })
})

describe.each(chatDialectNames)('twenty turns with %s', (dialect) => {
  it('begin each request with the one before, byte for byte', async () => {
    let turn = 0
    await using server = await startModelServer({
      answers: () => {
        turn++
        if (turn % 2 === 0) return { thinking: `Thought ${turn}`, text: `Answer ${turn} 漢字` }
        return {
          thinking: 'Hm',
          text: 'Let me see',
          toolCalls: [
            { id: `call:${turn}`, name: 'look', input: { b: turn, a: [1] } },
            { id: null, name: 'look' },
          ],
        }
      },
    })
    const provider = new OpenAiChatProvider({
      baseUrl: server.baseUrl,
      apiKey: 'sk-turns-0123456789',
      dialect,
      models: { any: { thinking: 'always' } },
    })
    const messages: Message[] = []
    let before: { readonly messages: string; readonly tools: string } | undefined
    for (let count = 0; count < 20; count++) {
      const last = messages.at(-1)
      if (last?.role !== 'tool')
        messages.push({
          role: 'user',
          content:
            count % 3 === 0
              ? [
                  { type: 'text', text: `Ask ${count}` },
                  { type: 'image', mediaType: 'image/png', data: 'AAAA' },
                ]
              : `Ask ${count}`,
        })
      const answer = await messageOf(provider, {
        model: 'any',
        system: 'Be brief',
        thinking: 'low',
        tools: [tool, { ...tool, name: 'b' }],
        messages: [...messages],
      })
      const body = server.requests.at(-1)?.body as { readonly messages: readonly unknown[]; readonly tools: unknown }
      const now = { messages: JSON.stringify(body.messages), tools: JSON.stringify(body.tools) }
      if (before !== undefined) {
        expect(now.messages.startsWith(before.messages.slice(0, -1)), `turn ${count}`).toBe(true)
        expect(now.tools).toBe(before.tools)
      }
      before = now
      messages.push(answer)
      if (answer.content.some(({ type }) => type === 'tool-call')) messages.push(resultsOf(answer))
    }
    expect(turn).toBe(20)
  })
})
