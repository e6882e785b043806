/** Images and documents, sent to a server that refuses the types that Anthropic refuses. */
import type { FilePart, ImagePart, Message } from '@beamclaw/core'
import { startModelServer } from '@beamclaw/testkit/model-server'
import { describe, expect, it } from 'vitest'
import { exchange } from '../testing/round-trip.ts'
import { AnthropicProvider } from './anthropic-provider.ts'

const model = 'claude-opus-4-8'
const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'

function send(messages: readonly Message[]) {
  return exchange('anthropic', (options) => new AnthropicProvider({ ...options, promptCaching: false }), { model, messages })
}

describe('an image or a document', () => {
  it.each<[string, FilePart | ImagePart, object]>([
    [
      'a PDF',
      { type: 'file', mediaType: 'application/pdf', name: 'a.pdf', data: 'AAAA' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' }, title: 'a.pdf' },
    ],
    [
      'the address of a PDF',
      { type: 'file', mediaType: 'application/pdf', url: 'https://example.com/a.pdf' },
      { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } },
    ],
    [
      'a PDF in a data URL',
      { type: 'file', mediaType: 'application/pdf', url: 'data:application/pdf;base64,AAAA' },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' } },
    ],
    [
      'a text',
      { type: 'file', mediaType: 'text/csv', data: 'YSxi' },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } },
    ],
    [
      'an image in a data URL',
      { type: 'image', mediaType: 'image/png', url: 'data:image/png;base64,AAAA' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
    ],
  ])('goes as it is: %s', async (_, part, block) => {
    const { body, text, warnings } = await send([{ role: 'user', content: [part] }])
    expect(text).toBe('taken')
    expect(body.messages).toEqual([{ role: 'user', content: [block] }])
    expect(warnings).toEqual([])
  })

  it.each<[FilePart | ImagePart, string, string]>([
    [
      { type: 'file', mediaType: docx, name: 'a.docx', data: 'AAAA' },
      '[the document a.docx, which could not be sent and cannot be read here]',
      'messages.file',
    ],
    [
      { type: 'file', mediaType: 'audio/mpeg', data: 'AAAA' },
      '[the document (audio/mpeg), which could not be sent and cannot be read here]',
      'messages.file',
    ],
    [
      { type: 'file', mediaType: 'text/plain', name: 'a.txt', url: 'https://example.com/a.txt' },
      '[the document a.txt at https://example.com/a.txt, which could not be sent and cannot be read here]',
      'messages.file',
    ],
    [{ type: 'image', mediaType: 'image/svg+xml', data: 'AAAA' }, '[an image (image/svg+xml) that is not shown]', 'messages.image'],
  ])('of another type is a text, with a warning, in a message and in a result: %j', async (part, words, setting) => {
    const result = { type: 'tool-result', toolCallId: 'a', name: 'look', content: [part], isError: false } as const
    const { body, text, warnings } = await send([
      { role: 'user', content: [part] },
      { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'look', input: {} }] },
      { role: 'tool', content: [result] },
    ])
    expect(text).toBe('taken')
    expect(body.messages[0]?.content).toEqual([{ type: 'text', text: words }])
    expect(body.messages[2]?.content).toMatchObject([{ type: 'tool_result', content: [{ type: 'text', text: words }] }])
    expect(warnings).toEqual([{ setting, message: expect.stringContaining(part.mediaType) }])
  })

  it.each([
    ['document', docx, "Input should be 'application/pdf'"],
    ['image', 'image/svg+xml', "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"],
  ])('that is sent as %s of the type %s all the same is refused', async (type, mediaType, words) => {
    await using server = await startModelServer({ dialect: 'anthropic', answers: ['taken'] })
    const block = { type, source: { type: 'base64', media_type: mediaType, data: 'AAAA' } }
    const body = JSON.stringify({ model, max_tokens: 9, messages: [{ role: 'user', content: [block] }] })
    const refused = await fetch(`${server.baseUrl}/messages`, { method: 'POST', body })
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { error: { message: `messages.0.content.0.${type}.source.base64.media_type: ${words}` } },
    ])
  })
})
