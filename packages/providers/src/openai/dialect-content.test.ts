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

  it('is an address of a document for Mistral alone', async () => {
    const linked = shown({ ...pdf, data: undefined, url: 'https://example.com/a.pdf' })
    const { body } = await send('mistral', 'mistral', { messages: [linked] })
    expect(body.messages[0]?.content).toEqual([{ type: 'document_url', document_url: 'https://example.com/a.pdf' }])
    const other = await send('openai', 'openai-chat', { messages: [linked] })
    expect(other.body.messages[0]?.content).toEqual([{ type: 'text', text: 'a.pdf:\nhttps://example.com/a.pdf' }])
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
