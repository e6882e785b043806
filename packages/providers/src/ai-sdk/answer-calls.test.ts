// Calls of our tools, and of the tools that the service runs.
import type { Message, ProviderPart } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { finish, partsFrom, textBlock } from './testing/mock-models.ts'

const service = 'ai-sdk:mock.chat'
const end = (reason: string): unknown => expect.objectContaining({ type: 'finish', reason })
const call = (id: string, input: string, more: object = {}): object => ({
  type: 'tool-call',
  toolCallId: id,
  toolName: 'add',
  input,
  ...more,
})
const ids = { next: () => 'made' }

describe('a call', () => {
  test('comes in pieces and then whole, with what the service needs back', async () => {
    const parts = [
      ...textBlock('Look: '),
      { type: 'tool-input-start', id: 'c1', toolName: 'add' },
      { type: 'tool-input-delta', id: 'c1', delta: '{"a":' },
      { type: 'tool-input-delta', id: 'c1', delta: '' },
      { type: 'tool-input-delta', id: 'c1', delta: '"ä🦀"}' },
      { type: 'tool-input-delta', id: 'unknown', delta: '{}' },
      { type: 'tool-input-end', id: 'c1' },
      call('c1', '{"a":"ä🦀"}', { providerMetadata: { mock: { thoughtSignature: 'sig' } } }),
      finish('stop'),
    ]
    expect(await partsFrom(parts)).toEqual([
      { type: 'text-delta', text: 'Look: ' },
      { type: 'text-end' },
      { type: 'tool-call-start', id: 'c1', name: 'add' },
      { type: 'tool-call-delta', id: 'c1', inputText: '{"a":' },
      { type: 'tool-call-delta', id: 'c1', inputText: '"ä🦀"}' },
      {
        type: 'tool-call',
        id: 'c1',
        name: 'add',
        input: { a: 'ä🦀' },
        providerMetadata: { [service]: { options: { mock: { thoughtSignature: 'sig' } } } },
      },
      end('tool-calls'),
    ])
  })

  test('has pieces only where they are JSON', async () => {
    const parts = [
      { type: 'tool-input-start', id: 'c1', toolName: 'add', inputEncoding: 'text' },
      { type: 'tool-input-delta', id: 'c1', delta: 'plain' },
      call('c1', '"plain"'),
      finish('tool-calls'),
    ]
    expect((await partsFrom(parts)).map(({ type }) => type)).toEqual(['tool-call-start', 'tool-call', 'finish'])
  })

  test('gets an id of its own where the model sends none, or one that the conversation has', async () => {
    const before: Message[] = [{ role: 'assistant', content: [{ type: 'tool-call', id: 'c1', name: 'add', input: {} }] }]
    const parts = [{ type: 'tool-input-start', id: 'c1', toolName: 'add' }, call('c1', '{"a":1}'), finish('tool-calls')]
    expect((await partsFrom(parts, { ids }, before)).slice(0, 2)).toMatchObject([
      { type: 'tool-call-start', id: 'made' },
      { type: 'tool-call', id: 'made' },
    ])
    expect(await partsFrom([call('', '{"a":1}'), finish('tool-calls')], { ids })).toContainEqual(
      expect.objectContaining({ type: 'tool-call', id: 'made' }),
    )
  })

  test.each(['length', 'content-filter'])('that %s cut off is left out, and those that are whole are not', async (unified) => {
    const parts = [call('c1', '{"a":1}'), call('c2', '{"a":'), call('c3', ''), ...textBlock('after'), finish(unified)]
    expect(await partsFrom(parts)).toEqual([
      { type: 'tool-call', id: 'c1', name: 'add', input: { a: 1 } },
      { type: 'text-delta', text: 'after' },
      { type: 'text-end' },
      end(unified),
    ])
  })

  test('without input, or with input that is no JSON, keeps its place in a complete answer', async () => {
    const parts = [call('c1', '{"a":'), ...textBlock('between'), call('c2', ''), finish('tool-calls')]
    expect(await partsFrom(parts)).toEqual([
      { type: 'tool-call', id: 'c1', name: 'add', input: {}, invalidInput: '{"a":' },
      { type: 'text-delta', text: 'between' },
      { type: 'text-end' },
      { type: 'tool-call', id: 'c2', name: 'add', input: {} },
      end('tool-calls'),
    ])
  })

  test.each([call('c1', '{}', { toolName: '' }), call('c1', '{}', { toolName: 7 }), call('c1', '{}', { input: { a: 1 } })])(
    'of no form is an error: %j',
    async (part) => {
      await expect(partsFrom([part, finish('tool-calls')])).rejects.toMatchObject({ code: 'provider-protocol' })
    },
  )
})

const custom = (part: object, options?: object): ProviderPart =>
  ({
    type: 'custom',
    kind: (part as { readonly type: string }).type,
    providerMetadata: { [service]: { part, ...(options === undefined ? {} : { options }) } },
  }) as ProviderPart

describe('a tool that the service runs', () => {
  test('leaves its call and its result, which are no calls of ours', async () => {
    const parts = [
      { type: 'tool-input-start', id: 's1', toolName: 'web_search', providerExecuted: true },
      { type: 'tool-input-delta', id: 's1', delta: '{}' },
      {
        type: 'tool-call',
        toolCallId: 's1',
        toolName: 'web_search',
        input: '{"query":"x"}',
        providerExecuted: true,
        providerMetadata: { mock: { itemId: 'i' } },
      },
      { type: 'tool-result', toolCallId: 's1', toolName: 'web_search', result: { progress: 1 }, preliminary: true },
      { type: 'tool-result', toolCallId: 's1', toolName: 'web_search', result: [{ url: 'https://example.com' }] },
      { type: 'tool-result', toolCallId: 's2', toolName: 'web_fetch', result: { errorCode: 'gone' }, isError: true },
      { type: 'tool-result', toolCallId: 's3', toolName: 'say', result: 'plain' },
      finish('tool-calls'),
    ]
    expect(await partsFrom(parts)).toEqual([
      custom(
        { type: 'tool-call', toolCallId: 's1', toolName: 'web_search', input: { query: 'x' }, providerExecuted: true },
        { mock: { itemId: 'i' } },
      ),
      custom({
        type: 'tool-result',
        toolCallId: 's1',
        toolName: 'web_search',
        output: { type: 'json', value: [{ url: 'https://example.com' }] },
      }),
      custom({
        type: 'tool-result',
        toolCallId: 's2',
        toolName: 'web_fetch',
        output: { type: 'error-json', value: { errorCode: 'gone' } },
      }),
      custom({ type: 'tool-result', toolCallId: 's3', toolName: 'say', output: { type: 'text', value: 'plain' } }),
      end('other'),
    ])
  })

  test('leaves files and blocks of the service', async () => {
    const bytes = new Uint8Array([104, 105])
    const parts = [
      { type: 'file', mediaType: 'image/png', data: 'aGk=' },
      { type: 'file', mediaType: 'image/png', data: bytes },
      { type: 'file', mediaType: 'image/png', data: { type: 'data', data: bytes }, providerMetadata: { mock: { a: 1 } } },
      { type: 'reasoning-file', mediaType: 'image/png', data: { type: 'url', url: new URL('https://example.com/a.png') } },
      { type: 'file', mediaType: 'image/png', data: { type: 'later' } },
      { type: 'custom', kind: 'mock.compaction', providerMetadata: { mock: { blob: 'b' } } },
      finish(),
    ]
    const file = { type: 'file', mediaType: 'image/png', data: 'aGk=' }
    expect(await partsFrom(parts)).toEqual([
      custom(file),
      custom(file),
      custom(file, { mock: { a: 1 } }),
      custom({ type: 'reasoning-file', mediaType: 'image/png', url: 'https://example.com/a.png' }),
      { ...custom({ type: 'custom', kind: 'mock.compaction' }, { mock: { blob: 'b' } }), kind: 'mock.compaction' },
      end('stop'),
    ])
  })

  test('leaves out what is too large to be kept, and says so', async () => {
    const parts = [{ type: 'file', mediaType: 'image/png', data: 'a'.repeat(1_000_001) }, finish()]
    expect(await partsFrom(parts)).toEqual([expect.objectContaining({ type: 'warning', setting: 'file' }), end('stop')])
  })
})
